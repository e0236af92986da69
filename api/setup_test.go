package api_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/godwit/godwit/access"
	"github.com/godwit/godwit/access/secret"
	"github.com/godwit/godwit/api"
	"github.com/godwit/godwit/egress"
	"github.com/godwit/godwit/fleet"
	"github.com/godwit/godwit/fleet/command"
	"github.com/godwit/godwit/fleet/report"
	"github.com/godwit/godwit/notify"
	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/policy/forecast"
	"github.com/godwit/godwit/policy/whatif"
	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/statestore/storetest"
)

// world is a server over a real Postgres and a real index, with nodes that only report.
type world struct {
	t        *testing.T
	store    *statestore.Store
	database string
	joins    http.HandlerFunc // answers /node/v1
	index    *fleet.Index
	nodes    *nodes
	api      *api.Server
	url      string
	http     *http.Client
	clock    *clock
	egress   *egress.Dialer
	roots    *x509.CertPool // of servers that notifications go to
	courier  *notify.Courier
	given    *given
}

// clock is the server's time; it moves only when a test says so.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// nodes stands where the nodes are: it takes commands, has places to give, and previews by policy itself.
type nodes struct {
	mu       sync.Mutex
	revoked  []command.RevokeRequest
	rates    []command.RateRequest
	changed  []string
	restarts []command.RestartRequest
	unheard  error // what commands fail with
	place    access.Place
	full     *access.NoCapacity
	without  []string
	load     whatif.Recording
}

func (n *nodes) SetRate(_ context.Context, _ string, r command.RateRequest) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.rates = append(n.rates, r)
	return nil
}

func (n *nodes) Restart(_ context.Context, _ string, r command.RestartRequest) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.restarts = append(n.restarts, r)
	return n.unheard
}

func (n *nodes) Cancel(context.Context, string, command.CancelRequest) error { return nil }

func (n *nodes) Revoke(_ context.Context, r command.RevokeRequest) map[string]error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.revoked = append(n.revoked, r)
	return nil
}

func (n *nodes) Broadcast(_ context.Context, name string, _ any) map[string]error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.changed = append(n.changed, name)
	return nil
}

func (n *nodes) Place(_ context.Context, _ string, without []string) (access.Place, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.without = without
	if n.full != nil {
		return access.Place{}, n.full
	}
	return n.place, nil
}

func (n *nodes) Preview(_ context.Context, _ string, p policy.Policy) (policy.Plan, error) {
	return policy.Decide(policy.Snapshot{}, p, time.Now()), nil
}

func (n *nodes) Validate(_ context.Context, provider string, spec json.RawMessage) ([]api.Invalid, error) {
	if provider != "local" {
		return []api.Invalid{{Location: "provider", Message: "is not known"}}, nil
	}
	if strings.Contains(string(spec), "bogus") {
		return []api.Invalid{{Location: "spec.bogus", Message: "is no field"}}, nil
	}
	return nil, nil
}

func (n *nodes) Providers() []string { return []string{"local", "mixed"} }

// Parts of "mixed" are those of its specification, by name; of an empty one two, as of a template that offers both.
func (n *nodes) Parts(provider string, spec json.RawMessage) []api.TemplatePart {
	if provider != "mixed" {
		return []api.TemplatePart{{Provider: provider, Spec: spec}}
	}
	var parts []api.TemplatePart
	var doc struct{ Offerings []map[string]json.RawMessage }
	if err := json.Unmarshal(spec, &doc); err != nil {
		return nil
	}
	for _, o := range doc.Offerings {
		p := api.TemplatePart{Name: strings.Trim(string(o["name"]), `"`), Provider: strings.Trim(string(o["provider"]), `"`)}
		p.Terms = []byte(`{}`)
		if most := o["max"]; most != nil {
			p.Terms = []byte(`{"max":` + string(most) + `}`)
		}
		delete(o, "max")
		delete(o, "name")
		p.Spec, _ = json.Marshal(o)
		parts = append(parts, p)
	}
	return parts
}

// Effect is that of a provider whose tags alone need no new node.
func (n *nodes) Effect(_, field string) string {
	switch field {
	case "tags.team":
		return "new_nodes"
	case "motd":
		return "live"
	}
	return "replace"
}

