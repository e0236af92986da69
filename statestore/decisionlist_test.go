package statestore_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/statestore"
)

func TestDecisionsAreFoundByWhatTheySay(t *testing.T) {
	t.Parallel()
	clk := newFakeClock()
	w := newWorld(t, on(clk))
	for i, text := range []string{"studio-7 is degraded", "max 10 reached (10 exist)", "launch limited to 2 per 60 s; it's late"} {
		must(w.Decisions.Append(t.Context(), w.term, statestore.Decision{
			ClusterID: w.cluster.ID, PolicyVersion: 1, Kind: statestore.DecisionAct, Snapshot: []byte(`{}`),
			Plan:    raw(`{"actions":[{"kind":"launch"},{"kind":"launch"},{"kind":"drain"}]}`),
			Reasons: raw(fmt.Sprintf(`[{"code":"code_%d","text":%q}]`, i, text)),
		}))(t)
		clk.advance(time.Minute)
	}
	for q, want := range map[string]int{
		"": 3, "studio-7": 1, "studio": 1, "degr": 1, "10 max": 1, "10 limited": 0, "60 s": 1, "it's": 1, "code_1": 1,
		"egraded": 0, "&": 0, "(((": 0, "reached | degraded": 0, `\`: 0, "a\x00b": 0, "'": 0, "!degraded": 1,
	} {
		l := must(w.Decisions.List(t.Context(), statestore.DecisionFilter{Text: q}, statestore.Page{}))(t)
		if len(l.Items) != want {
			t.Errorf("%q finds %d, want %d", q, len(l.Items), want)
		}
	}
	for _, f := range []statestore.DecisionFilter{{Action: "drain"}, {Action: "launch", Kind: statestore.DecisionAct}} {
		if l := must(w.Decisions.List(t.Context(), f, statestore.Page{}))(t); len(l.Items) != 3 {
			t.Errorf("%+v finds %d", f, len(l.Items))
		}
	}
	if l := must(w.Decisions.List(t.Context(), statestore.DecisionFilter{Code: "code_2"}, statestore.Page{}))(t); len(l.Items) != 1 {
		t.Errorf("by code: %d", len(l.Items))
	}
}

func TestTheDecisionInForceIsTheLastThatWasMadeByThen(t *testing.T) {
	t.Parallel()
	clk := newFakeClock()
	w := newWorld(t, on(clk))
	start := clk.Now()
	_, err := w.Decisions.At(t.Context(), w.cluster.ID, start)
	wantErr(t, err, statestore.ErrNotFound)
	var made []statestore.Decision
	for i := range 3 {
		made = append(made, must(w.Decisions.Append(t.Context(), w.term, statestore.Decision{
			ClusterID: w.cluster.ID, Kind: statestore.DecisionAct, Snapshot: []byte(`{}`), Plan: raw(fmt.Sprintf(`{"n":%d}`, i)),
		}))(t))
		clk.advance(time.Minute)
	}
	for after, want := range map[time.Duration]int{0: 0, time.Second: 0, time.Minute: 1, time.Hour: 2} {
		d := must(w.Decisions.At(t.Context(), w.cluster.ID, start.Add(after)))(t)
		if d.ID != made[want].ID {
			t.Errorf("after %s: %s, want %s", after, d.ID, made[want].ID)
		}
	}
	if _, err := w.Decisions.At(t.Context(), w.cluster.ID, start.Add(-time.Millisecond)); err == nil {
		t.Error("before the first there is one")
	}
	gone := must(w.Decisions.Forget(t.Context(), start.Add(90*time.Second)))(t)
	if gone != 2 {
		t.Errorf("%d forgotten, want 2", gone)
	}
}

func TestFirstIDBoundsATime(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 5e6, time.UTC)
	if id := statestore.NewIDAt(at); id < statestore.FirstID(at) || id >= statestore.FirstID(at.Add(time.Millisecond)) {
		t.Errorf("%s is not in [%s, %s)", id, statestore.FirstID(at), statestore.FirstID(at.Add(time.Millisecond)))
	}
	if got, err := statestore.IDTime(statestore.FirstID(at)); err != nil || !got.Equal(at) {
		t.Errorf("%s %v", got, err)
	}
}

func TestTemplateVersionsAreKept(t *testing.T) {
	t.Parallel()
	s := newWorld(t)
	a := must(s.Templates.Create(t.Context(), statestore.Template{Name: "small", Spec: raw(`{"a": 1}`), Author: "user:ada"}))(t)
	for i := range 4 {
		a.Spec, a.Author = raw(fmt.Sprintf(`{"a": %d}`, i+2)), "user:bob"
		a = must(s.Templates.Update(t.Context(), a))(t)
	}
	var got []string
	for _, v := range walk(t, 2, func(p statestore.Page) (statestore.List[statestore.TemplateVersion], error) {
		return s.Templates.Versions(t.Context(), a.ID, p)
	}) {
		got = append(got, fmt.Sprint(v.Version, " ", v.Author, " ", string(v.Spec)))
	}
	wantEqual(t, got, []string{`5 user:bob {"a": 5}`, `4 user:bob {"a": 4}`, `3 user:bob {"a": 3}`, `2 user:bob {"a": 2}`, `1 user:ada {"a": 1}`})
	wantEqual(t, string(must(s.Templates.Version(t.Context(), a.ID, 1))(t).Spec), `{"a": 1}`)
	_, err := s.Templates.Version(t.Context(), a.ID, 6)
	wantErr(t, err, statestore.ErrNotFound)
}

func TestListsLeaveOutThePoolsOfLargePlans(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pools := strings.Repeat(`{"node_id":"n","pool":"low"},`, 2000)
	large := `{"actions":[{"kind":"launch","count":2}],"pools":[` + strings.TrimSuffix(pools, ",") + `]}`
	d := must(w.Decisions.Append(t.Context(), w.term, statestore.Decision{
		ClusterID: w.cluster.ID, PolicyVersion: 1, Kind: statestore.DecisionAct, At: w.Now(), Snapshot: raw(`{}`), Plan: raw(large), Reasons: raw(`[]`),
	}))(t)
	listed := must(w.Decisions.List(t.Context(), statestore.DecisionFilter{}, statestore.Page{}))(t).Items
	if len(listed) != 1 || strings.Contains(string(listed[0].Plan), "pool") || !strings.Contains(string(listed[0].Plan), "launch") {
		t.Errorf("listed %d; the plan is %.200s", len(listed), listed[0].Plan)
	}
	if got := must(w.Decisions.Get(t.Context(), d.ID))(t); string(got.Plan) != large {
		t.Errorf("the decision itself lost of its plan: %.200s", got.Plan)
	}
}
