// Package authorize decides on a node who may open a session: the transfer service's Authorizer.
//
// Two ways in:
//
//	token       verified offline (access/token), bound to the client key that the handshake proved, for this cluster; then the manager is asked what the tenant's
//	            storage is and whether the transfer is still on. When the manager cannot be asked, what was learnt before serves on: a session that resumes must not
//	            wait for a manager's restart.
//	access key  the client proves the secret by an HMAC over the connection's binding; the verifiers come from the manager.
//
// What is learnt of tenants stays in memory only. Revocation by the manager takes effect at once and lasts until the process ends; the agent repeats it to a restarted service.
package authorize

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/godwit/godwit/access/token"
	"github.com/godwit/godwit/fleet/command"
	"github.com/godwit/godwit/transfer"
)

const (
	// fresh is how long a tenant's facts serve without the manager being asked again, for sessions that name no transfer.
	fresh = time.Minute
	// stale is how long they serve while the manager cannot be asked.
	stale = time.Hour
	// askTimeout bounds the question; a client waits for its session meanwhile.
	askTimeout = 3 * time.Second
)

// Ask learns of a tenant from the manager. A *command.Error with CodeUnavailable tells that it cannot be asked now.
type Ask func(ctx context.Context, r command.TenantRequest) (command.Tenant, error)

// Authorizer implements transfer.Authorizer. It is safe for concurrent use.
type Authorizer struct {
	ask Ask
	now func() time.Time

	mu        sync.Mutex
	cluster   string
	keys      token.Keys
	tenants   map[string]known
	transfers map[string]string // revoked → reason
	accessKey map[string]string // revoked → reason
}

type known struct {
	tenant command.Tenant
	at     time.Time
}

// New returns an authorizer that refuses all tokens until SetKeys.
func New(ask Ask, now func() time.Time) *Authorizer {
	return &Authorizer{ask: ask, now: now, tenants: map[string]known{}, transfers: map[string]string{}, accessKey: map[string]string{}}
}

// SetKeys sets the cluster's id and the keys that verify its tokens.
func (a *Authorizer) SetKeys(cluster string, keys token.Keys) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cluster, a.keys = cluster, keys
}

// Revoke makes a transfer or an access key, whichever is named, worthless from now on.
func (a *Authorizer) Revoke(r command.RevokeRequest) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.Transfer != "" {
		a.transfers[r.Transfer] = r.Reason
	}
	if r.AccessKey != "" {
		a.accessKey[r.AccessKey] = r.Reason
		delete(a.tenants, r.AccessKey)
	}
}

// Forget drops what is known of an access key: its row changed.
func (a *Authorizer) Forget(accessKey string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.tenants, accessKey)
}

// Authorize implements transfer.Authorizer.
func (a *Authorizer) Authorize(ctx context.Context, c transfer.Credential, r transfer.Request) (transfer.Grant, error) {
	switch {
	case c.Token != "":
		return a.byToken(ctx, c, r)
	case c.AccessKey != "":
		return a.byAccessKey(ctx, c, r)
	}
	return transfer.Grant{}, refuse(transfer.CodeUnauthorized, "no token and no access key was presented")
}

func (a *Authorizer) byToken(ctx context.Context, c transfer.Credential, r transfer.Request) (transfer.Grant, error) {
	a.mu.Lock()
	keys, cluster := a.keys, a.cluster
	a.mu.Unlock()
	claims, err := keys.Verify(c.Token, a.now())
	switch {
	case errors.Is(err, token.ErrExpired):
		return transfer.Grant{}, refuse(transfer.CodeExpired, "the transfer token has expired; ask the manager for a new one")
	case err != nil:
		return transfer.Grant{}, refuse(transfer.CodeUnauthorized, err.Error())
	}
	if err := claims.BoundTo(c.ClientKey); err != nil {
		return transfer.Grant{}, refuse(transfer.CodeUnauthorized, err.Error())
	}
	switch {
	case cluster != "" && claims.Cluster != cluster:
		return transfer.Grant{}, refuse(transfer.CodeUnauthorized, "the transfer token is for another cluster")
	case claims.Transfer != "" && r.TransferID != "" && r.TransferID != claims.Transfer:
		return transfer.Grant{}, refuse(transfer.CodeUnauthorized, "the transfer token is for another transfer")
	case r.Direction != transfer.List && string(r.Direction) != claims.Direction:
		return transfer.Grant{}, refuse(transfer.CodeUnauthorized, fmt.Sprintf("the transfer token is for %s, not for %s", claims.Direction, r.Direction))
	}
	t, err := a.tenant(ctx, command.TenantRequest{AccessKey: claims.Tenant, Transfer: claims.Transfer})
	if err != nil {
		return transfer.Grant{}, err
	}
	g, err := grant(t, claims.Permissions)
	if err != nil {
		return g, err
	}
	g.TransferID, g.BasePath, g.Paths = claims.Transfer, claims.BasePath, claims.Paths
	g.MaxPolicy, g.MaxSessions = transfer.Policy(claims.Limits.MaxPolicy), claims.Limits.MaxSessions
	g.MaxRate = lower(g.MaxRate, claims.Limits.MaxRateBps)
	return g, nil
}

