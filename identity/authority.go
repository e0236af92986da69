package identity

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/godwit/godwit/identity/pin"
	"github.com/godwit/godwit/statestore"
)

const (
	// refreshEvery bounds how late one manager hears of another's revocation.
	refreshEvery = 3 * time.Second
	// keepExpired is how long an expired certificate stays known, so that a node that was cut off for that long can still prove its old key.
	keepExpired = 90 * 24 * time.Hour
	// forgetEvery paces the removal of rows past their use.
	forgetEvery = time.Hour
)

// Authority is the cluster's certificate authority in this manager. All methods are safe for concurrent use.
type Authority struct {
	store    *statestore.Tables
	cluster  string
	lifetime time.Duration
	now      func() time.Time
	log      *slog.Logger

	control, serving     *issuer
	controlID, servingID string
	controlPool          *x509.CertPool

	mu       sync.Mutex
	revoked  map[string]string // serial → node
	onRevoke []func(node string)
	manager  map[string]*managerCert
}

// Config of an Authority. Store is required.
type Config struct {
	Store   *statestore.Tables
	Cluster string // names the CAs; "godwit" when empty
	// NodeLifetime is how long a node's certificates last; the constant of that name when zero.
	NodeLifetime time.Duration
	Now          func() time.Time // time.Now when nil
	Log          *slog.Logger     // slog.Default when nil
}

// Open loads the certificate authorities, or makes and seals them when the store has none. Two managers that start together end with the same ones.
func Open(ctx context.Context, c Config) (*Authority, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Cluster == "" {
		c.Cluster = "godwit"
	}
	if c.NodeLifetime == 0 {
		c.NodeLifetime = NodeLifetime
	}
	a := &Authority{
		store: c.Store, cluster: c.Cluster, lifetime: c.NodeLifetime, now: c.Now, log: c.Log,
		revoked: map[string]string{}, manager: map[string]*managerCert{}, controlPool: x509.NewCertPool(),
	}
	var err error
	if a.control, a.controlID, err = a.issuer(ctx, statestore.AuthorityControl); err != nil {
		return nil, err
	}
	if a.serving, a.servingID, err = a.issuer(ctx, statestore.AuthorityServing); err != nil {
		return nil, err
	}
	trusted, err := c.Store.Authorities.Trusted(ctx, statestore.AuthorityControl)
	if err != nil {
		return nil, err
	}
	for _, t := range trusted {
		a.controlPool.AppendCertsFromPEM([]byte(t.CertPEM))
	}
	return a, a.Refresh(ctx)
}

func (a *Authority) issuer(ctx context.Context, kind statestore.AuthorityKind) (*issuer, string, error) {
	row, err := a.store.Authorities.Active(ctx, kind)
	if errors.Is(err, statestore.ErrNotFound) {
		row, err = a.create(ctx, kind)
	}
	if err != nil {
		return nil, "", err
	}
	key, err := a.store.Authorities.Key(ctx, row.ID)
	if err != nil {
		return nil, "", err
	}
	i, err := parseIssuer([]byte(row.CertPEM), key)
	return i, row.ID, err
}

func (a *Authority) create(ctx context.Context, kind statestore.AuthorityKind) (statestore.Authority, error) {
	fresh, err := newIssuer(fmt.Sprintf("%s %s CA", a.cluster, kind), a.now())
	if err != nil {
		return statestore.Authority{}, err
	}
	key, err := x509.MarshalPKCS8PrivateKey(fresh.key)
	if err != nil {
		return statestore.Authority{}, fmt.Errorf("CA key: %w", err)
	}
	row, made, err := a.store.Authorities.CreateFirst(ctx,
		statestore.Authority{Kind: kind, CertPEM: string(fresh.pem), NotAfter: fresh.cert.NotAfter}, key)
	if err == nil && made {
		a.log.Info("certificate authority made", "kind", string(kind), "sha256", pin.Of(fresh.cert))
	}
	return row, err
}

// Pin is what nodes and people pin: see package pin.
func (a *Authority) Pin() string { return pin.Of(a.control.cert) }

// ControlPEM is the certificate of the control CA.
func (a *Authority) ControlPEM() string { return string(a.control.pem) }

// ServingPEM is the certificate of the serving CA.
func (a *Authority) ServingPEM() string { return string(a.serving.pem) }

