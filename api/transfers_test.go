package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/access"
	"github.com/godwit/godwit/access/token"
	"github.com/godwit/godwit/api"
	"github.com/godwit/godwit/fleet/report"
	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/statestore/storetest"
)

// keys verifies tokens as a node would: by what the store says is accepted.
func (w *world) keys() token.Keys {
	w.t.Helper()
	keys, err := access.NewSigner(w.store, w.clock.Now).Keys(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return keys
}

func TestTenantGetsASpecForItsOwnClientOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := storetest.Cluster(t, w.store, "alpha")
	key := w.tenant("acme", bearer(w.token(api.RoleAdmin)))
	tenant := basic(key.ID, key.Secret)
	ask := api.TransferCreate{Direction: "push", Paths: []string{"/in//today/"}, ClientKey: clientKey(1), RateBps: 5e8, TotalBytes: 1000}
	got := decode[api.TransferSpecs](t, w.must(http.StatusCreated, "POST", "/api/v1/transfers", ask, tenant))
	if len(got.Specs) != 1 {
		t.Fatalf("%+v", got)
	}
	s := got.Specs[0]
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
	if s.Host != "127.0.0.1" || s.Port != 7000 || s.NodeID != "n1" || s.CertSHA256 == "" || s.Destination != "in/today" || s.TargetRate != 5e8 || s.TransferID != got.TransferID {
		t.Errorf("%+v", s)
	}
	claims, err := w.keys().Verify(s.Token, w.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	if claims.Tenant != key.ID || claims.Cluster != c.ID || claims.Transfer != got.TransferID || claims.Direction != "push" || len(claims.Paths) != 1 || claims.Paths[0] != "in/today" {
		t.Errorf("%+v", claims)
	}
	row := decode[api.Transfer](t, w.must(http.StatusOK, "GET", "/api/v1/transfers/"+got.TransferID, nil, tenant))
	if row.State != "created" || row.Direction != "push" || row.AccessKey != key.ID || row.TotalBytes != 1000 || len(row.Sessions) != 0 {
		t.Errorf("%+v", row)
	}

	path := "/api/v1/transfers/" + got.TransferID + "/specs"
	w.must(http.StatusCreated, "POST", path, api.SpecRequest{ClientKey: clientKey(1), FailedNodes: []string{"n7"}, Reason: "broken"}, tenant)
	if strings.Join(w.nodes.without, ",") != "n7" {
		t.Errorf("the failed node was not left out: %v", w.nodes.without)
	}
	other := w.must(http.StatusForbidden, "POST", path, api.SpecRequest{ClientKey: clientKey(2)}, tenant)
	if !strings.Contains(other.problem(t).Detail, "another client key") {
		t.Errorf("%s", other.body)
	}
	stranger := w.tenant("other", bearer(w.token(api.RoleAdmin)))
	w.must(http.StatusNotFound, "POST", path, api.SpecRequest{ClientKey: clientKey(1)}, basic(stranger.ID, stranger.Secret))
	w.must(http.StatusNotFound, "GET", "/api/v1/transfers/"+got.TransferID, nil, basic(stranger.ID, stranger.Secret))
	if list := decode[api.Page[api.Transfer]](t, w.must(http.StatusOK, "GET", "/api/v1/transfers", nil, basic(stranger.ID, stranger.Secret))); len(list.Items) != 0 {
		t.Errorf("another tenant's transfers: %+v", list)
	}
	w.must(http.StatusForbidden, "GET", "/api/v1/transfers?access_key="+key.ID, nil, basic(stranger.ID, stranger.Secret))
}

func TestTransferThatEndedGivesNoMoreSpecs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	storetest.Cluster(t, w.store, "alpha")
	key := w.tenant("acme", bearer(w.token(api.RoleAdmin)))
	tenant := basic(key.ID, key.Secret)
	made := w.started(api.TransferCreate{Direction: "pull"}, tenant)
	path := "/api/v1/transfers/" + made.TransferID
	if got := decode[api.Transfer](t, w.must(http.StatusOK, "POST", path+"/cancel", nil, tenant)); got.State != "cancelled" || got.Error != "cancelled by access key acme" {
		t.Errorf("%+v", got)
	}
	if len(w.nodes.revoked) != 1 || w.nodes.revoked[0].Transfer != made.TransferID {
		t.Errorf("nodes were told %+v", w.nodes.revoked)
	}
	ended := w.must(http.StatusConflict, "POST", path+"/specs", api.SpecRequest{ClientKey: clientKey(1)}, tenant)
	if p := ended.problem(t); p.Code != "ended" || !strings.Contains(p.Detail, "cancelled") {
		t.Errorf("%+v", p)
	}
	w.must(http.StatusConflict, "POST", path+"/cancel", nil, tenant)
	w.must(http.StatusConflict, "PATCH", path, `{"target_rate_bps":1000}`, tenant)
}

