package api_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/api"
	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/statestore/storetest"
)

// decide stores what Decide says of a snapshot at a time, as the reconciler does.
func (w *world) decide(term statestore.Term, c statestore.Cluster, s policy.Snapshot, at time.Time) statestore.Decision {
	w.t.Helper()
	v, err := w.store.Policies.Current(w.t.Context(), c.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	p, err := policy.Parse(v.Policy)
	if err != nil {
		w.t.Fatal(err)
	}
	plan := policy.Decide(s, p, at)
	d := statestore.Decision{ClusterID: c.ID, PolicyVersion: v.Version, Kind: statestore.DecisionNoop, At: at}
	if len(plan.Actions) > 0 {
		d.Kind = statestore.DecisionAct
	}
	for _, part := range []struct {
		to   *json.RawMessage
		from any
	}{{(*json.RawMessage)(&d.Snapshot), s}, {&d.Plan, plan}, {&d.Reasons, plan.Reasons}} {
		if *part.to, err = json.Marshal(part.from); err != nil {
			w.t.Fatal(err)
		}
	}
	if d, err = w.store.Decisions.Append(w.t.Context(), term, d); err != nil {
		w.t.Fatal(err)
	}
	return d
}

// steady is a cluster of two nodes with little to do.
func steady(at time.Time) policy.Snapshot {
	var s policy.Snapshot
	for _, id := range []string{"n1", "n2"} {
		s.Nodes = append(s.Nodes, policy.Node{
			ID: id, Name: "studio-" + id, State: policy.Running, Since: at.Add(-time.Hour), RequestedAt: at.Add(-time.Hour),
			ReportedAt: at, ServicesHealthy: true, Usage: policy.Usage{SendCapBps: 1e9, ReceiveCapBps: 1e9},
			Load: policy.Load{Sessions: 1, SendBps: 50e6, ServedBps: 50e6},
		})
	}
	return s
}

func (w *world) studio(policyDoc string, admin header) statestore.Cluster {
	w.t.Helper()
	w.must(http.StatusCreated, "POST", "/api/v1/templates", template, admin)
	w.must(http.StatusCreated, "POST", "/api/v1/clusters", `{"name":"studio","template":"small","policy":`+policyDoc+`}`, admin)
	c, err := w.store.Clusters.ByName(w.t.Context(), "studio")
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func TestReplayOfAStoredDecisionIsTheSameToTheByte(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.setup()
	c := w.studio(`{"max_nodes":4}`, admin)
	at := w.clock.Now().Add(123456 * time.Microsecond)
	d := w.decide(storetest.Term(t, w.store), c, steady(at), at)
	path := "/api/v1/decisions/" + d.ID + "/replay"

	same := decode[api.Replay](t, w.must(http.StatusOK, "POST", path, `{}`, admin))
	if !same.Identical || len(same.Differences) != 0 || !strings.Contains(same.Text, "to the last byte") {
		t.Errorf("%+v", same)
	}
	other := decode[api.Replay](t, w.must(http.StatusOK, "POST", path, `{"policy":{"min_available":4}}`, admin))
	if other.Identical || !slices.Contains(other.Differences, "launches 2 nodes instead of no node") || other.Policy.MaxNodes != 4 {
		t.Errorf("%+v", other)
	}
	// A later edit of the cluster's policy has no part in it.
	first := w.must(http.StatusOK, "GET", "/api/v1/clusters/studio/policy", nil, admin)
	w.must(http.StatusOK, "PATCH", "/api/v1/clusters/studio/policy", `{"min_available":4}`, admin, with("If-Match", first.Header.Get("ETag")))
	if again := decode[api.Replay](t, w.must(http.StatusOK, "POST", path, `{}`, admin)); !again.Identical {
		t.Errorf("%+v", again)
	}
	bad := w.must(http.StatusUnprocessableEntity, "POST", path, `{"policy":{"max_nodes":0}}`, admin).problem(t)
	if bad.Errors[0].Location != "body.policy.max_nodes" {
		t.Errorf("%+v", bad)
	}
}

func TestInactionIsSearchedByWhatItSaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.setup()
	c := w.studio(`{"max_nodes":2,"launch_limit":{"count":1}}`, admin)
	term, start := storetest.Term(t, w.store), w.clock.Now()
	empty := w.decide(term, c, policy.Snapshot{}, start)
	calm := w.decide(term, c, steady(start.Add(time.Minute)), start.Add(time.Minute))
	busy := steady(start.Add(2 * time.Minute))
	for i := range busy.Nodes {
		busy.Nodes[i].Load = policy.Load{Sessions: 9, SendBps: 900e6, ServedBps: 900e6}
	}
	full := w.decide(term, c, busy, start.Add(2*time.Minute))

	found := func(query string) []string {
		t.Helper()
		ids := []string{}
		for _, d := range decode[api.Page[api.Decision]](t, w.must(http.StatusOK, "GET", "/api/v1/decisions?cluster=studio&"+query, nil, admin)).Items {
			ids = append(ids, d.ID)
		}
		return ids
	}
	at := func(d time.Duration) string { return url.QueryEscape(start.Add(d).Format(time.RFC3339)) }
	for _, tc := range []struct {
		query string
		want  []statestore.Decision
	}{
		{"", []statestore.Decision{full, calm, empty}},
		{"kind=noop", []statestore.Decision{full, calm}},
		{"kind=act", []statestore.Decision{empty}},
		{"changes=true", []statestore.Decision{empty}},
		{"action=launch", []statestore.Decision{empty}},
		{"action=drain", nil},
		{"code=max_reached", []statestore.Decision{full}},
		{"q=MAX_REACHED", []statestore.Decision{full}},
		{"q=" + url.QueryEscape("nodes high"), []statestore.Decision{full}},
		{"q=" + url.QueryEscape("'; DROP TABLE decisions; --"), nil},
		{"q=" + url.QueryEscape(`\ & | ! :* '`), nil},
		{"from=" + at(90*time.Second), []statestore.Decision{full}},
		{"to=" + at(time.Minute), []statestore.Decision{empty}},
		{"from=" + at(time.Second) + "&to=" + at(2*time.Minute), []statestore.Decision{calm}},
	} {
		want := []string{}
		for _, d := range tc.want {
			want = append(want, d.ID)
		}
		if got := found(tc.query); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", tc.query, got, want)
		}
	}
	// The filter comes before the page.
	page := decode[api.Page[api.Decision]](t, w.must(http.StatusOK, "GET", "/api/v1/decisions?kind=noop&limit=1", nil, admin))
	rest := decode[api.Page[api.Decision]](t, w.must(http.StatusOK, "GET", "/api/v1/decisions?kind=noop&limit=1&cursor="+page.NextCursor, nil, admin))
	if page.Items[0].ID != full.ID || len(rest.Items) != 1 || rest.Items[0].ID != calm.ID || rest.NextCursor != "" {
		t.Errorf("%+v %+v", page, rest)
	}
}

func TestWhyNotNamesWhatHeldItBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.setup()
	c := w.studio(`{"max_nodes":2}`, admin)
	term, start := storetest.Term(t, w.store), w.clock.Now()
	ask := func(query string) api.WhyNot {
		t.Helper()
		return decode[api.WhyNot](t, w.must(http.StatusOK, "GET", "/api/v1/decisions/why-not?cluster=studio&"+query, nil, admin))
	}
	none := w.must(http.StatusNotFound, "GET", "/api/v1/decisions/why-not?cluster=studio&action=launch", nil, admin).problem(t)
	if !strings.Contains(none.Detail, "nothing had been decided for studio") {
		t.Errorf("%q", none.Detail)
	}
	w.decide(term, c, steady(start), start)
	later := start.Add(time.Minute)
	busy := steady(later)
	for i := range busy.Nodes {
		busy.Nodes[i].Load = policy.Load{Sessions: 9, SendBps: 900e6, ServedBps: 900e6}
	}
	w.decide(term, c, busy, later)
	w.clock.advance(2 * time.Minute)

	now := ask("action=launch")
	if now.Done || len(now.HeldBack) == 0 || now.HeldBack[0].Code != policy.CodeMaxReached || !strings.HasPrefix(now.Text, "studio: launch was held back: ") {
		t.Errorf("%+v", now)
	}
	then := ask("action=launch&at=" + url.QueryEscape(start.Add(30*time.Second).Format(time.RFC3339)))
	if len(then.HeldBack) != 0 || !strings.HasPrefix(then.Text, "studio: launch was not needed: ") {
		t.Errorf("%+v", then)
	}
	w.must(http.StatusUnprocessableEntity, "GET", "/api/v1/decisions/why-not?cluster=studio&action=fly", nil, admin)
	w.must(http.StatusNotFound, "GET", "/api/v1/decisions/why-not?cluster=none&action=launch", nil, admin)
}

