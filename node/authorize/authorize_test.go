package authorize

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/godwit/godwit/access/token"
	"github.com/godwit/godwit/fleet/command"
	"github.com/godwit/godwit/transfer"
)

// desk is an authorizer with a manager that can be told what to answer.
type desk struct {
	*Authorizer
	t      *testing.T
	signer ed25519.PrivateKey
	client ed25519.PrivateKey
	now    time.Time
	answer command.Tenant
	fail   error
	asked  int
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)}
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, d.client, err = ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	d.signer = private
	d.answer = command.Tenant{AccessKey: "acme", Permissions: []string{"read", "write"}, Storage: storage(t, t.TempDir())}
	d.Authorizer = New(func(context.Context, command.TenantRequest) (command.Tenant, error) {
		d.asked++
		return d.answer, d.fail
	}, func() time.Time { return d.now })
	d.SetKeys("c1", token.Keys{"k": public})
	return d
}

func storage(t *testing.T, path string) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(command.Storage{Type: "local", Path: path})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func (d *desk) try(change func(*token.Claims, *transfer.Credential, *transfer.Request)) (transfer.Grant, transfer.Code) {
	d.t.Helper()
	public, _ := d.client.Public().(ed25519.PublicKey)
	claims := token.Claims{
		ID: "j", Cluster: "c1", Tenant: "acme", Transfer: "t1", Direction: "push", Permissions: []string{"write"}, ClientKey: public,
		IssuedAt: d.now.Add(-time.Minute).Unix(), ExpiresAt: d.now.Add(time.Hour).Unix(),
	}
	c := transfer.Credential{ClientKey: public, Binding: make([]byte, 32)}
	r := transfer.Request{Direction: transfer.Push, TransferID: "t1"}
	if change != nil {
		change(&claims, &c, &r)
	}
	if c.AccessKey == "" && c.Token == "" {
		signed, err := token.Sign("k", d.signer, claims)
		if err != nil {
			d.t.Fatal(err)
		}
		c.Token = signed
	}
	g, err := d.Authorize(d.t.Context(), c, r)
	return g, transfer.CodeOf(err)
}

func TestTokenGrantsWhatItSays(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.answer.Limits.MaxRateBps = 100
	g, code := d.try(func(c *token.Claims, _ *transfer.Credential, _ *transfer.Request) {
		c.BasePath, c.Paths, c.Limits = "base", []string{"in"}, token.Limits{MaxRateBps: 50, MaxPolicy: "fair", MaxSessions: 2}
	})
	if code != "" || g.Tenant != "acme" || g.TransferID != "t1" || g.BasePath != "base" || !slices.Equal(g.Paths, []string{"in"}) ||
		g.MaxRate != 50 || g.MaxPolicy != transfer.Fair || g.MaxSessions != 2 || !slices.Equal(g.Directions, []transfer.Direction{transfer.Push}) {
		t.Errorf("%q: %+v", code, g)
	}
	root, err := g.OpenRoot()
	if err != nil {
		t.Fatal(err)
	}
	root.Close()
}

func TestGrantSaysWhatMayBeDeletedAndSet(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if g, _ := d.try(nil); g.Delete || len(g.Preserve) > 0 {
		t.Errorf("by default: %+v", g)
	}
	d = newDesk(t)
	raw, err := json.Marshal(command.Storage{Type: "local", Path: t.TempDir(), Preserve: []string{"acls", "xattrs"}})
	if err != nil {
		t.Fatal(err)
	}
	d.answer.Storage = raw
	g, _ := d.try(func(c *token.Claims, _ *transfer.Credential, _ *transfer.Request) {
		c.Permissions = []string{"write", "delete"}
	})
	if !g.Delete || !slices.Equal(g.Preserve, []transfer.Attribute{transfer.KeepACLs, transfer.KeepXattrs}) {
		t.Errorf("with permission and storage: %+v", g)
	}
}

func TestTokenRefusals(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	_, other, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	stranger, _ := other.Public().(ed25519.PublicKey)
	for name, c := range map[string]struct {
		code   transfer.Code
		change func(*token.Claims, *transfer.Credential, *transfer.Request)
	}{
		"another cluster's": {transfer.CodeUnauthorized, func(c *token.Claims, _ *transfer.Credential, _ *transfer.Request) { c.Cluster = "c2" }},
		"another client's":  {transfer.CodeUnauthorized, func(_ *token.Claims, c *transfer.Credential, _ *transfer.Request) { c.ClientKey = stranger }},
		"no client key":     {transfer.CodeUnauthorized, func(_ *token.Claims, c *transfer.Credential, _ *transfer.Request) { c.ClientKey = nil }},
		"another transfer's": {transfer.CodeUnauthorized, func(_ *token.Claims, _ *transfer.Credential, r *transfer.Request) {
			r.TransferID = "t2"
		}},
		"the other direction": {transfer.CodeUnauthorized, func(_ *token.Claims, _ *transfer.Credential, r *transfer.Request) { r.Direction = transfer.Pull }},
		"expired": {transfer.CodeExpired, func(c *token.Claims, _ *transfer.Credential, _ *transfer.Request) {
			c.ExpiresAt = d.now.Add(-time.Hour).Unix()
		}},
		"rubbish":       {transfer.CodeUnauthorized, func(_ *token.Claims, c *transfer.Credential, _ *transfer.Request) { c.Token = "a.b.c" }},
		"no permission": {transfer.CodeUnauthorized, func(c *token.Claims, _ *transfer.Credential, _ *transfer.Request) { c.Permissions = nil }},
	} {
		if _, code := d.try(c.change); code != c.code {
			t.Errorf("%s: %q, want %q", name, code, c.code)
		}
	}
	if d.asked > 1 {
		t.Errorf("the manager was asked %d times about bad tokens", d.asked)
	}
}

