package cluster_test

import (
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/statestore"
)

// warmed is a quiet world with two running nodes and one in the warm pool.
func warmed(t *testing.T) (*world, *statestore.Node) {
	t.Helper()
	w := quiet(t, func(p *policy.Policy) { p.WarmNodes, p.ScaleInWindowS = 1, 60 })
	w.until(t, 40*time.Minute, "a warm node", func() bool { return len(w.in(statestore.NodeStopped)) == 1 })
	return w, w.in(statestore.NodeStopped)[0]
}

func TestWarmNodeComesBackAsItself(t *testing.T) {
	t.Parallel()
	w, row := warmed(t)
	instance := row.InstanceID
	three := 3
	w.db.cluster.DesiredOverride = &three
	w.until(t, 3*time.Minute, "three nodes", w.running(3))
	if row.State != statestore.NodeRunning || row.InstanceID != instance || len(w.cloud.instances) > 3 {
		t.Errorf("the warm node is %s with instance %s, was %s", row.State, row.InstanceID, instance)
	}
	w.db.cluster.DesiredOverride = nil
	w.until(t, 30*time.Minute, "it is put back", func() bool { return len(w.in(statestore.NodeStopped)) == 1 && len(w.in(statestore.NodeRunning)) == 2 })
}

func TestWarmNodeWhoseInstanceIsGoneIsReplaced(t *testing.T) {
	t.Parallel()
	w, row := warmed(t)
	delete(w.cloud.instances, row.InstanceID)
	w.until(t, 2*time.Minute, "its end", func() bool { return row.State == statestore.NodeTerminated })
	if _, told := w.db.open["warm_pool_failing/"]; !told {
		t.Errorf("nobody is told: %v", w.db.open)
	}
	w.until(t, 40*time.Minute, "another warm node", func() bool { return len(w.in(statestore.NodeStopped)) == 1 })
	w.pass(2 * time.Minute)
	if len(w.db.open) != 0 {
		t.Errorf("conditions stay open: %v", w.db.open)
	}
}

func TestWarmNodeThatRunsUnaskedIsPutToRest(t *testing.T) {
	t.Parallel()
	w, row := warmed(t)
	i := w.cloud.instances[row.InstanceID]
	i.State, i.joinsAt = provisioner.Running, w.now.Add(5*time.Second) // somebody pressed a button
	w.until(t, 3*time.Minute, "it rests again", func() bool { return i.State == provisioner.Stopped })
	if row.State != statestore.NodeStopped {
		t.Errorf("its row is %s", row.State)
	}
}

func TestRefusedStartIsServedByALaunch(t *testing.T) {
	t.Parallel()
	w, row := warmed(t)
	w.cloud.refuse, w.cloud.refuseUntil = provisioner.Capacity, w.now.Add(30*time.Second)
	three := 3
	w.db.cluster.DesiredOverride = &three
	w.until(t, 6*time.Minute, "a third node", func() bool { return len(w.in(statestore.NodeRunning)) == 3 })
	if row.State != statestore.NodeStopped {
		t.Errorf("the node that was refused is %s", row.State)
	}
}

func TestOrderedEndOfAWarmNode(t *testing.T) {
	t.Parallel()
	w, row := warmed(t)
	row.OrderAction, row.OrderBy = statestore.OrderTerminate, "olga"
	w.until(t, 2*time.Minute, "its end", func() bool { return row.State == statestore.NodeTerminated })
	if i := w.cloud.instances[row.InstanceID]; i != nil && i.exists() {
		t.Error("its instance is left")
	}
}

// spotted is a quiet world in which so many machines of four are spot, which is
// not stopped; it wants a node in the warm pool.
func spotted(t *testing.T, share int, mixed bool) *world {
	t.Helper()
	w := newWorld(1)
	w.spot, w.mixed = share, mixed
	return calm(t, w, func(p *policy.Policy) { p.WarmNodes, p.ScaleInWindowS = 1, 60 })
}

// Nothing tries to stop spot (the world would say so): the pool gets a node that is
// launched on demand, and once.
func TestWarmPoolIsOfNodesThatCanBeStopped(t *testing.T) {
	t.Parallel()
	w := spotted(t, 2, false)
	w.until(t, 40*time.Minute, "a warm node", func() bool { return len(w.in(statestore.NodeStopped)) == 1 })
	w.pass(20 * time.Minute)
	if launched := len(w.db.rows); launched > 4 || len(w.db.open) != 0 {
		t.Errorf("%d launches for two nodes and a warm one; conditions %v", launched, w.db.open)
	}
}

// Where all is spot nothing is launched to be stopped, and the decision says why.
func TestWarmPoolOfSpotAloneStaysEmptyAndSaysWhy(t *testing.T) {
	t.Parallel()
	w := spotted(t, 4, false)
	w.until(t, 5*time.Minute, "two nodes", w.running(2))
	w.pass(40 * time.Minute)
	if len(w.db.rows) != 2 || len(w.in(statestore.NodeStopped)) != 0 {
		t.Errorf("%d launches for two nodes, %d are stopped", len(w.db.rows), len(w.in(statestore.NodeStopped)))
	}
	if said := string(w.db.decision.Plan); !strings.Contains(said, "the warm pool has 0 of 1 stopped node: all that the template offers is spot, which sim does not stop") {
		t.Errorf("the decisions say: %s", said)
	}
}

// What is to be stopped is launched at the offering that has it.
func TestWarmNodeIsLaunchedWhereItCanBeStopped(t *testing.T) {
	t.Parallel()
	w := spotted(t, 4, true)
	w.until(t, 40*time.Minute, "a warm node", func() bool { return len(w.in(statestore.NodeStopped)) == 1 })
	if row := w.in(statestore.NodeStopped)[0]; row.Provider != "sky" || row.Spot {
		t.Errorf("the warm node is %s's, spot %v", row.Provider, row.Spot)
	}
}
