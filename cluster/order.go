package cluster

import (
	"context"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/statestore"
)

// obey carries out what operators ordered of single nodes. A paused cluster
// obeys too: the order names its node, the pause is about policy.
func (r *Reconciler) obey(ctx context.Context, b *round) error {
	for _, n := range b.nodes {
		if n.OrderAction == statestore.OrderNone {
			continue
		}
		order := n.OrderAction
		to, why, change := b.order(n)
		_, err := r.move(ctx, b, n, to, why, func(row *statestore.Node) {
			if row.OrderAction == order { // a newer order waits for the next step
				row.OrderAction, row.OrderBy, row.OrderAt = statestore.OrderNone, "", nil
			}
			if change != nil {
				change(row)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// order says where a node goes; its own state when the order means nothing
// there, or no longer.
func (b *round) order(n *statestore.Node) (to statestore.NodeState, why string, change func(*statestore.Node)) {
	why = string(n.OrderAction) + " ordered by " + orSomeone(n.OrderBy)
	pending := policy.State(n.State).Pending() || n.State == statestore.NodeStopping || n.State == statestore.NodeStopped
	switch n.OrderAction {
	case statestore.OrderKill:
		if n.State != statestore.NodeTerminating {
			return statestore.NodeTerminating, why, nil
		}
	case statestore.OrderDrain, statestore.OrderTerminate:
		switch {
		case n.State == statestore.NodeRunning, n.State == statestore.NodeDraining:
			// Draining already: now it is the operator's, and not to be taken back.
			return statestore.NodeDraining, why, b.drain(n, policy.DrainOperator, why, time.Time{})
		case pending, n.OrderAction == statestore.OrderTerminate && n.State != statestore.NodeTerminating:
			return statestore.NodeTerminating, why, nil // it serves nobody
		}
	case statestore.OrderUndrain:
		if n.State == statestore.NodeDraining {
			return statestore.NodeRunning, why, nil
		}
	case statestore.OrderNone:
	}
	return n.State, why, nil
}

func orSomeone(by string) string {
	if by == "" {
		return "an operator"
	}
	return by
}
