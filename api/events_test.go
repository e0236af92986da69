package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/api"
	"github.com/godwit/godwit/fleet/report"
	"github.com/godwit/godwit/statestore/storetest"
)

func session1() *report.Session {
	return &report.Session{Id: "s1", TransferId: "t1", Tenant: "ak_x", Direction: "push", RateBps: 1e6, StartedUnixMs: 1}
}

// follower reads an event stream.
type follower struct {
	t      *testing.T
	lines  *bufio.Scanner
	lastID string
}

func (w *world) follow(query string, headers ...header) *follower {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
	w.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url+"/api/v1/events"+query, http.NoBody)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, h := range headers {
		h(req.Header)
	}
	res, err := w.http.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { res.Body.Close() })
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		w.t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 1<<20)
	return &follower{t: w.t, lines: lines}
}

// next returns the next event of a kind; those of other kinds are passed over.
func (f *follower) next(kind string) json.RawMessage {
	f.t.Helper()
	name := ""
	for f.lines.Scan() {
		line := f.lines.Text()
		switch {
		case strings.HasPrefix(line, "id: "):
			f.lastID = line[4:]
		case strings.HasPrefix(line, "event: "):
			name = line[7:]
		case strings.HasPrefix(line, "data: ") && (kind == "" || name == kind):
			return json.RawMessage(line[6:])
		}
	}
	f.t.Fatalf("the stream ended before %q: %v", kind, f.lines.Err())
	return nil
}

func TestFollowersHearOfNodesAndGoOnAfterABreak(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	viewer := bearer(w.token(api.RoleViewer))
	n := w.node(storetest.Cluster(t, w.store, "alpha"))
	f := w.follow("?topics=nodes", viewer)
	w.run()
	read := func(f *follower) api.NodesEvent {
		t.Helper()
		var e api.NodesEvent
		if err := json.Unmarshal(f.next("nodes"), &e); err != nil {
			t.Fatal(err)
		}
		return e
	}
	if e := read(f); len(e.Nodes) != 1 || e.Nodes[0].ID != n.ID {
		t.Errorf("%+v", e)
	}
	seen := f.lastID
	w.reports(n.ID, 1, session1())
	e := read(f)
	if e.Nodes[0].Sessions != 1 || f.lastID == seen {
		t.Errorf("%+v", e)
	}
	// Another connection with the id seen before gets what came after it, once.
	again := w.follow("?topics=nodes", viewer, with("Last-Event-ID", seen))
	if e := read(again); e.Nodes[0].Sessions != 1 || again.lastID != f.lastID {
		t.Errorf("%s %s %+v", again.lastID, f.lastID, e)
	}
	// An id of a manager that is gone: read everything anew.
	var reset api.ResetEvent
	if err := json.Unmarshal(w.follow("", viewer, with("Last-Event-ID", "older-17")).next("reset"), &reset); err != nil || reset.Reason == "" {
		t.Errorf("%+v %v", reset, err)
	}
	var o api.OverviewEvent
	if err := json.Unmarshal(w.follow("?topics=overview", viewer).next(""), &o); err != nil || len(o.Nodes) != 1 || o.Sessions != 1 || o.Doing == "" {
		t.Errorf("%+v %v", o, err)
	}
}

func TestStreamsEndWithTheServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.follow("", bearer(w.token(api.RoleViewer)))
	w.api.Stop()
	for f.lines.Scan() {
		if strings.HasPrefix(f.lines.Text(), "event:") {
			t.Errorf("unexpected %s", f.lines.Text())
		}
	}
	if err := f.lines.Err(); err != nil {
		t.Error(err)
	}
}

func TestProbesSayWhatIsNotReady(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(http.StatusOK, "GET", "/healthz", nil)
	w.must(http.StatusOK, "GET", "/readyz", nil)
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	r := w.must(http.StatusServiceUnavailable, "GET", "/readyz", nil)
	if !strings.Contains(string(r.body), `"state store"`) {
		t.Errorf("%s", r.body)
	}
	w.must(http.StatusOK, "GET", "/healthz", nil)
}

func TestMetricsNameRoutesAndNodes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	viewer := bearer(w.token(api.RoleViewer))
	n := w.node(storetest.Cluster(t, w.store, "alpha"))
	w.reports(n.ID, 1, session1())
	w.run()
	w.must(http.StatusOK, "GET", "/api/v1/nodes/"+n.ID, nil, viewer)
	for _, want := range []string{
		`godwit_api_requests_total{method="GET",route="/api/v1/nodes/{node}",status="200"} 1`, "godwit_sessions 1",
		`godwit_capacity_bps{direction="send"} 2e+08`, `godwit_nodes{cluster="alpha",pool="low",state="running"} 1`,
	} {
		eventually(t, want, func() bool { return strings.Contains(string(w.must(http.StatusOK, "GET", "/metrics", nil).body), want) })
	}
	if body := w.must(http.StatusOK, "GET", "/metrics", nil).body; strings.Contains(string(body), n.ID) {
		t.Error("metrics grow with the number of nodes")
	}
}

func TestAnswersForbidFramesAndSniffing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.must(http.StatusOK, "GET", "/api/v1/setup", nil, with("X-Request-Id", "bad id; drop"))
	for k, v := range map[string]string{
		"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Strict-Transport-Security": "max-age=31536000",
	} {
		if r.Header.Get(k) != v {
			t.Errorf("%s: %q", k, r.Header.Get(k))
		}
	}
	if !strings.Contains(r.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") || strings.Contains(r.Header.Get("X-Request-Id"), "bad") {
		t.Errorf("%v", r.Header)
	}
	if page := w.must(http.StatusNotFound, "GET", "/clusters", nil); !strings.Contains(string(page.body), "without the console") {
		t.Errorf("%s", page.body)
	}
	w.must(http.StatusOK, "GET", "/openapi.json", nil)
}