// Recording is what load gives, cut to the time.
func (n *nodes) Recording(_ context.Context, _ string, from, to time.Time) (whatif.Recording, whatif.Options, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var cut whatif.Recording
	for _, s := range n.load {
		if !s.At.Before(from) && s.At.Before(to) {
			cut = append(cut, s)
		}
	}
	return cut, whatif.Options{Boot: []time.Duration{30 * time.Second}}, nil
}

// Profile is of a cluster that had 1.5 nodes' worth of demand for two days.
func (n *nodes) Profile(context.Context, string) (*forecast.Profile, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := &forecast.Profile{}
	if len(n.load) > 0 {
		for at := n.load[0].At.AddDate(0, 0, -2); at.Before(n.load[0].At); at = at.Add(time.Minute) {
			p.Learn(at, 1.5)
		}
	}
	return p, nil
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, given: &given{}, clock: &clock{now: time.Now().UTC().Truncate(time.Second)}}
	w.database = storetest.URL(t)
	w.store = storetest.Open(t, w.database, func(c *statestore.Config) { c.Clock = w.clock.Now })
	w.index = fleet.NewIndex(w.clock.Now)
	w.nodes = &nodes{place: access.Place{NodeID: "n1", NodeName: "node-1", Host: "127.0.0.1", Port: 7000, CertSHA256: strings.Repeat("ab", 32)}}
	signer := access.NewSigner(w.store, w.clock.Now)
	if err := signer.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	var err error
	w.egress = egress.New(func(context.Context) ([]string, error) { return []string{"127.0.0.0/8"}, nil })
	w.roots = x509.NewCertPool()
	w.courier = notify.New(notify.Config{Store: w.store, Sender: &notify.Sender{Dialer: w.egress, Roots: w.roots}, Now: w.clock.Now})
	w.api, err = api.New(api.Config{
		Courier: w.courier, Certificates: w.given,
		Store: w.store, Fleet: w.index, Commands: w.nodes, Clusters: w.nodes, Keys: access.NewKeys(w.store.Tables, w.clock.Now),
		Signer: signer, Issuer: access.NewIssuer(w.store, signer, w.nodes, w.clock.Now),
		Nodes:   http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.joins(rw, r) }),
		Version: "test", PublicURL: "https://manager.test:8443", CASHA256: strings.Repeat("cd", 32), Now: w.clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(w.api.Handler())
	t.Cleanup(server.Close)
	t.Cleanup(w.api.Stop)
	w.url, w.http = server.URL, server.Client()
	w.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return w
}

// run starts the loops that keep the picture.
func (w *world) run() {
	ctx, stop := context.WithCancel(w.t.Context())
	var running sync.WaitGroup
	running.Go(func() { w.api.Run(ctx) })
	w.t.Cleanup(func() { stop(); running.Wait() })
}

// reply is an answer, read to its end.
type reply struct {
	*http.Response
	body []byte
}

func (r reply) problem(t *testing.T) api.Problem {
	t.Helper()
	var p api.Problem
	if got := r.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Fatalf("%d with content type %q: %s", r.StatusCode, got, r.body)
	}
	if err := json.Unmarshal(r.body, &p); err != nil {
		t.Fatalf("%v: %s", err, r.body)
	}
	return p
}

func decode[T any](t *testing.T, r reply) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(r.body, &v); err != nil {
		t.Fatalf("%v: %s", err, r.body)
	}
	return v
}

type header func(http.Header)

func with(key, value string) header { return func(h http.Header) { h.Set(key, value) } }

func bearer(token string) header { return with("Authorization", "Bearer "+token) }

func basic(id, secret string) header {
	return with("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(id+":"+secret)))
}

// call sends body as JSON (a string as it is) and returns the answer, whatever it is.
func (w *world) call(method, path string, body any, headers ...header) reply {
	w.t.Helper()
	var r io.Reader = http.NoBody
	switch b := body.(type) {
	case nil:
	case string:
		r = strings.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			w.t.Fatal(err)
		}
		r = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, r)
	if err != nil {
		w.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		h(req.Header)
	}
	res, err := w.http.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	out, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return reply{res, out}
}

// must is call that wants a status.
func (w *world) must(status int, method, path string, body any, headers ...header) reply {
	w.t.Helper()
	r := w.call(method, path, body, headers...)
	if r.StatusCode != status {
		w.t.Fatalf("%s %s: %d, want %d: %s", method, path, r.StatusCode, status, r.body)
	}
	return r
}

