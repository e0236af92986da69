package cluster_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/statestore"
)

// load makes each of n clients want so much, on the nodes in turn.
func (w *world) load(n int, wanted int64) {
	for i := range n {
		w.clients = append(w.clients, &simClient{id: fmt.Sprintf("%s-%d", w.now.Format("150405"), i), wanted: wanted, left: 1e15, movable: true, askAgain: w.now})
	}
}

func TestOneGreedyClientLaunchesNothing(t *testing.T) {
	t.Parallel()
	w := quiet(t, nil)
	w.until(t, 5*time.Minute, "two nodes", w.running(2))
	w.load(1, 100e9) // a hundred nodes' worth
	w.until(t, time.Minute, "it is served", func() bool { return w.clients[0].node != nil })
	w.pass(20 * time.Minute)
	if n := len(w.db.rows); n != 2 {
		t.Errorf("%d nodes were made", n)
	}
}

// Load that swings around the threshold of another node, faster than the
// scale-in window and slower: no node is launched within ten minutes of one that
// was drained for want of load.
func TestOscillatingLoadDoesNotFlap(t *testing.T) {
	t.Parallel()
	for _, period := range []time.Duration{2 * time.Minute, 6 * time.Minute, 16 * time.Minute, 30 * time.Minute} {
		t.Run(period.String(), func(t *testing.T) {
			t.Parallel()
			w := quiet(t, func(p *policy.Policy) {
				d := policy.Default()
				p.MinAvailable, p.MaxNodes, p.ScaleInWindowS, p.DrainTimeoutS = 1, 8, d.ScaleInWindowS, d.DrainTimeoutS
			})
			w.until(t, 5*time.Minute, "a node", func() bool { return len(w.in(statestore.NodeRunning)) == 1 })
			w.load(22, 100e6) // 2.2 nodes' worth
			for end := w.now.Add(2 * time.Hour); w.now.Before(end); {
				w.pass(period / 2)
				w.load(5, 100e6) // 2.7
				w.pass(period / 2)
				for _, c := range w.clients[22:] {
					c.left = 0
				}
			}
			launched := 0
			for _, row := range w.db.rows {
				for _, drained := range w.check.drained {
					if after := row.RequestedAt.Sub(drained); after >= 0 && after < 10*time.Minute {
						launched++
					}
				}
			}
			if launched > 0 {
				t.Errorf("%d nodes were launched within ten minutes of a drain for want of load", launched)
			}
			if len(w.db.rows) < 3 {
				t.Errorf("only %d nodes were ever made: nothing was tried", len(w.db.rows))
			}
			for _, c := range w.clients {
				c.left = 0
			}
		})
	}
}
