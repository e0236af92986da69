package cluster_test

import (
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
