package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/godwit/godwit/identity/join"
	"github.com/godwit/godwit/journal/event"
	"github.com/godwit/godwit/statestore"
)

// maxRequest bounds a join request: two CSRs and a few addresses take 2 KiB.
const maxRequest = 32 << 10

// Settings are what a node is told besides its certificates.
type Settings struct {
	FleetURLs       []string
	TokenKeys       json.RawMessage // access/token's JSON form
	Config          json.RawMessage // fleet/command.Config
	ReportIntervalS float64
}

// HandlerConfig wires a Handler. Authority and Settings are required.
type HandlerConfig struct {
	Authority *Authority
	Settings  func(ctx context.Context, node statestore.Node) (Settings, error)
	// VerifyCaller, when set, checks the caller's address and claimed instance id against what the provider knows. Its error refuses the node.
	VerifyCaller func(ctx context.Context, node statestore.Node, remoteAddr, instanceID string) error
	// Record, when set, gets events for the journal: joins, renewals and alerts.
	Record func(ctx context.Context, e event.Event)
	// Binary, when set, opens the node program for Linux of an architecture with a SHA-256 in hexadecimal; os.ErrNotExist when there is none.
	Binary func(arch, sha256 string) (*os.File, error)
	Log    *slog.Logger
}

// Handler serves what is below node/v1: join, renewal, what could not be set up, and the node program.
type Handler struct {
	HandlerConfig
	router chi.Router
}

// NewHandler returns the handler. It routes full paths, join.JoinPath and so on: mount it at the root or strip nothing.
func NewHandler(c HandlerConfig) *Handler {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	h := &Handler{HandlerConfig: c, router: chi.NewRouter()}
	h.router.Post(join.JoinPath, h.serve(h.join))
	h.router.Post(join.RenewPath, h.serve(h.renew))
	h.router.Post(join.FailedPath, h.failed)
	h.router.Get(join.BinaryPath+"{arch}/{sha256}", h.binary)
	return h
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.router.ServeHTTP(w, r) }

type step func(r *http.Request, req *join.Request) (*join.Response, error)

func (h *Handler) serve(do step) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		req, err := readRequest(w, r)
		var res *join.Response
		if err == nil {
			res, err = do(r, req)
		}
		if err != nil {
			h.refuse(w, r, req, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_ = json.NewEncoder(w).Encode(res) // the caller hung up: it will ask again with the same key
	}
}

func readRequest(w http.ResponseWriter, r *http.Request) (*join.Request, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		return nil, bad("request body: %v", err)
	}
	var req join.Request
	if err := json.Unmarshal(body, &req); err != nil {
		return nil, bad("request body: %v", err)
	}
	switch {
	case !nodeID.MatchString(req.NodeID) || req.NodeID == reservedNode:
		return nil, bad("node_id %.80q is malformed", req.NodeID)
	case req.Port < 1 || req.Port > 65535:
		return nil, bad("port %d is out of range 1-65535", req.Port)
	case len(req.Addresses) == 0 || len(req.Addresses) > 16:
		return nil, bad("addresses: give 1 to 16, not %d", len(req.Addresses))
	case len(req.Version) > 100 || len(req.InstanceID) > 200:
		return nil, bad("version or instance_id is too long")
	}
	for _, a := range req.Addresses {
		if !validHost(a) {
			return nil, bad("address %.80q is neither an IP address nor a host name", a)
		}
	}
	return &req, nil
}

// reservedNode is the journal's name for managers as a source of events.
const reservedNode = "manager"

func validHost(s string) bool {
	if net.ParseIP(s) != nil {
		return true
	}
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || strings.Trim(strings.ToLower(label), "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return true
}

// answer makes the response of both operations after the caller has proved who it is.
func (h *Handler) answer(r *http.Request, node statestore.Node, req *join.Request, firstJoin bool) (*join.Response, error) {
	ctx := r.Context()
	if h.VerifyCaller != nil {
		if err := h.VerifyCaller(ctx, node, r.RemoteAddr, req.InstanceID); err != nil {
			return nil, &join.Refusal{Status: http.StatusForbidden, Code: join.CodeCaller, Title: "caller is not this node", Detail: err.Error()}
		}
	}
	controlKey, err := parseCSR(req.CSR)
	if err != nil {
		return nil, bad("csr_pem: %v", err)
	}
	servingKey, err := parseCSR(req.ServingCSR)
	if err != nil {
		return nil, bad("serving_csr_pem: %v", err)
	}
	if controlKey.Equal(servingKey) {
		return nil, bad("control and serving certificates need different keys")
	}
	certs, err := h.Authority.issueNode(ctx, node.ID, controlKey, servingKey, req.Addresses)
	if err != nil {
		return nil, err
	}
	node, err = h.Authority.store.Nodes.Update(ctx, node.ID, func(n *statestore.Node) {
		n.PublicAddress, n.TransferPort, n.SoftwareVersion, n.CertSHA256 = req.Addresses[0], req.Port, req.Version, certs.servingSHA256
		if len(req.Addresses) > 1 {
			n.PrivateAddress = req.Addresses[1]
		}
		if firstJoin || n.JoinedAt == nil {
			now := h.Authority.now().UTC().Truncate(time.Microsecond)
			n.JoinedAt = &now
		}
	})
	if err != nil {
		return nil, err
	}
	s, err := h.Settings(ctx, node)
	if err != nil {
		return nil, err
	}
	return &join.Response{
		ControlCert: certs.control, ServingCert: certs.serving, CA: h.Authority.ControlPEM(), ServingCA: h.Authority.ServingPEM(),
		FleetURLs: s.FleetURLs, TokenKeys: s.TokenKeys, Config: s.Config, ReportIntervalS: s.ReportIntervalS, NotAfter: certs.notAfter,
	}, nil
}

func (h *Handler) record(ctx context.Context, kind string, node statestore.Node, data any) {
	if h.Record == nil {
		return
	}
	e := event.New(kind, h.Authority.now(), data)
	e.Node, e.Cluster = node.ID, node.ClusterID
	h.Record(context.WithoutCancel(ctx), e)
}

func bad(format string, args ...any) error {
	return &join.Refusal{Status: http.StatusBadRequest, Code: join.CodeBadRequest, Title: "request is malformed", Detail: fmt.Sprintf(format, args...)}
}

// refuse answers with an RFC 9457 problem that carries a code from the closed set.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, req *join.Request, err error) {
	var refusal *join.Refusal
	var state *statestore.StateError
	switch {
	case errors.As(err, &refusal):
	case errors.As(err, &state), errors.Is(err, statestore.ErrNotFound):
		refusal = &join.Refusal{Status: http.StatusConflict, Code: join.CodeNodeState, Title: "node is not expected", Detail: "its row says that it has ended or never was"}
	default:
		refusal = &join.Refusal{Status: http.StatusServiceUnavailable, Code: join.CodeUnavailable, Title: "manager cannot answer now", Detail: "try again in a moment"}
	}
	node := ""
	if req != nil {
		node = req.NodeID
	}
	h.Log.Warn("node refused", "node", node, "remote", r.RemoteAddr, "path", r.URL.Path, "code", refusal.Code, "error", err)
	w.Header().Set("Content-Type", "application/problem+json")
	if refusal.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "2")
	}
	w.WriteHeader(refusal.Status)
	_ = json.NewEncoder(w).Encode(refusal) // nothing more can be done for a caller that hung up
}