func TestOverCapacityTellsWhenToComeBackAndStoresNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	storetest.Cluster(t, w.store, "alpha")
	key := w.tenant("acme", bearer(w.token(api.RoleAdmin)))
	w.nodes.full = &access.NoCapacity{RetryAfter: 1500 * time.Millisecond, Reason: "no node can take a session: 2 running nodes at the limit"}
	r := w.must(http.StatusServiceUnavailable, "POST", "/api/v1/transfers", api.TransferCreate{Direction: "push", ClientKey: clientKey(1)}, basic(key.ID, key.Secret))
	if p := r.problem(t); p.Code != "no_capacity" || !strings.Contains(p.Detail, "2 running nodes") || r.Header.Get("Retry-After") != "2" {
		t.Errorf("%v %s", r.Header, r.body)
	}
	if l, err := w.store.Transfers.List(t.Context(), statestore.TransferFilter{}, statestore.Page{}); err != nil || len(l.Items) != 0 {
		t.Errorf("%v %v", l, err)
	}
}

func TestTransferRequestsThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := bearer(w.token(api.RoleAdmin))
	storetest.Cluster(t, w.store, "alpha")
	reader := decode[api.AccessKeySecret](t, w.must(http.StatusCreated, "POST", "/api/v1/access-keys",
		`{"name":"reader","storage":{"type":"local","path":"/srv/r"},"permissions":["read"],"limits":{"max_rate_bps":1000000}}`, admin))
	tenant := basic(reader.ID, reader.Secret)
	good := func(change func(*api.TransferCreate)) api.TransferCreate {
		a := api.TransferCreate{Direction: "pull", ClientKey: clientKey(1)}
		change(&a)
		return a
	}
	for _, tc := range []struct {
		name   string
		ask    api.TransferCreate
		status int
		says   string
	}{
		{"writes without permission", good(func(a *api.TransferCreate) { a.Direction = "push" }), 403, "no permission to write"},
		{"lists without permission", good(func(a *api.TransferCreate) { a.Direction = "list" }), 403, "no permission to list"},
		{"climbs", good(func(a *api.TransferCreate) { a.Paths = []string{"ok", "a/../../etc"} }), 422, "body.paths[1]"},
		{"a zero byte", good(func(a *api.TransferCreate) { a.Paths = []string{"a\x00b"} }), 422, "body.paths[0]"},
		{"no key", good(func(a *api.TransferCreate) { a.ClientKey = strings.Repeat("!", 44) }), 422, "client_key"},
		{"too many flows", good(func(a *api.TransferCreate) { a.Flows = 17 }), 422, "body.flows"},
		{"crossed rates", good(func(a *api.TransferCreate) { a.RateBps, a.MinRateBps = 10, 20 }), 422, "min_rate_bps"},
		{"more path than a token holds", good(func(a *api.TransferCreate) { a.Paths = []string{strings.Repeat("p", 9000)} }), 422, "paths"},
		{"asks for another tenant", good(func(a *api.TransferCreate) { a.AccessKey = "ak_other" }), 422, "access_key"},
		{"no such cluster", good(func(a *api.TransferCreate) { a.Cluster = "beta" }), 404, "beta"},
	} {
		if r := w.call("POST", "/api/v1/transfers", tc.ask, tenant); r.StatusCode != tc.status || !strings.Contains(string(r.body), tc.says) {
			t.Errorf("%s: %d %s", tc.name, r.StatusCode, r.body)
		}
	}
	// The key's limit holds whatever is asked for.
	made := decode[api.TransferSpecs](t, w.must(http.StatusCreated, "POST", "/api/v1/transfers", good(func(a *api.TransferCreate) { a.RateBps = 1e9 }), tenant))
	if made.Specs[0].TargetRate != 1e6 {
		t.Errorf("%+v", made.Specs[0])
	}
	w.must(http.StatusUnprocessableEntity, "PATCH", "/api/v1/transfers/"+made.TransferID, `{"target_rate_bps":2000000}`, tenant)
	// Operators name the tenant.
	w.must(http.StatusUnprocessableEntity, "POST", "/api/v1/transfers", good(func(*api.TransferCreate) {}), admin)
	w.must(http.StatusCreated, "POST", "/api/v1/transfers", good(func(a *api.TransferCreate) { a.AccessKey = "reader" }), admin)
}

