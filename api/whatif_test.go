package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/api"
	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/policy/whatif"
)

// record makes the load of two nodes with sessions of 100 Mb/s in samples of five seconds.
func (n *nodes) record(from time.Time, sessions int) {
	var recorder whatif.Recorder
	var load whatif.Recording
	for i := range 360 {
		at := from.Add(time.Duration(i) * 5 * time.Second)
		s := steady(at)
		for j := range s.Nodes {
			s.Nodes[j].Load = policy.Load{}
			for k := range sessions / 2 {
				s.Nodes[j].Sessions = append(s.Nodes[j].Sessions, policy.Session{
					ID: fmt.Sprint(j, "-", k), Direction: policy.Send, WantedBps: 100e6, RateBps: 50e6, Since: from, Movable: true,
				})
			}
		}
		load = append(load, recorder.Observe(s, at))
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.load = load
}

func TestWhatIfComparesPoliciesOnRecordedLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.setup()
	w.studio(`{"max_nodes":2,"min_available":1}`, admin)
	path := "/api/v1/clusters/studio/policy/what-if"
	none := w.must(http.StatusConflict, "POST", path, `{}`, admin).problem(t)
	if !strings.Contains(none.Detail, "no load of studio is recorded") {
		t.Errorf("%q", none.Detail)
	}
	start := w.clock.Now().Add(-time.Hour)
	w.nodes.record(start, 30)

	r := decode[api.WhatIf](t, w.must(http.StatusOK, "POST", path, `{"policy":{"max_nodes":8},"price_per_hour":2}`, admin))
	if r.Proposed.NodeHours <= r.Current.NodeHours || r.Proposed.PeakNodes <= 2 || r.Current.PeakNodes > 2 {
		t.Errorf("more nodes may come and do not: %+v %+v", r.Current, r.Proposed)
	}
	if r.Recorded.NodeHours == 0 || r.Coverage < 0.9 || r.From.Before(start) || len(r.Series) == 0 || r.Series[len(r.Series)/2].ProposedNodes <= r.Series[len(r.Series)/2].CurrentNodes {
		t.Errorf("%+v", r)
	}
	if len(r.Changes) != 1 || r.Changes[0].Field != "max_nodes" || r.Proposed.Cost == nil || *r.Proposed.Cost < 2*r.Proposed.NodeHours-0.01 {
		t.Errorf("%+v %+v", r.Changes, r.Proposed)
	}
	if !strings.Contains(r.Text, "node-hours instead of") || !strings.Contains(r.Text, "cost ") {
		t.Errorf("%q", r.Text)
	}
	ahead := decode[api.WhatIf](t, w.must(http.StatusOK, "POST", path, `{"policy":{"forecast":"on"}}`, admin))
	if !strings.Contains(ahead.Text, "the forecast decided nothing") || strings.Contains(r.Text, "forecast") {
		t.Errorf("half an hour teaches no forecast: %q", ahead.Text)
	}
	if len(ahead.Notes) != 1 || !strings.HasSuffix(ahead.Text, ahead.Notes[0]) || r.Notes == nil || len(r.Notes) > 0 {
		t.Errorf("notes: %q and %q", ahead.Notes, r.Notes)
	}
	same := decode[api.WhatIf](t, w.must(http.StatusOK, "POST", path, `{}`, admin))
	if same.Current != same.Proposed || !strings.Contains(same.Text, "(the same)") {
		t.Errorf("the same policy differs: %+v", same)
	}
	for body, field := range map[string]string{
		`{"policy":{"max_nodes":0}}`:                                  "body.policy.max_nodes",
		`{"from":"2026-03-02T00:00:00Z","to":"2026-03-01T00:00:00Z"}`: "body.from",
		`{"from":"2020-01-01T00:00:00Z"}`:                             "body.from",
		`{"price_per_hour":-1}`:                                       "body.price_per_hour",
	} {
		p := w.must(http.StatusUnprocessableEntity, "POST", path, body, admin).problem(t)
		if p.Errors[0].Location != field {
			t.Errorf("%s: %+v", body, p.Errors)
		}
	}
	v := decode[api.PolicyVersion](t, w.must(http.StatusOK, "GET", "/api/v1/clusters/studio/policy", nil, admin))
	if v.Version != 1 {
		t.Errorf("what-if changed something: %+v", v)
	}
}

func TestForecastShowsWhatWasAndWhatIsToCome(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := w.setup()
	w.studio(`{}`, admin)
	get := func() api.Forecast {
		return decode[api.Forecast](t, w.must(http.StatusOK, "GET", "/api/v1/clusters/"+url.PathEscape("studio")+"/forecast", nil, admin))
	}
	if f := get(); f.LearnedFrom != nil || len(f.Points) != 0 || f.Mode != policy.ForecastShadow {
		t.Errorf("before anything was learned: %+v", f)
	}
	w.nodes.record(w.clock.Now().Add(-time.Hour), 20)
	f := get()
	was, comes := 0, 0
	for i, p := range f.Points {
		if p.Actual != nil {
			was++
		}
		if p.Predicted != nil {
			comes++
		}
		if i > 0 && p.At.Before(f.Points[i-1].At) {
			t.Errorf("out of order at %s", p.At)
		}
	}
	if f.LearnedFrom == nil || f.Score.Hours == 0 || was == 0 || comes == 0 {
		t.Errorf("%d were, %d come: %+v", was, comes, f.Score)
	}
}
