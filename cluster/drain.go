package cluster

import (
	"context"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/statestore"
)

// tellTimeout is short: a node that does not answer is told again, and the
// slot is for those that do.
const tellTimeout = 5 * time.Second

// drain is the row change of a drain: why, and until when sessions that can't
// move are waited for. A drain under way keeps the nearer deadline.
func (b *round) drain(n *statestore.Node, cause policy.DrainCause, why string, deadline time.Time) func(*statestore.Node) {
	if deadline.IsZero() {
		deadline = b.now.Add(time.Duration(b.policy.DrainTimeoutS) * time.Second)
	}
	if n.State == statestore.NodeDraining && n.DrainDeadline != nil && n.DrainDeadline.Before(deadline) {
		deadline = *n.DrainDeadline
	}
	return func(row *statestore.Node) {
		row.DrainReason = string(cause) + ": " + why
		row.DrainDeadline = &deadline
	}
}

// driveDrain tells a node what its row says, until its report agrees. Ending a
// drained node is policy's to decide: when it reports no session, or at the
// deadline.
func (r *Reconciler) driveDrain(ctx context.Context, b *round, n *statestore.Node) {
	report, heard := b.fresh(n, n.StateSince)
	draining := n.State == statestore.NodeDraining
	if heard && report.Draining == draining {
		return
	}
	if !heard && !draining {
		return // before its first word there is nothing to take back
	}
	id, reason := n.ID, n.DrainReason
	r.effect(ctx, "tell "+id, "tell a node to drain", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, tellTimeout)
		defer cancel()
		if draining {
			return r.config.Fleet.Drain(ctx, id, reason)
		}
		return r.config.Fleet.Undrain(ctx, id)
	})
}
