package cluster_test

import (
	"testing"
	"time"

	"github.com/godwit/godwit/statestore"
)

// The checker knows every instance whose row was closed over it.
func TestOrderDuringALaunchClosesNoRowOverItsInstance(t *testing.T) {
	t.Parallel()
	ordered := 0
	for seed := uint64(1); seed <= 150; seed++ {
		w := newWorld(seed)
		w.quiet, w.policy.MinAvailable = true, 1
		w.begin()
		row := w.firstRow(t)
		for row.State == statestore.NodeRequested {
			w.step()
		}
		if row.State != statestore.NodeLaunching {
			w.stop() // its launch came back within a step
			continue
		}
		ordered++
		row.OrderAction, row.OrderBy = statestore.OrderDrain, "olga"
		w.until(t, 5*time.Minute, "its end", func() bool { return row.State == statestore.NodeTerminated || len(w.faults) > 0 })
		w.stop()
		for _, i := range w.cloud.all() {
			if i.NodeID == row.ID && i.exists() {
				t.Errorf("seed %d: %s exists", seed, i.ID)
			}
		}
		if len(w.faults) > 0 || t.Failed() {
			t.Fatalf("seed %d: %v\n%s", seed, w.faults, w.ending(20))
		}
	}
	if ordered < 30 {
		t.Errorf("only %d orders met a launch under way", ordered)
	}
}

func (w *world) firstRow(t *testing.T) *statestore.Node {
	t.Helper()
	w.until(t, time.Minute, "a row", func() bool { return len(w.db.living()) > 0 })
	return w.db.living()[0]
}