func TestFlowsAreThoseOfEverySessionOfATransfer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	storetest.Cluster(t, w.store, "alpha")
	key := w.tenant("acme", bearer(w.token(api.RoleAdmin)))
	tenant := basic(key.ID, key.Secret)
	made := w.started(api.TransferCreate{Direction: "push", Flows: 4}, tenant)
	path := "/api/v1/transfers/" + made.TransferID
	w.must(http.StatusOK, "PATCH", path, `{"policy":"low"}`, tenant)
	again := decode[api.TransferSpecs](t, w.must(http.StatusCreated, "POST", path+"/specs", api.SpecRequest{ClientKey: clientKey(1)}, tenant))
	shown := decode[api.Transfer](t, w.must(http.StatusOK, "GET", path, nil, tenant))
	if made.Specs[0].Flows != 4 || again.Specs[0].Flows != 4 || shown.Flows != 4 {
		t.Errorf("%d flows at first, %d when it goes on, %d shown", made.Specs[0].Flows, again.Specs[0].Flows, shown.Flows)
	}
}

func TestListingIsNoTransfer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	storetest.Cluster(t, w.store, "alpha")
	key := w.tenant("acme", bearer(w.token(api.RoleAdmin)))
	made := w.started(api.TransferCreate{Direction: "list"}, basic(key.ID, key.Secret))
	claims, err := w.keys().Verify(made.Specs[0].Token, w.clock.Now())
	if err != nil || claims.Direction != "list" || claims.Transfer != "" || claims.Expires().Sub(w.clock.Now()) > time.Hour {
		t.Errorf("%+v %v", claims, err)
	}
	if l, err := w.store.Transfers.List(t.Context(), statestore.TransferFilter{}, statestore.Page{}); err != nil || len(l.Items) != 0 || made.TransferID != "" {
		t.Errorf("%v %v", l, err)
	}
}

func TestRevokedOrRotatedSecretsStopWorking(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := bearer(w.token(api.RoleAdmin))
	key := w.tenant("acme", admin)
	path := "/api/v1/access-keys/" + key.ID
	use := func(secret string) int {
		return w.call("GET", "/api/v1/transfers", nil, basic(key.ID, secret)).StatusCode
	}
	next := decode[api.AccessKeySecret](t, w.must(http.StatusOK, "POST", path+"/rotate", `{"overlap_s":3600}`, admin))
	if use(key.Secret) != http.StatusOK || use(next.Secret) != http.StatusOK || next.PreviousUntil == nil {
		t.Error("the overlap does not hold")
	}
	w.clock.advance(2 * time.Hour)
	if use(key.Secret) != http.StatusUnauthorized || use(next.Secret) != http.StatusOK {
		t.Error("the overlap does not end")
	}
	last := decode[api.AccessKeySecret](t, w.must(http.StatusOK, "POST", path+"/rotate", nil, admin))
	if use(next.Secret) != http.StatusUnauthorized || use(last.Secret) != http.StatusOK {
		t.Error("without overlap the old secret ends at once")
	}
	if shown := w.must(http.StatusOK, "GET", path, nil, admin); strings.Contains(string(shown.body), "secret") {
		t.Errorf("%s", shown.body)
	}
	w.must(http.StatusNoContent, "DELETE", path, nil, admin)
	if use(last.Secret) != http.StatusUnauthorized {
		t.Error("a revoked key works")
	}
	if len(w.nodes.revoked) != 1 || w.nodes.revoked[0].AccessKey != key.ID {
		t.Errorf("nodes were told %+v", w.nodes.revoked)
	}
	w.must(http.StatusConflict, "POST", path+"/rotate", nil, admin)
}

func TestLiveTransfersShowRateAndChangeAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	operator := bearer(w.token(api.RoleOperator))
	c := storetest.Cluster(t, w.store, "alpha")
	n := w.node(c)
	key := w.tenant("acme", bearer(w.token(api.RoleAdmin)))
	made := w.started(api.TransferCreate{Direction: "push"}, basic(key.ID, key.Secret))
	session := func(id, transfer string, at int64) *report.Session {
		return &report.Session{
			Id: id, TransferId: transfer, Tenant: key.ID, Direction: "push", RateBps: 8e6, BytesDone: 1e6, BytesTotal: 3e6,
			RttUs: 20_000, Loss: 0.01, StartedUnixMs: w.clock.Now().UnixMilli() + at, Policy: "fair",
		}
	}
	w.reports(n.ID, 1, session("s1", made.TransferID, 0), session("s2", made.TransferID, 1), session("s3", "direct", 2))
	w.run()
	eventually(t, "the node to be in the picture", func() bool {
		return len(decode[api.Page[api.Node]](t, w.must(http.StatusOK, "GET", "/api/v1/nodes", nil, operator)).Items) == 1
	})
	list := decode[api.Page[api.Transfer]](t, w.must(http.StatusOK, "GET", "/api/v1/transfers?live=true", nil, operator))
	if len(list.Items) != 2 || list.Items[0].ID != "direct" {
		t.Fatalf("%+v", list)
	}
	got := list.Items[1]
	if got.ID != made.TransferID || !got.Live || got.RateBps != 16e6 || got.Bytes != 2e6 || got.TotalBytes != 3e6 || got.ETA == nil || *got.ETA != 0 || got.Nodes[0].Name != n.Name || got.RTTMillis != 20 {
		t.Errorf("%+v", got)
	}
	page := decode[api.Page[api.Transfer]](t, w.must(http.StatusOK, "GET", "/api/v1/transfers?live=true&limit=1", nil, operator))
	rest := decode[api.Page[api.Transfer]](t, w.must(http.StatusOK, "GET", "/api/v1/transfers?live=true&limit=1&cursor="+page.NextCursor, nil, operator))
	if len(page.Items) != 1 || len(rest.Items) != 1 || page.Items[0].ID == rest.Items[0].ID {
		t.Errorf("%+v %+v", page, rest)
	}
	w.must(http.StatusOK, "PATCH", "/api/v1/transfers/"+made.TransferID, `{"target_rate_bps":1000000,"policy":"low"}`, operator)
	if len(w.nodes.rates) != 2 || *w.nodes.rates[0].Target != 1e6 || w.nodes.rates[0].Policy != "low" || w.nodes.rates[0].Min != nil {
		t.Errorf("nodes were told %+v", w.nodes.rates)
	}
	again := decode[api.TransferSpecs](t, w.must(http.StatusCreated, "POST", "/api/v1/transfers/"+made.TransferID+"/specs", api.SpecRequest{ClientKey: clientKey(1)}, basic(key.ID, key.Secret)))
	if again.Specs[0].TargetRate != 1e6 || again.Specs[0].Policy != "low" {
		t.Errorf("the next session forgets the change: %+v", again.Specs[0])
	}
	overview := decode[api.Overview](t, w.must(http.StatusOK, "GET", "/api/v1/overview", nil, operator))
	if overview.SendBps != 50e6 || overview.SendCap != 200e6 || overview.Sessions != 3 || overview.Tenants[0].Name != "acme" || overview.Tenants[0].RateBps != 24e6 || overview.Transfers.Running != 2 || !overview.Healthy {
		t.Errorf("%+v", overview)
	}
}

// started asks for a transfer, and may connect for it.
func (w *world) started(ask api.TransferCreate, tenant header) api.TransferSpecs {
	w.t.Helper()
	ask.ClientKey = clientKey(1)
	return decode[api.TransferSpecs](w.t, w.must(http.StatusCreated, "POST", "/api/v1/transfers", ask, tenant))
}

// pushing is a transfer of the new tenant acme, in a cluster with two nodes that do not report yet.
func (w *world) pushing() (id string, tenant api.AccessKeySecret, a, b statestore.Node) {
	w.t.Helper()
	c := storetest.Cluster(w.t, w.store, "alpha")
	a, b = w.node(c), w.node(c)
	tenant = w.tenant("acme", bearer(w.token(api.RoleAdmin)))
	return w.started(api.TransferCreate{Direction: "push"}, basic(tenant.ID, tenant.Secret)).TransferID, tenant, a, b
}

