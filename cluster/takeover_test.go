package cluster_test

import (
	"testing"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/statestore"
)

// takeOver replaces the leader by a manager that heard nothing yet.
func (w *world) takeOver() {
	w.lead.die()
	w.now = w.now.Add(time.Second)
	w.elect()
}

// The checker counts the rows of each minute, those that have ended too.
func TestLaunchLimitCountsWhatADeadLeaderRequested(t *testing.T) {
	t.Parallel()
	w := quiet(t, func(p *policy.Policy) {
		p.MinAvailable, p.MaxNodes, p.LaunchLimit = 4, 8, policy.LaunchLimit{Count: 4, PerSeconds: 60}
	})
	before := w.db.cluster.State
	w.until(t, time.Minute, "four rows", func() bool { return len(w.db.living()) == 4 })
	w.db.cluster.State = before // the leader died before it stored its memory
	w.cloud.refuse, w.cloud.refuseUntil = provisioner.Capacity, w.now.Add(40*time.Second)
	w.takeOver()
	w.until(t, time.Minute, "all are refused", func() bool { return len(w.db.living()) == 0 })
	w.takeOver() // now no living row tells of them
	w.until(t, 10*time.Minute, "four nodes", w.running(4))
}

// When a node last reported is in its row, its sessions are not.
func TestNewLeaderEndsNoDrainingNodeItHasNotHeard(t *testing.T) {
	t.Parallel()
	w := quiet(t, nil)
	w.until(t, 5*time.Minute, "two nodes", w.running(2))
	row := w.in(statestore.NodeRunning)[0]
	n := w.nodes[row.ID]
	c := &simClient{id: "s", wanted: 20e6, left: 1e9, node: n, since: w.now}
	n.sessions, w.clients = append(n.sessions, c), append(w.clients, c)
	row.OrderAction, row.OrderBy = statestore.OrderDrain, "olga"
	w.until(t, time.Minute, "the drained node's report is in its row", func() bool {
		return row.State == statestore.NodeDraining && n.draining && row.LastReportAt.Sub(row.StateSince) > 35*time.Second
	})
	n.silentUntil = w.now.Add(20 * time.Second)
	w.takeOver()
	w.pass(15 * time.Second)
	if row.State != statestore.NodeDraining || len(n.sessions) != 1 {
		t.Fatalf("unheard: %s with %d sessions", row.State, len(n.sessions))
	}
	c.left = 0
	w.until(t, time.Minute, "it is heard, empty, and ended", func() bool { return row.State == statestore.NodeTerminated })
}