func TestConditionsAreListedWithWhatToDo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.setup()
	c := w.studio(`{}`, admin)
	term := storetest.Term(t, w.store)
	for _, subject := range []string{"a", "b", "c"} {
		if err := w.store.Conditions.Raise(t.Context(), term, statestore.Condition{
			ClusterID: c.ID, Kind: "quota_reached", Subject: subject, Text: "no more of " + subject, Next: "ask for more",
		}); err != nil {
			t.Fatal(err)
		}
		w.clock.advance(time.Minute)
	}
	if err := w.store.Conditions.Clear(t.Context(), term, c.ID, "quota_reached", "b"); err != nil {
		t.Fatal(err)
	}
	w.look()
	list := func(query string) api.Page[api.ClusterCondition] {
		t.Helper()
		return decode[api.Page[api.ClusterCondition]](t, w.must(http.StatusOK, "GET", "/api/v1/conditions?cluster=studio&"+query, nil, admin))
	}
	subjects := func(p api.Page[api.ClusterCondition]) (out string) {
		for _, r := range p.Items {
			out += r.Subject
		}
		return out
	}
	first := list("limit=2")
	rest := list("limit=2&cursor=" + first.NextCursor)
	if subjects(first) != "cb" || subjects(rest) != "a" || rest.NextCursor != "" {
		t.Errorf("%+v %+v", first, rest)
	}
	ended := first.Items[1]
	if ended.Until == nil || ended.Next != "ask for more" || ended.Cluster.Name != "studio" || ended.ID == "" {
		t.Errorf("%+v", ended)
	}
	if got := subjects(list("open=true")); got != "ca" {
		t.Errorf("open: %s", got)
	}
	if got := subjects(list("to=" + url.QueryEscape(rest.Items[0].Since.Add(time.Second).Format(time.RFC3339)))); got != "a" {
		t.Errorf("before: %s", got)
	}
	w.must(http.StatusUnprocessableEntity, "GET", "/api/v1/conditions?cursor=abc", nil, admin)
}