func TestATransferKeepsWhatItHadMovedWhenItsNodeDies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	operator := bearer(w.token(api.RoleOperator))
	id, key, first, second := w.pushing()
	session := func(id, transfer string, bytes uint64) *report.Session {
		return &report.Session{Id: id, TransferId: transfer, Tenant: key.ID, Direction: "push", BytesDone: bytes, BytesTotal: 209e6, StartedUnixMs: w.clock.Now().UnixMilli()}
	}
	record := func(s statestore.TransferSession) {
		t.Helper()
		s.TransferID = id
		if err := w.store.Transfers.RecordSession(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	get := func() api.Transfer {
		t.Helper()
		list := decode[api.Page[api.Transfer]](t, w.must(http.StatusOK, "GET", "/api/v1/transfers", nil, operator))
		one := decode[api.Transfer](t, w.must(http.StatusOK, "GET", "/api/v1/transfers/"+id, nil, operator))
		if len(list.Items) != 1 || list.Items[0].Bytes != one.Bytes {
			t.Errorf("the list says %+v, the transfer itself %+v", list.Items, one)
		}
		return one
	}
	began := w.clock.Now()
	record(statestore.TransferSession{ID: "s1", NodeID: first.ID, StartedAt: began})
	w.reports(first.ID, 1, session("s1", id, 67.9e6))
	w.index.Remove(first.ID) // it died
	if got := get(); got.Bytes != 67.9e6 || got.Sessions[0].Bytes != 67.9e6 {
		t.Errorf("between nodes: %+v", got)
	}
	w.reports(second.ID, 1, session("s2", id, 8.8e6))
	if got := get(); got.Bytes != 76.7e6 || got.TotalBytes != 209e6 {
		t.Errorf("on the next node: %+v", got)
	}
	// Its end shows all, whatever a report less the dead node had made; and a failed file less than all.
	w.reports(second.ID, 2)
	ended := began.Add(time.Second)
	record(statestore.TransferSession{ID: "s2", NodeID: second.ID, StartedAt: began, EndedAt: &ended, EndReason: "done", Bytes: 140e6})
	end := func(text string) func(*statestore.Transfer) {
		return func(r *statestore.Transfer) { r.BytesTotal, r.ErrorText = 209e6, text }
	}
	states := []statestore.TransferState{statestore.TransferRunning, statestore.TransferDone}
	if _, err := w.store.Transfers.Transition(t.Context(), id, states, statestore.TransferDone, end("")); err != nil {
		t.Fatal(err)
	}
	if got := get(); got.Bytes != 209e6 {
		t.Errorf("done: %+v", got)
	}
	if _, err := w.store.Transfers.Transition(t.Context(), id, states, statestore.TransferDone, end("1 failed, the others arrived")); err != nil {
		t.Fatal(err)
	}
	if got := get(); got.Bytes != 140e6 {
		t.Errorf("done with a failure: %+v", got)
	}
}

func TestPastTransfersPageByCursorWhileNewOnesCome(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	storetest.Cluster(t, w.store, "alpha")
	key := w.tenant("acme", bearer(w.token(api.RoleAdmin)))
	tenant := basic(key.ID, key.Secret)
	create := func() string {
		w.clock.advance(time.Second)
		return w.started(api.TransferCreate{Direction: "push"}, tenant).TransferID
	}
	var want []string
	for range 5 {
		want = append([]string{create()}, want...)
	}
	var got []string
	cursor := ""
	for {
		page := decode[api.Page[api.Transfer]](t, w.must(http.StatusOK, "GET", "/api/v1/transfers?limit=2&cursor="+cursor, nil, tenant))
		for _, tr := range page.Items {
			got = append(got, tr.ID)
		}
		create() // belongs on the first page, and nowhere else
		if cursor = page.NextCursor; cursor == "" {
			break
		}
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("\n got %v\nwant %v", got, want)
	}
}

func TestRotatedSigningKeyLeavesOldTokensValid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := bearer(w.token(api.RoleAdmin))
	storetest.Cluster(t, w.store, "alpha")
	key := w.tenant("acme", admin)
	ask := func() string {
		made := w.started(api.TransferCreate{Direction: "push"}, basic(key.ID, key.Secret))
		return made.Specs[0].Token
	}
	before := ask()
	rotated := decode[api.SigningKey](t, w.must(http.StatusOK, "POST", "/api/v1/settings/signing-key/rotate", nil, admin))
	w.clock.advance(time.Minute)
	after := ask()
	keys := w.keys()
	if len(keys) != 2 || keys[rotated.ID] == nil {
		t.Errorf("%v", keys)
	}
	for _, s := range []string{before, after} {
		if _, err := keys.Verify(s, w.clock.Now()); err != nil {
			t.Error(err)
		}
	}
	if _, err := (token.Keys{rotated.ID: keys[rotated.ID]}).Verify(after, w.clock.Now()); err != nil {
		t.Errorf("the new key does not sign: %v", err)
	}
}
