package cluster

import (
	"context"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/statestore"
)

// lose is the row change of a node that fell silent. What it was draining for
// stays, so that a node that comes back goes on where it was.
func lose(why string) func(*statestore.Node) {
	return func(row *statestore.Node) { row.FailureReason = why }
}

// recovered says where a lost node that reports again goes on.
func recovered(n *statestore.Node) (statestore.NodeState, func(*statestore.Node)) {
	to := statestore.NodeRunning
	if n.DrainReason != "" {
		to = statestore.NodeDraining
	}
	return to, func(row *statestore.Node) { row.FailureReason = "" }
}

// gaveUp is the row change of a node that did not come up in time. One that the
// provider never made says nothing of what it was to be made from.
func gaveUp(n *statestore.Node, action policy.Action) func(*statestore.Node) {
	if action.Reason.Code != policy.CodeLaunchTimeout || n.State == statestore.NodeStarting {
		return nil
	}
	return func(row *statestore.Node) {
		row.FailureReason = action.Reason.Text
		if row.InstanceID == "" {
			row.Generation = 0
		}
	}
}

// fail marks a node whose instance is of no use any more. Policy replaces it
// and has its remains cleaned up.
func (r *Reconciler) fail(ctx context.Context, b *round, n *statestore.Node, why string) error {
	b.memory.failed(b.now, n, why)
	_, err := r.move(ctx, b, n, statestore.NodeFailed, why, func(row *statestore.Node) { row.FailureReason = why })
	return err
}
