package access_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/godwit/godwit/access"
	"github.com/godwit/godwit/access/secret"
	"github.com/godwit/godwit/access/token"
	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/statestore/storetest"
	"github.com/godwit/godwit/transfer"
)

type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func setup(t *testing.T) (*statestore.Store, *clock) {
	t.Helper()
	c := &clock{now: time.Now().UTC().Truncate(time.Second)}
	return storetest.New(t, func(conf *statestore.Config) { conf.Clock = c.Now }), c
}

type place struct{}

func (place) Place(context.Context, string, []string) (access.Place, error) {
	return access.Place{NodeID: "n", Host: "127.0.0.1", Port: 7000}, nil
}

func claims(c *clock, lifetime time.Duration) token.Claims {
	return token.Claims{
		ID: "j", Cluster: "c", Tenant: "ak", Direction: "list", ClientKey: make([]byte, ed25519.PublicKeySize),
		IssuedAt: c.now.Unix(), ExpiresAt: c.now.Add(lifetime).Unix(),
	}
}

func TestTokensOutliveTheRotationOfTheirKey(t *testing.T) {
	t.Parallel()
	store, c := setup(t)
	ctx := t.Context()
	signer, other := access.NewSigner(store, c.Now), access.NewSigner(store, c.Now)
	if err := errors.Join(signer.Prepare(ctx), other.Prepare(ctx)); err != nil {
		t.Fatal(err)
	}
	long, err := signer.Sign(ctx, claims(c, access.MaxLifetime))
	if err != nil {
		t.Fatal(err)
	}
	if keys, err := signer.Keys(ctx); err != nil || len(keys) != 1 {
		t.Fatalf("two managers that start together made %d keys: %v", len(keys), err)
	}
	if err := store.Tx(ctx, func(tx *statestore.Tables) error { _, err := signer.Rotate(ctx, tx); return err }); err != nil {
		t.Fatal(err)
	}
	c.now = c.now.Add(time.Minute)
	fresh, err := other.Sign(ctx, claims(c, time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := signer.Keys(ctx)
	if err != nil || len(keys) != 2 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	for name, s := range map[string]string{"before the rotation": long, "after": fresh} {
		if _, err := keys.Verify(s, c.now); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	c.now = c.now.Add(access.MaxLifetime)
	keys, err = signer.Keys(ctx)
	if err != nil || len(keys) != 1 {
		t.Fatalf("the retired key stays: %d keys, %v", len(keys), err)
	}
	if _, err := keys.Verify(long, c.now); !errors.Is(err, token.ErrUnknownKey) {
		t.Errorf("%v", err)
	}
}

func TestNoTenantGetsTheManagersOwnStateOrAFile(t *testing.T) {
	t.Parallel()
	store, c := setup(t)
	own := t.TempDir()
	file := filepath.Join(t.TempDir(), "passwd")
	link := filepath.Join(t.TempDir(), "link")
	if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Symlink(own, link)); err != nil {
		t.Fatal(err)
	}
	keys := access.NewKeys(store.Tables, c.Now)
	keys.Close(own)
	for name, path := range map[string]string{
		"the directory itself": own, "one below it": own + "/postgres", "one above it": filepath.Dir(own), "a link to it": link, "a file": file,
	} {
		raw, err := json.Marshal(access.Storage{Type: "local", Path: path})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = keys.In(store.Tables).Create(t.Context(), statestore.AccessKey{Name: "x", Storage: raw})
		var refused *access.Refused
		if !errors.As(err, &refused) || refused.Field != "storage.path" {
			t.Errorf("%s: %v, want a refusal of storage.path", name, err)
		}
	}
}

func TestSecretIsStoredAsItsSealedVerifierAlone(t *testing.T) {
	t.Parallel()
	store, c := setup(t)
	ctx := t.Context()
	keys := access.NewKeys(store.Tables, c.Now)
	row, s, err := keys.Create(ctx, statestore.AccessKey{Name: "acme", Storage: []byte(`{"type":"local","path":"/srv/acme"}`)})
	if err != nil {
		t.Fatal(err)
	}
	got, err := keys.Verifiers(ctx, row.ID)
	if err != nil || len(got) != 1 || !secret.Equal(got[0], secret.Verifier(s)) {
		t.Errorf("%x %v", got, err)
	}
	if _, err := keys.Authenticate(ctx, row.ID, s); err != nil {
		t.Error(err)
	}
	for name, wrong := range map[string][2]string{
		"secret": {row.ID, s + "x"}, "id": {"ak_" + statestore.NewID(), s}, "form of id": {"admin", s}, "verifier as secret": {row.ID, string(got[0])},
	} {
		if _, err := keys.Authenticate(ctx, wrong[0], wrong[1]); !errors.Is(err, statestore.ErrNotFound) {
			t.Errorf("wrong %s: %v", name, err)
		}
	}
	if err := store.AccessKeys.Revoke(ctx, row.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Authenticate(ctx, row.ID, s); !errors.Is(err, statestore.ErrNotFound) {
		t.Errorf("revoked: %v", err)
	}
}

func TestNothingIsStoredWhenTheSpecCannotBeRecorded(t *testing.T) {
	t.Parallel()
	store, c := setup(t)
	ctx := t.Context()
	signer := access.NewSigner(store, c.Now)
	if err := signer.Prepare(ctx); err != nil {
		t.Fatal(err)
	}
	row, _, err := access.NewKeys(store.Tables, c.Now).Create(ctx, statestore.AccessKey{Name: "acme", Storage: []byte(`{"type":"local","path":"/srv/acme"}`)})
	if err != nil {
		t.Fatal(err)
	}
	cluster := storetest.Cluster(t, store, "alpha")
	broken := errors.New("audit is broken")
	_, _, err = access.NewIssuer(store, signer, place{}, c.Now).Create(ctx, access.Ask{
		Tenant: row, ClusterID: cluster.ID, Direction: transfer.Push, ClientKey: base64.StdEncoding.EncodeToString(make([]byte, 32)),
	}, func(*statestore.Tables, statestore.Transfer) error { return broken })
	if !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if l, err := store.Transfers.List(ctx, statestore.TransferFilter{}, statestore.Page{}); err != nil || len(l.Items) != 0 {
		t.Errorf("%v %v", l, err)
	}
}
