package manager

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/godwit/godwit/access"
	"github.com/godwit/godwit/access/secret"
	"github.com/godwit/godwit/access/token"
	"github.com/godwit/godwit/fleet/command"
	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/statestore/storetest"
)

// desk is an enlightener over a real store, with a node and a tenant.
type desk struct {
	*enlightener
	term   statestore.Term
	node   statestore.Node
	key    statestore.AccessKey
	secret string
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	ctx := t.Context()
	store := storetest.New(t)
	d := &desk{enlightener: &enlightener{
		store: store, keys: access.NewKeys(store.Tables, time.Now), signer: access.NewSigner(store, time.Now),
		urls: func() []string { return []string{"tls://127.0.0.1:1"} },
	}}
	if err := d.signer.Prepare(ctx); err != nil {
		t.Fatal(err)
	}
	d.term = storetest.Term(t, store)
	var err error
	if d.node, err = store.Nodes.Create(ctx, d.term, statestore.Node{ClusterID: storetest.Cluster(t, store, "alpha").ID, Provider: "local"}, "wanted"); err != nil {
		t.Fatal(err)
	}
	d.move(t, statestore.NodeRunning)
	d.key, d.secret, err = d.keys.Create(ctx, statestore.AccessKey{Name: "acme", Storage: []byte(`{"type":"local","path":"/srv/acme"}`), Limits: []byte(`{"max_rate_bps":1000}`)})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *desk) move(t *testing.T, to statestore.NodeState) {
	t.Helper()
	var err error
	if d.node, err = d.store.Nodes.Transition(t.Context(), d.term, d.node.ID, statestore.NodeStates(), to, "test", nil); err != nil {
		t.Fatal(err)
	}
}

func (d *desk) transfer(t *testing.T, cluster, key string) statestore.Transfer {
	t.Helper()
	tr, err := d.store.Transfers.Create(t.Context(), statestore.Transfer{AccessKeyID: key, ClusterID: cluster, Direction: statestore.DirectionSend})
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func TestNodeLearnsWhatItNeedsOfATenantAndNoMore(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	got, err := d.tenant(t.Context(), d.node.ID, command.TenantRequest{AccessKey: d.key.ID})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Verifiers) != 1 || !secret.Equal(got.Verifiers[0], secret.Verifier(d.secret)) || got.Limits.MaxRateBps != 1000 || got.Revoked || len(got.Permissions) != 4 {
		t.Errorf("%+v", got)
	}
	if _, err := d.tenant(t.Context(), d.node.ID, command.TenantRequest{AccessKey: "ak_unknown"}); !errors.Is(err, statestore.ErrNotFound) {
		t.Errorf("unknown key: %v", err)
	}
	if err := d.store.AccessKeys.Revoke(t.Context(), d.key.ID); err != nil {
		t.Fatal(err)
	}
	if got, err := d.tenant(t.Context(), d.node.ID, command.TenantRequest{AccessKey: d.key.ID}); err != nil || !got.Revoked {
		t.Errorf("revoked key: %+v %v", got, err)
	}
	d.move(t, statestore.NodeTerminating)
	var refused *command.Error
	if _, err := d.tenant(t.Context(), d.node.ID, command.TenantRequest{AccessKey: d.key.ID}); !errors.As(err, &refused) || refused.Code != command.CodeRefused {
		t.Errorf("a node that ends is told %v", err)
	}
}

func TestTransferIsOverForWhomItIsNot(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx := t.Context()
	other, _, err := d.keys.Create(ctx, statestore.AccessKey{Name: "other", Storage: []byte(`{"type":"local","path":"/srv/other"}`)})
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := storetest.Cluster(t, d.store, "beta")
	ended := d.transfer(t, d.node.ClusterID, d.key.ID)
	if _, err := d.store.Transfers.Transition(ctx, ended.ID, []statestore.TransferState{statestore.TransferCreated}, statestore.TransferCancelled, nil); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		id   string
		over bool
	}{
		"its own":              {d.transfer(t, d.node.ClusterID, d.key.ID).ID, false},
		"cancelled":            {ended.ID, true},
		"another tenant's":     {d.transfer(t, d.node.ClusterID, other.ID).ID, true},
		"of another cluster":   {d.transfer(t, elsewhere.ID, d.key.ID).ID, true},
		"never made":           {statestore.NewID(), true},
		"not even of the form": {"../../etc", true},
	} {
		got, err := d.tenant(ctx, d.node.ID, command.TenantRequest{AccessKey: d.key.ID, Transfer: row.id})
		if err != nil || got.TransferEnded != row.over {
			t.Errorf("%s: over %v, want %v (%v)", name, got.TransferEnded, row.over, err)
		}
	}
}

func TestJoiningNodeIsToldItsClusterAndTheKeysOfTokens(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s, err := d.settings(t.Context(), d.node)
	if err != nil {
		t.Fatal(err)
	}
	var c command.Config
	if err := json.Unmarshal(s.Config, &c); err != nil {
		t.Fatal(err)
	}
	var keys token.Keys
	if err := json.Unmarshal(s.TokenKeys, &keys); err != nil {
		t.Fatal(err)
	}
	if c.ClusterID != d.node.ClusterID || c.NodeName != d.node.Name || len(keys) != 1 || len(s.FleetURLs) != 1 {
		t.Errorf("%+v %v %v", c, keys, s.FleetURLs)
	}
	signed, err := d.signer.Sign(t.Context(), token.Claims{
		ID: "j", Cluster: c.ClusterID, Tenant: d.key.ID, Direction: "list", ClientKey: make([]byte, 32), ExpiresAt: time.Now().Add(time.Hour).Unix(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Verify(signed, time.Now()); err != nil {
		t.Errorf("a node refuses the manager's own token: %v", err)
	}
}

func TestAnswersCrossTheFleetWithTheirMeaning(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		command.CodeNotFound: statestore.ErrNotFound, command.CodeUnavailable: statestore.ErrUnavailable,
	} {
		var got *command.Error
		if _, err := answer[any](nil, err); !errors.As(err, &got) || got.Code != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if v, err := answer(7, nil); v != 7 || err != nil {
		t.Error(v, err)
	}
}
