package identity

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/godwit/godwit/identity/join"
	"github.com/godwit/godwit/journal/event"
	"github.com/godwit/godwit/statestore"
)

// ended are the states in which a node gets no certificates any more.
var ended = []statestore.NodeState{statestore.NodeTerminating, statestore.NodeTerminated, statestore.NodeFailed}

// joinable are the states in which a node may show its one-time token. Lost is one: it was slow, not gone.
var joinable = []statestore.NodeState{
	statestore.NodeLaunching, statestore.NodeBooting, statestore.NodeStarting, statestore.NodeRunning, statestore.NodeDraining, statestore.NodeLost,
}

// join admits a node by its one-time token.
func (h *Handler) join(r *http.Request, req *join.Request) (*join.Response, error) {
	ctx := r.Context()
	node, err := h.Authority.store.Nodes.Get(ctx, req.NodeID)
	if errors.Is(err, statestore.ErrNotFound) {
		return nil, tokenRefusal(http.StatusUnauthorized, join.CodeTokenUnknown, "the token is not one of this node's")
	}
	if err != nil {
		return nil, err
	}
	key, err := parseCSR(req.CSR)
	if err != nil {
		return nil, bad("csr_pem: %v", err)
	}
	holder, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, bad("csr_pem: %v", err)
	}
	// The row must still expect the node before the token is spent: a refusal for the state leaves it whole.
	if !slices.Contains(joinable, node.State) {
		return nil, stateRefusal(node)
	}
	if err := h.spend(ctx, r, node, req.Token, holder); err != nil {
		return nil, err
	}
	res, err := h.answer(r, node, req, true)
	if err == nil {
		h.record(ctx, event.NodeJoined, node, event.Node{Version: req.Version, Remote: r.RemoteAddr})
	}
	return res, err
}

// spend consumes the token for the key that the request proved. The same key may spend it again until it expires: its first answer got lost.
func (h *Handler) spend(ctx context.Context, r *http.Request, node statestore.Node, token string, holder []byte) error {
	sum := sha256.Sum256(holder)
	mark := " with key " + hex.EncodeToString(sum[:])
	row, err := h.Authority.store.JoinTokens.Consume(ctx, node.ID, statestore.Secret(token), r.RemoteAddr+mark)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, statestore.ErrUsed):
		if strings.HasSuffix(row.UsedFrom, mark) && h.Authority.now().Before(row.ExpiresAt) {
			return nil
		}
		h.record(ctx, event.AlertJoinReused, node, event.Alert{
			Text:   fmt.Sprintf("Join token of node %s was presented again with another key; it was used at %s from %s.", node.Name, row.UsedAt.UTC().Format(time.RFC3339), row.UsedFrom),
			Remote: r.RemoteAddr,
		})
		return tokenRefusal(http.StatusConflict, join.CodeTokenUsed, "the token has been used; each serves once")
	case errors.Is(err, statestore.ErrExpired):
		return tokenRefusal(http.StatusUnauthorized, join.CodeTokenExpired, "the token has expired; the manager launches another node")
	case errors.Is(err, statestore.ErrNotFound):
		h.record(ctx, event.AlertJoin, node, event.Alert{Text: "A wrong join token was presented for node " + node.Name + ".", Remote: r.RemoteAddr})
		return tokenRefusal(http.StatusUnauthorized, join.CodeTokenUnknown, "the token is not one of this node's")
	}
	return err
}

// renew admits a node by the key of its old certificate, which may have expired.
func (h *Handler) renew(r *http.Request, req *join.Request) (*join.Response, error) {
	ctx := r.Context()
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return nil, tokenRefusal(http.StatusUnauthorized, join.CodeRevoked, "renewal needs the node's certificate on the TLS connection")
	}
	leaf := r.TLS.PeerCertificates[0]
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: h.Authority.controlPool, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		// Judged as of its own beginning: the key counts, the row below decides.
		CurrentTime: leaf.NotBefore.Add(time.Second),
	})
	if err != nil || leaf.Subject.CommonName != req.NodeID {
		return nil, tokenRefusal(http.StatusUnauthorized, join.CodeRevoked, "the certificate is not this cluster's for this node")
	}
	row, err := h.Authority.store.Certificates.Get(ctx, serialText(leaf.SerialNumber))
	if errors.Is(err, statestore.ErrNotFound) || err == nil && (row.RevokedAt != nil || row.NodeID == nil || *row.NodeID != req.NodeID) {
		return nil, tokenRefusal(http.StatusUnauthorized, join.CodeRevoked, "the certificate is revoked")
	}
	if err != nil {
		return nil, err
	}
	node, err := h.Authority.store.Nodes.Get(ctx, req.NodeID)
	if err != nil {
		return nil, err
	}
	if slices.Contains(ended, node.State) {
		return nil, stateRefusal(node)
	}
	res, err := h.answer(r, node, req, false)
	if err == nil {
		h.record(ctx, event.NodeRenewed, node, event.Node{Version: req.Version, Remote: r.RemoteAddr})
	}
	return res, err
}

func tokenRefusal(status int, code, detail string) error {
	return &join.Refusal{Status: status, Code: code, Title: "node may not join", Detail: detail}
}

func stateRefusal(node statestore.Node) error {
	return &join.Refusal{
		Status: http.StatusConflict, Code: join.CodeNodeState, Title: "node is not expected",
		Detail: fmt.Sprintf("node %s is %s", node.Name, node.State),
	}
}
