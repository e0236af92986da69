package cluster_test

import (
	"testing"
	"time"
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