func TestWhatTheManagerSaysCounts(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.answer.TransferEnded = true
	if _, code := d.try(nil); code != transfer.CodeEnded {
		t.Errorf("ended transfer: %q", code)
	}
	d.answer.TransferEnded, d.answer.Revoked = false, true
	if _, code := d.try(nil); code != transfer.CodeUnauthorized {
		t.Errorf("revoked key: %q", code)
	}
	d.answer.Revoked = false
	d.Revoke(command.RevokeRequest{Transfer: "t1"})
	if _, code := d.try(nil); code != transfer.CodeEnded {
		t.Errorf("revoked transfer: %q", code)
	}
	d = newDesk(t)
	d.Revoke(command.RevokeRequest{AccessKey: "acme"})
	if _, code := d.try(nil); code != transfer.CodeUnauthorized || d.asked != 0 {
		t.Errorf("revoked access key: %q after %d questions", code, d.asked)
	}
}

func TestWhoIsKnownIsServedWhileTheManagerIsAway(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	away := command.Errorf(command.CodeUnavailable, "away")
	d.fail = away
	if _, code := d.try(nil); code != transfer.CodeBusy {
		t.Errorf("unknown tenant: %q, want a retryable answer", code)
	}
	d.fail = nil
	if _, code := d.try(nil); code != "" {
		t.Fatal(code)
	}
	d.fail = away
	d.now = d.now.Add(30 * time.Minute)
	if _, code := d.try(nil); code != "" {
		t.Errorf("known tenant: %q", code)
	}
	d.now = d.now.Add(2 * time.Hour)
	if _, code := d.try(nil); code != transfer.CodeBusy {
		t.Errorf("known too long ago: %q", code)
	}
	d.fail = command.Errorf(command.CodeNotFound, "no such key")
	if _, code := d.try(nil); code != transfer.CodeUnauthorized {
		t.Errorf("deleted tenant: %q", code)
	}
}

func TestAccessKeyProvesItsSecret(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	old, current := transfer.AccessKeyVerifier("old"), transfer.AccessKeyVerifier("new")
	d.answer.Verifiers = [][]byte{current[:], old[:]}
	with := func(secret string) func(*token.Claims, *transfer.Credential, *transfer.Request) {
		return func(_ *token.Claims, c *transfer.Credential, _ *transfer.Request) {
			c.AccessKey, c.Proof = "acme", transfer.AccessKeyProof(transfer.AccessKeyVerifier(secret), c.Binding)
		}
	}
	for secret, want := range map[string]transfer.Code{"new": "", "old": "", "guess": transfer.CodeUnauthorized} {
		if _, code := d.try(with(secret)); code != want {
			t.Errorf("%s: %q", secret, code)
		}
	}
	if d.asked != 1 {
		t.Errorf("asked %d times within a minute", d.asked)
	}
	// Another connection's proof is worth nothing here.
	if _, code := d.try(func(_ *token.Claims, c *transfer.Credential, _ *transfer.Request) {
		c.AccessKey, c.Proof = "acme", transfer.AccessKeyProof(current, append([]byte{1}, make([]byte, 31)...))
	}); code != transfer.CodeUnauthorized {
		t.Errorf("replayed proof: %q", code)
	}
	d.Forget("acme")
	d.answer.Verifiers = [][]byte{current[:]}
	if _, code := d.try(with("old")); code != transfer.CodeUnauthorized {
		t.Errorf("after the rotation ended: %q", code)
	}
}

func TestStorageIsMadeOnlyWhereItsParentIs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root, err := openRoot(filepath.Join(dir, "acme"))
	if err != nil {
		t.Fatal(err)
	}
	root.Close()
	if _, err := openRoot(filepath.Join(dir, "not-mounted", "acme")); err == nil {
		t.Error("made beneath a missing mount")
	}
	if _, err := os.Stat(filepath.Join(dir, "not-mounted")); err == nil {
		t.Error("a directory was left behind")
	}
	d := newDesk(t)
	for _, bad := range []string{`{"type":"s3","path":"/x"}`, `{"type":"local","path":"relative"}`, `nonsense`} {
		d.answer.Storage = json.RawMessage(bad)
		d.Forget("acme")
		if _, code := d.try(nil); code == "" {
			t.Errorf("storage %s was taken", bad)
		}
	}
}