// issued is a node's pair of certificates.
type issued struct {
	control, serving string
	servingSHA256    string
	notAfter         time.Time
}

// issueNode records and signs both certificates of a node. statestore.ErrState when the node has been terminated meanwhile.
func (a *Authority) issueNode(ctx context.Context, node string, controlKey, servingKey *ecdsa.PublicKey, addresses []string) (issued, error) {
	now := a.now()
	control, err := a.control.issue(controlTemplate(a.cluster, node), controlKey, now, a.lifetime)
	if err != nil {
		return issued{}, err
	}
	serving, err := a.serving.issue(servingTemplate(node, addresses), servingKey, now, a.lifetime)
	if err != nil {
		return issued{}, err
	}
	for _, c := range []struct {
		cert      *x509.Certificate
		authority string
	}{{control, a.controlID}, {serving, a.servingID}} {
		sum := sha256.Sum256(c.cert.Raw)
		_, err := a.store.Certificates.Add(ctx, statestore.Certificate{
			Serial: serialText(c.cert.SerialNumber), AuthorityID: c.authority, Subject: c.cert.Subject.String(), NodeID: &node,
			SHA256: hex.EncodeToString(sum[:]), NotBefore: c.cert.NotBefore, NotAfter: c.cert.NotAfter,
		})
		if err != nil {
			return issued{}, err
		}
	}
	sum := sha256.Sum256(serving.Raw)
	return issued{
		control: string(certPEM(control.Raw)), serving: string(certPEM(serving.Raw)) + string(a.serving.pem),
		servingSHA256: hex.EncodeToString(sum[:]), notAfter: control.NotAfter,
	}, nil
}

// OnRevoke registers f to hear of each node that loses its certificates, in this manager or in another. The fleet's Forget belongs here.
func (a *Authority) OnRevoke(f func(node string)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.onRevoke = append(a.onRevoke, f)
}

// RevokeNode revokes all certificates of a node, at once and for good.
func (a *Authority) RevokeNode(ctx context.Context, node, why string) error {
	if _, err := a.store.Certificates.RevokeNode(ctx, node, why); err != nil {
		return err
	}
	return a.Refresh(ctx)
}

// Refresh reads the revocation list anew and tells OnRevoke's listeners what is new in it.
func (a *Authority) Refresh(ctx context.Context) error {
	rows, err := a.store.Certificates.Revoked(ctx)
	if err != nil {
		return err
	}
	a.mu.Lock()
	fresh := map[string]bool{}
	list := make(map[string]string, len(rows))
	for _, r := range rows {
		node := ""
		if r.NodeID != nil {
			node = *r.NodeID
		}
		list[r.Serial] = node
		if _, known := a.revoked[r.Serial]; !known && node != "" {
			fresh[node] = true
		}
	}
	a.revoked = list
	listeners := a.onRevoke
	a.mu.Unlock()
	for node := range fresh {
		for _, f := range listeners {
			f(node)
		}
	}
	return nil
}

// ErrRevoked tells that a certificate is on the revocation list.
var ErrRevoked = errors.New("certificate is revoked")

// Admit tells whether a node's certificate, verified otherwise, may connect to the fleet.
func (a *Authority) Admit(node, serial string) error {
	if !nodeID.MatchString(node) {
		return errors.New("certificate names no node")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, gone := a.revoked[serial]; gone {
		return ErrRevoked
	}
	return nil
}

// Run keeps the revocation list fresh and forgets expired rows, until ctx ends.
func (a *Authority) Run(ctx context.Context) {
	refresh, forget := time.NewTicker(refreshEvery), time.NewTicker(forgetEvery)
	defer refresh.Stop()
	defer forget.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-refresh.C:
			if err := a.Refresh(ctx); err != nil && ctx.Err() == nil {
				a.log.Warn("revocation list not refreshed", "error", err)
			}
		case <-forget.C:
			before := a.now().Add(-keepExpired)
			_, err := a.store.JoinTokens.Forget(ctx, before)
			_, err2 := a.store.Certificates.Forget(ctx, before)
			if err := errors.Join(err, err2); err != nil && ctx.Err() == nil {
				a.log.Warn("old certificates and join tokens not removed", "error", err)
			}
		}
	}
}
