package cluster

import (
	"context"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/statestore"
)

// settle turns observed facts into rows: a booting node that reports runs, one
// whose instance has ended by itself has failed.
func (r *Reconciler) settle(ctx context.Context, b *round) error {
	for _, n := range b.nodes {
		var err error
		switch n.State {
		case statestore.NodeBooting, statestore.NodeStarting:
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
	return nil
}

// settleBoot lets a node run once it reports itself fit to serve.
func (r *Reconciler) settleBoot(ctx context.Context, b *round, n *statestore.Node) error {
	report, ok := b.fresh(n, n.StateSince)
	started := n.State == statestore.NodeStarting
	if !ok || !report.Healthy || report.Port == 0 {
		if started { // its instance may still be stopped; see driveStart
			r.settleWarm(ctx, b, n)
			return nil
		}
		return r.settleInstance(ctx, b, n)
	}
	moved, err := r.move(ctx, b, n, statestore.NodeRunning, "it has joined and reports itself healthy", func(row *statestore.Node) {
		report.record(row)
	})
	if moved && !started {
		b.memory.booted(b.now.Sub(n.RequestedAt))
	}
	return err
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
