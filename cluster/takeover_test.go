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
	before := w.db.memory
	w.until(t, time.Minute, "four rows", func() bool { return len(w.db.living()) == 4 })
	w.db.memory = before // the leader died before it stored its memory
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
	w.until(t, 3*time.Minute, "it is heard, empty, and ended", func() bool { return row.State == statestore.NodeTerminated })
}

// A machine's clock that was set back by hours, and then the manager restarted.
func TestClockSetBackBetweenTwoLeadersHoldsUpNothing(t *testing.T) {
	t.Parallel()
	w := quiet(t, func(p *policy.Policy) { p.MinAvailable, p.MaxNodes, p.DrainTimeoutS = 3, 5, 120 })
	w.until(t, 5*time.Minute, "three nodes", w.running(3))
	busy, dying := w.in(statestore.NodeRunning)[0], w.in(statestore.NodeRunning)[1]
	n := w.nodes[busy.ID]
	c := &simClient{id: "s", wanted: 20e6, left: 1e12, node: n, since: w.now}
	n.sessions, w.clients = append(n.sessions, c), append(w.clients, c)
	busy.OrderAction, busy.OrderBy = statestore.OrderDrain, "olga"
	w.until(t, 2*time.Minute, "one booting in the place of one that drains", func() bool {
		return len(w.in(statestore.NodeBooting)) == 1 && busy.State == statestore.NodeDraining
	})
	w.setBack(3 * time.Hour)
	w.takeOver()
	w.until(t, 4*time.Minute, "the booting one runs", func() bool { return len(w.in(statestore.NodeRunning)) == 3 })
	w.until(t, 3*time.Minute, "the drain ends at its deadline", func() bool { return busy.State == statestore.NodeTerminated })
	i := w.cloud.instances[dying.InstanceID]
	i.dead, i.State = true, provisioner.Stopped
	w.nodeDies(i)
	w.until(t, time.Minute, "a death is noticed", func() bool { return dying.State != statestore.NodeRunning })
	w.until(t, 5*time.Minute, "three nodes", w.running(3))
}

// setBack steps the manager's clock; what the cloud waits for comes when it comes.
func (w *world) setBack(d time.Duration) {
	w.now, w.start = w.now.Add(-d), w.start.Add(-d)
	for _, i := range w.cloud.instances {
		for _, at := range []*time.Time{&i.LaunchedAt, &i.listedAt, &i.joinsAt, &i.endsAt, &i.stopsAt} {
			if !at.IsZero() {
				*at = at.Add(-d)
			}
		}
	}
}