func TestPolicyGoesBackToAnEarlierVersion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.setup()
	w.studio(`{"max_nodes":7}`, admin)
	tag := with("If-Match", w.must(http.StatusOK, "GET", "/api/v1/clusters/studio/policy", nil, admin).Header.Get("ETag"))
	second := w.must(http.StatusOK, "PATCH", "/api/v1/clusters/studio/policy", `{"max_nodes":9,"launch_limit":{"count":2}}`, admin, tag)

	// Two editors at once: the second hears who changed what.
	stale := w.must(http.StatusPreconditionFailed, "POST", "/api/v1/clusters/studio/policy/revert", `{"version":1}`, admin, tag).problem(t)
	if want := "since then changed, last by user:ada: launch_limit.count, max_nodes"; !strings.Contains(stale.Detail, want) {
		t.Errorf("%q is not in %q", want, stale.Detail)
	}
	diff := decode[api.PolicyDiff](t, w.must(http.StatusOK, "GET", "/api/v1/clusters/studio/policy/diff", nil, admin))
	if diff.From != 1 || diff.To != 2 || len(diff.Changes) != 2 || diff.Changes[1].Field != "max_nodes" || diff.Changes[1].After != 9.0 {
		t.Errorf("%+v", diff)
	}
	next := with("If-Match", second.Header.Get("ETag"))
	w.must(http.StatusNotFound, "POST", "/api/v1/clusters/studio/policy/revert", `{"version":8}`, admin, next)
	v := decode[api.PolicyVersion](t, w.must(http.StatusOK, "POST", "/api/v1/clusters/studio/policy/revert", `{"version":1}`, admin, next))
	if v.Version != 3 || v.Policy.MaxNodes != 7 || v.Policy.LaunchLimit.Count != 10 {
		t.Errorf("%+v", v)
	}
	none := decode[api.PolicyDiff](t, w.must(http.StatusOK, "GET", "/api/v1/clusters/studio/policy/diff?from=1&to=3", nil, admin))
	if len(none.Changes) != 0 {
		t.Errorf("%+v", none)
	}
	preview := decode[api.PolicyPreview](t, w.must(http.StatusOK, "POST", "/api/v1/clusters/studio/policy/preview", `{"max_nodes":8}`, admin))
	if len(preview.Changes) != 1 || preview.Changes[0].Before != 7.0 {
		t.Errorf("%+v", preview.Changes)
	}
}

func TestPreviewSaysWhatIsLikelyNotMeant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.setup()
	w.studio(`{}`, admin)
	w.must(http.StatusOK, "POST", "/api/v1/clusters/studio/scale", `{"nodes":9}`, admin)
	preview := func(change string) api.PolicyPreview {
		t.Helper()
		return decode[api.PolicyPreview](t, w.must(http.StatusOK, "POST", "/api/v1/clusters/studio/policy/preview", change, admin))
	}
	kinds := func(p api.PolicyPreview) (out []string) {
		for _, w := range p.Warnings {
			out = append(out, w.Field+" "+w.Kind)
		}
		return out
	}
	if p := preview(`{"max_nodes":9}`); len(p.Warnings) != 0 || len(p.Schedule.Intervals) != 1 {
		t.Errorf("%+v %+v", p.Warnings, p.Schedule)
	}
	if got := kinds(preview(`{"max_nodes":3,"min_available":3}`)); !slices.Equal(got, []string{"max_nodes below_scale", "min_available no_room"}) {
		t.Errorf("%q", got)
	}
	at := func(hour string, more string) string {
		return `{"cron":"0 ` + hour + ` * * *","time_zone":"UTC","duration_s":7200,"min_available":3,"min_idle":0` + more + `}`
	}
	overlap := preview(`{"max_nodes":9,"schedules":[` + at("8", "") + `,` + at("9", `,"name":"late"`) + `]}`)
	if !slices.ContainsFunc(overlap.Warnings, func(w api.PolicyWarning) bool { return w.Kind == "overlap" && w.At != nil }) {
		t.Errorf("%+v", overlap.Warnings)
	}
	for change, field := range map[string]string{
		`{"schedules":[{"cron":"0 0 31 2 *","time_zone":"UTC","duration_s":60,"min_available":3,"min_idle":0}]}`:         "body.schedules[0].cron",
		`{"schedules":[{"cron":"0 8 * * *","time_zone":"Mars/Olympus","duration_s":60,"min_available":3,"min_idle":0}]}`: "body.schedules[0].time_zone",
	} {
		p := w.must(http.StatusUnprocessableEntity, "POST", "/api/v1/clusters/studio/policy/preview", change, admin).problem(t)
		if p.Errors[0].Location != field {
			t.Errorf("%+v, want %s", p.Errors, field)
		}
	}
	w.must(http.StatusUnprocessableEntity, "GET", "/api/v1/clusters/studio/schedule?days=0", nil, admin)
	s := decode[api.Schedule](t, w.must(http.StatusOK, "GET", "/api/v1/clusters/studio/schedule?days=2", nil, admin))
	if s.Until.Sub(s.From) != 48*time.Hour {
		t.Errorf("%+v", s)
	}
}