// rows are the first column of what a query of the database gives.
func (w *world) rows(sql string) []string {
	w.t.Helper()
	conn, err := pgx.Connect(w.t.Context(), w.database)
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close(context.Background())
	found, err := conn.Query(w.t.Context(), sql)
	if err != nil {
		w.t.Fatal(err)
	}
	out, err := pgx.CollectRows(found, pgx.RowTo[string])
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// latest is the If-Match of the version that a path has now.
func (w *world) latest(path string, headers ...header) header {
	w.t.Helper()
	return with("If-Match", w.must(http.StatusOK, "GET", path, nil, headers...).Header.Get("ETag"))
}

// token makes a user of the role with an API token, without the API.
func (w *world) token(role api.Role) string {
	w.t.Helper()
	user, err := w.store.Users.Create(w.t.Context(), statestore.User{Name: "user-" + statestore.NewID(), Role: statestore.Role(role)}, "none")
	if err != nil {
		w.t.Fatal(err)
	}
	token := secret.New("gwt_")
	if _, err := w.store.APITokens.Create(w.t.Context(), statestore.APIToken{Name: string(role), UserID: user.ID, Scopes: []string{"role:" + string(role)}}, statestore.Secret(token)); err != nil {
		w.t.Fatal(err)
	}
	return token
}

// setup makes a set-up link and the first administrator by it, and returns the session's cookie.
func (w *world) setup() header {
	w.t.Helper()
	link := secret.New("")
	if err := w.store.SetupTokens.Create(w.t.Context(), statestore.Secret(link), statestore.RoleAdmin, time.Hour); err != nil {
		w.t.Fatal(err)
	}
	r := w.must(http.StatusCreated, "POST", "/api/v1/setup", api.SetupRequest{Token: link, Name: "ada", Password: "a quiet morning"})
	return cookieOf(w.t, r)
}

func cookieOf(t *testing.T, r reply) header {
	t.Helper()
	cookies := r.Cookies()
	if len(cookies) != 1 {
		t.Fatalf("cookies: %v", cookies)
	}
	return with("Cookie", cookies[0].Name+"="+cookies[0].Value)
}

// tenant makes an access key.
func (w *world) tenant(name string, headers ...header) api.AccessKeySecret {
	w.t.Helper()
	body := map[string]any{"name": name, "storage": map[string]string{"type": "local", "path": "/srv/" + name}}
	return decode[api.AccessKeySecret](w.t, w.must(http.StatusCreated, "POST", "/api/v1/access-keys", body, headers...))
}

// clientKey is a client's public key.
func clientKey(seed byte) string {
	k := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	return base64.StdEncoding.EncodeToString(k.Public().(ed25519.PublicKey))
}

// reports makes a node report.
func (w *world) reports(nodeID string, seq uint64, sessions ...*report.Session) {
	w.index.Apply(&report.Report{
		Version: 1, NodeId: nodeID, Boot: "b1", BootUnixMs: 1, Seq: seq, Chunks: 1, AtUnixMs: w.clock.Now().UnixMilli(),
		Facts: &report.Facts{
			SendBps: 50e6, SendCapBps: 200e6, ReceiveCapBps: 200e6, MaxSessions: 10, SessionCount: uint32(len(sessions)),
			Services: []*report.Service{{Name: "transfer", State: "healthy"}},
		},
		Sessions: sessions,
	})
}

// node makes a running node.
func (w *world) node(cluster statestore.Cluster) statestore.Node {
	w.t.Helper()
	ctx, term := w.t.Context(), storetest.Term(w.t, w.store)
	n, err := w.store.Nodes.Create(ctx, term, statestore.Node{ClusterID: cluster.ID, Provider: "local"}, "wanted")
	if err != nil {
		w.t.Fatal(err)
	}
	n, err = w.store.Nodes.Transition(ctx, term, n.ID, []statestore.NodeState{statestore.NodeRequested}, statestore.NodeRunning, "joined",
		func(n *statestore.Node) {
			n.Pool, n.PublicAddress, n.TransferPort = statestore.PoolLow, "127.0.0.1", 7000
		})
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// eventually waits until f says so: what it waits for happens in another goroutine.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !f() {
		if time.Now().After(deadline) {
			t.Fatal("not in time: " + what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
