package cluster

import (
	"context"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/statestore"
)

// settle turns observed facts into rows: a booting node that reports runs, one
// whose instance has ended by itself has failed.
func (r *Reconciler) settle(ctx context.Context, b *round) error {
	var booted []*statestore.Node
	for _, n := range b.nodes {
		var err error
		switch n.State {
		case statestore.NodeBooting, statestore.NodeStarting:
			if b.serves(n) {
				booted = append(booted, n)
				continue
			}
			err = r.settleBoot(ctx, b, n)
		case statestore.NodeRunning, statestore.NodeDraining, statestore.NodeLost:
			err = r.settleInstance(ctx, b, n)
		case statestore.NodeStopping, statestore.NodeStopped:
			r.settleWarm(ctx, b, n)
		case statestore.NodeRequested, statestore.NodeLaunching, statestore.NodeTerminating, statestore.NodeTerminated, statestore.NodeFailed:
		}
		if err != nil {
			return err
		}
	}
	return r.welcome(ctx, b, booted)
}

// serves says whether a booting node reports itself fit.
func (b *round) serves(n *statestore.Node) bool {
	report, ok := b.fresh(n, n.StateSince)
	return ok && report.Healthy && report.Port != 0
}

// welcome lets nodes run that serve.
func (r *Reconciler) welcome(ctx context.Context, b *round, nodes []*statestore.Node) error {
	changes := make([]rowChange, len(nodes))
	launched := make(map[string]bool, len(nodes))
	for i, n := range nodes {
		report, _ := b.reports.of(n.ID)
		changes[i] = rowChange{n, statestore.NodeRunning, "it has joined and reports itself healthy", func(row *statestore.Node) { report.record(row) }}
		launched[n.ID] = n.State == statestore.NodeBooting
	}
	made, err := r.change(ctx, b, changes)
	for _, n := range nodes {
		if made[n.ID] && launched[n.ID] {
			b.memory.booted(b.now.Sub(n.RequestedAt), n.Offering)
		}
	}
	return err
}

// settleBoot looks after a node that does not serve yet.
func (r *Reconciler) settleBoot(ctx context.Context, b *round, n *statestore.Node) error {
	if n.State == statestore.NodeBooting && n.FailureReason != "" { // its machine said so
		return r.fail(ctx, b, n, n.FailureReason)
	}
	if n.State == statestore.NodeStarting { // its instance may still be stopped; see driveStart
		r.settleWarm(ctx, b, n)
		return nil
	}
	return r.settleInstance(ctx, b, n)
}

// settleWarm notices that the instance of a node in the warm pool is gone.
func (r *Reconciler) settleWarm(ctx context.Context, b *round, n *statestore.Node) {
	list := r.inventory.get(n.Provider)
	if _, listed := list.find(n.InstanceID); !listed && list.AskedAt.After(n.StateSince) {
		r.checkMissing(ctx, b, n, list)
	}
}

// settleInstance notices an instance that has ended behind our back. The
// provider's list must be newer than both the row's state and the last report:
// what reports, lives.
func (r *Reconciler) settleInstance(ctx context.Context, b *round, n *statestore.Node) error {
	list := r.inventory.get(n.Provider)
	if n.InstanceID == "" || !list.AskedAt.After(n.StateSince) {
		return nil
	}
	if report, ok := b.reports.of(n.ID); ok && report.At.After(list.AskedAt) {
		return nil
	}
	instance, listed := list.find(n.InstanceID)
	switch {
	case !listed:
		r.checkMissing(ctx, b, n, list)
		return nil
	case instance.State == provisioner.Stopped, instance.State == provisioner.Terminating:
		why := "its instance has ended by itself"
		if instance.Detail != "" {
			why += ": " + instance.Detail
		}
		return r.fail(ctx, b, n, why)
	}
	return nil
}

// checkMissing asks for an instance that the list should show but does not.
func (r *Reconciler) checkMissing(ctx context.Context, b *round, n *statestore.Node, list listing) {
	provider := r.config.Providers[n.Provider]
	if provider == nil || list.AskedAt.Sub(n.StateSince) < provider.Capabilities().ListLag {
		return
	}
	node, term, memory := *n, b.term, b.memory
	r.effect(ctx, "check "+n.ID, "look for an instance", func(ctx context.Context) error {
		_, err := provider.Get(ctx, node.InstanceID)
		if provisioner.ClassOf(err) != provisioner.NotFound {
			return err
		}
		why := "its instance is gone"
		memory.failed(r.now(), &node, why)
		_, err = r.config.Store.MoveNode(ctx, term, node.ID, []statestore.NodeState{node.State}, statestore.NodeFailed, why,
			func(row *statestore.Node) { row.FailureReason = why })
		return err
	})
}
