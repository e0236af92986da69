package cluster_test

import (
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/statestore"
)

func settled(t *testing.T, n int) *world {
	t.Helper()
	w := quiet(t, func(p *policy.Policy) { p.MinAvailable, p.MaxNodes = n, 2*n })
	w.until(t, 20*time.Minute, "all nodes", w.running(n))
	w.pass(30 * time.Second)
	return w
}

func (w *world) warn(row *statestore.Node, notice provisioner.Notice) {
	w.cloud.instances[row.InstanceID].Notice = &notice
}

func TestReclaimedNodeDrainsBeforeItGoesAndIsReplaced(t *testing.T) {
	t.Parallel()
	w := settled(t, 2)
	row, at := w.in(statestore.NodeRunning)[0], w.now.Add(2*time.Minute)
	w.warn(row, provisioner.Notice{Kind: provisioner.Reclaimed, At: at, Text: "marked-for-termination"})
	w.until(t, 10*time.Second, "the drain", func() bool { return row.State == statestore.NodeDraining })
	if !strings.HasPrefix(row.DrainReason, "reclaim: its provider takes the machine back") || !strings.HasSuffix(row.DrainReason, "marked-for-termination") {
		t.Errorf("drains for %q", row.DrainReason)
	}
	if row.DrainDeadline.After(at) {
		t.Errorf("drains until %s; the machine goes at %s", row.DrainDeadline, at)
	}
	w.until(t, 10*time.Second, "a replacement asked for", func() bool { return len(w.db.living()) == 3 })
	w.until(t, 20*time.Minute, "its end and two nodes", func() bool { return row.State == statestore.NodeTerminated && w.running(2)() })
}

func TestReclaimBringsADrainsDeadlineForward(t *testing.T) {
	t.Parallel()
	w := settled(t, 2)
	row := w.in(statestore.NodeRunning)[0]
	late := w.now.Add(10 * time.Minute)
	row.State, row.DrainReason, row.DrainDeadline, row.StateSince = statestore.NodeDraining, "operator: by hand", &late, w.now
	at := w.now.Add(2 * time.Minute)
	w.warn(row, provisioner.Notice{Kind: provisioner.Reclaimed, At: at})
	w.step()
	w.step()
	if row.DrainDeadline.After(at) || !strings.HasPrefix(row.DrainReason, "reclaim: ") {
		t.Errorf("drains until %s; the machine goes at %s", row.DrainDeadline, at)
	}
}

func TestChecksThatFailEverywhereDoNotEmptyTheCluster(t *testing.T) {
	t.Parallel()
	w := settled(t, 8)
	for _, row := range w.in(statestore.NodeRunning) {
		w.warn(row, provisioner.Notice{Kind: provisioner.Impaired, Text: "reachability failed"})
	}
	most := 0
	w.until(t, time.Hour, "all replaced", func() bool {
		most = max(most, len(w.in(statestore.NodeDraining)))
		for _, row := range w.db.living() {
			if i := w.cloud.instances[row.InstanceID]; i != nil && i.Notice != nil {
				return false
			}
		}
		return true
	})
	if most > 2 {
		t.Errorf("%d of 8 nodes drained at once", most)
	}
}

func TestMaintenanceInDaysWaitsWhileTheClusterIsPaused(t *testing.T) {
	t.Parallel()
	w := settled(t, 2)
	w.db.cluster.Paused = true
	row := w.in(statestore.NodeRunning)[0]
	w.warn(row, provisioner.Notice{Kind: provisioner.Maintenance, At: w.now.Add(72 * time.Hour), Text: "system-reboot"})
	w.pass(time.Minute)
	if row.State != statestore.NodeRunning {
		t.Errorf("%s while the cluster is paused", row.State)
	}
	w.db.cluster.Paused = false
	w.until(t, 30*time.Minute, "its end and two nodes", func() bool { return row.State == statestore.NodeTerminated && w.running(2)() })
}
