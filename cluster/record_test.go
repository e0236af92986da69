package cluster_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/policy/forecast"
)

func TestLoadIsRecordedAndLosesAtMostAMinute(t *testing.T) {
	t.Parallel()
	w := quiet(t, nil)
	w.until(t, 5*time.Minute, "two nodes", w.running(2))
	n := w.sortedNodes()[0]
	c := &simClient{id: "s", wanted: 50e6, left: 1e12, node: n, since: w.now}
	n.sessions, w.clients = append(n.sessions, c), append(w.clients, c)
	w.pass(12 * time.Minute)
	w.takeOver() // what the leader had not stored is gone
	died := w.now
	w.pass(15 * time.Minute)

	recording, options, err := w.lead.r.Recording(t.Context(), "c", w.start, w.now)
	if err != nil {
		t.Fatal(err)
	}
	if len(options.Boot) != 2 || !options.CanStop {
		t.Errorf("what is known of the cluster: %+v", options)
	}
	gap, sessions := time.Duration(0), 0
	for i, s := range recording {
		if i > 0 {
			gap = max(gap, s.At.Sub(recording[i-1].At))
		}
		for _, class := range s.Load {
			sessions += class.Sessions
		}
	}
	first, last := recording[0].At, recording[len(recording)-1].At
	if gap > 75*time.Second || w.now.Sub(last) > 75*time.Second || first.Sub(w.start) > 10*time.Second {
		t.Errorf("recorded from %s to %s (now %s, a leader died at %s) with a gap of %s", first, last, w.now, died, gap)
	}
	if sessions < 200 {
		t.Errorf("one session for 27 minutes makes %d in samples", sessions)
	}
	// One write in a minute, whatever the number of steps.
	if most := len(w.db.loads); most > 5 {
		t.Errorf("%d chunks for half an hour", most)
	}
	if writes := w.met["load stored"]; writes > 30 {
		t.Errorf("%d writes in half an hour", writes)
	}
	part, _, err := w.lead.r.Recording(t.Context(), "c", died.Add(-3*time.Minute), died.Add(-2*time.Minute))
	if err != nil || len(part) < 10 || len(part) > 13 || part[0].At.Before(died.Add(-3*time.Minute)) {
		t.Errorf("one minute of it: %d samples, %v", len(part), err)
	}
}

func TestForecastIsLearntKeptAndPartOfTheDecision(t *testing.T) {
	t.Parallel()
	w := quiet(t, func(p *policy.Policy) { p.Forecast = policy.ForecastShadow })
	// Yesterday at this hour there was a crowd.
	var yesterday forecast.Profile
	for at := w.start.Add(-24 * time.Hour); at.Before(w.start); at = at.Add(time.Minute) {
		demand := 0.1
		if at.Before(w.start.Add(-23 * time.Hour)) {
			demand = 3.5
		}
		yesterday.Learn(at, demand)
	}
	w.db.forecast = []byte(nil)
	raw, err := yesterday.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	w.db.forecast = raw
	w.pass(time.Minute)
	var snapshot policy.Snapshot
	if err := json.Unmarshal(w.db.snapshot, &snapshot); err != nil {
		t.Fatal(err)
	}
	if f := snapshot.Forecast; f == nil || len(f.Points) == 0 || f.Points[0].Demand < 3 {
		t.Fatalf("the decision's snapshot has no forecast of it: %+v", f)
	}
	w.pass(30 * time.Minute)
	learnt, err := w.lead.r.Profile(t.Context(), "c")
	if err != nil || w.now.Sub(learnt.Until()) > 10*time.Minute || !learnt.Since().Equal(yesterday.Since()) {
		t.Errorf("learnt from %s to %s, %v; now %s", learnt.Since(), learnt.Until(), err, w.now)
	}

	w.policyNow(func(p *policy.Policy) { p.Forecast = policy.ForecastOff })
	w.pass(time.Minute)
	snapshot = policy.Snapshot{}
	if err := json.Unmarshal(w.db.snapshot, &snapshot); err != nil || snapshot.Forecast != nil {
		t.Errorf("off, and yet in the snapshot: %+v, %v", snapshot.Forecast, err)
	}
}

func TestForecastOfAnotherBuildBeginsAnew(t *testing.T) {
	t.Parallel()
	w := quiet(t, nil)
	w.db.forecast = []byte("not of this build")
	w.until(t, 10*time.Minute, "two nodes", w.running(2))
	w.pass(15 * time.Minute)
	if learnt, err := w.lead.r.Profile(t.Context(), "c"); err != nil || learnt.Until().IsZero() {
		t.Errorf("nothing is learnt: %v", err)
	}
}