func (a *Authorizer) byAccessKey(ctx context.Context, c transfer.Credential, r transfer.Request) (transfer.Grant, error) {
	if len(c.AccessKey) > 128 {
		return transfer.Grant{}, refuse(transfer.CodeUnauthorized, "access key or secret is wrong")
	}
	t, err := a.tenant(ctx, command.TenantRequest{AccessKey: c.AccessKey})
	if err != nil {
		return transfer.Grant{}, err
	}
	ok := false
	for _, v := range t.Verifiers {
		if len(v) == 32 && transfer.CheckAccessKeyProof([32]byte(v), c) {
			ok = true
		}
	}
	if !ok {
		return transfer.Grant{}, refuse(transfer.CodeUnauthorized, "access key or secret is wrong")
	}
	g, err := grant(t, t.Permissions)
	g.TransferID = r.TransferID
	return g, err
}

// tenant learns what is needed of a tenant, and refuses those whose key or transfer is over.
func (a *Authorizer) tenant(ctx context.Context, r command.TenantRequest) (command.Tenant, error) {
	if err := a.revoked(r); err != nil {
		return command.Tenant{}, err
	}
	a.mu.Lock()
	k, have := a.tenants[r.AccessKey]
	a.mu.Unlock()
	age := a.now().Sub(k.at)
	if have && r.Transfer == "" && age < fresh {
		return k.tenant, nil
	}
	asking, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	t, err := a.ask(asking, r)
	var answer *command.Error
	switch {
	case err == nil:
	case errors.As(err, &answer) && answer.Code == command.CodeNotFound:
		return t, refuse(transfer.CodeUnauthorized, "access key or secret is wrong")
	case errors.As(err, &answer) && answer.Code == command.CodeRefused:
		return t, refuse(transfer.CodeUnauthorized, answer.Message)
	case have && age < stale:
		return k.tenant, nil
	default:
		return t, &transfer.Error{
			Code: transfer.CodeBusy, RetryAfter: 2 * time.Second, Err: err,
			Message: "the node cannot reach its manager and does not know this tenant yet; try again in a moment",
		}
	}
	// The revocation may have come while the question was on its way.
	if err := a.revoked(r); err != nil {
		return t, err
	}
	switch {
	case t.Revoked:
		return t, refuse(transfer.CodeUnauthorized, "the access key is revoked")
	case t.TransferEnded:
		return t, refuse(transfer.CodeEnded, "the transfer has ended; start a new one")
	}
	a.mu.Lock()
	a.tenants[r.AccessKey] = known{t, a.now()}
	a.mu.Unlock()
	return t, nil
}

func (a *Authorizer) revoked(r command.TenantRequest) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, gone := a.accessKey[r.AccessKey]; gone {
		return refuse(transfer.CodeUnauthorized, "the access key is revoked")
	}
	if _, gone := a.transfers[r.Transfer]; gone && r.Transfer != "" {
		return refuse(transfer.CodeEnded, "the transfer has ended; start a new one")
	}
	return nil
}

// directions are what each permission of an access key allows.
func directions(permissions []string) []transfer.Direction {
	var out []transfer.Direction
	for permission, d := range map[string]transfer.Direction{"write": transfer.Push, "read": transfer.Pull, "list": transfer.List} {
		if slices.Contains(permissions, permission) {
			out = append(out, d)
		}
	}
	return out
}

func grant(t command.Tenant, permissions []string) (transfer.Grant, error) {
	var s command.Storage
	if err := json.Unmarshal(t.Storage, &s); err != nil {
		return transfer.Grant{}, fmt.Errorf("storage of access key %s: %w", t.AccessKey, err)
	}
	if s.Type != "local" || !filepath.IsAbs(s.Path) {
		return transfer.Grant{}, fmt.Errorf("storage of access key %s: type %q at %q is not known to this node", t.AccessKey, s.Type, s.Path)
	}
	allowed := directions(permissions)
	if len(allowed) == 0 { // an empty list would mean all
		return transfer.Grant{}, refuse(transfer.CodeUnauthorized, "the access key may neither read, write nor list")
	}
	var preserve []transfer.Attribute
	for _, p := range s.Preserve {
		preserve = append(preserve, transfer.Attribute(p))
	}
	return transfer.Grant{
		Delete: slices.Contains(permissions, "delete"), Preserve: preserve,
		Tenant: t.AccessKey, OpenRoot: func() (*os.Root, error) { return openRoot(s.Path) },
		Directions: allowed, MaxRate: t.Limits.MaxRateBps,
	}, nil
}

// openRoot makes the tenant's directory when only itself is missing: where its parent is missing too, a mount may be, and files must not land beneath it.
func openRoot(path string) (*os.Root, error) {
	root, err := os.OpenRoot(path)
	if errors.Is(err, os.ErrNotExist) {
		if err = os.Mkdir(path, 0o755); err == nil || errors.Is(err, os.ErrExist) { // the tenant's other programs read it too
			root, err = os.OpenRoot(path)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("tenant's storage: %w", err)
	}
	return root, nil
}

func lower(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

func refuse(code transfer.Code, message string) error {
	return &transfer.Error{Code: code, Message: message}
}
