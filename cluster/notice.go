package cluster

import (
	"context"
	"fmt"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/statestore"
)

const (
	// heedShare: at most one running node in so many leaves at once for a notice
	// that can wait. Where checks fail or maintenance is announced all over, the
	// cause is likelier the provider's than cured by new nodes.
	heedShare = 4
	// heedAhead is how long before announced maintenance nothing may wait for the
	// share any more: a boot, beside the drain.
	heedAhead = 10 * time.Minute
)

// heed drains the nodes of which the provider gave notice. Draining nodes count
// for nothing in policy's floors: their replacements are launched in the same
// step. A notice that is withdrawn changes nothing: the machine is suspect.
func (r *Reconciler) heed(ctx context.Context, b *round) error {
	running, leaving := 0, 0
	for _, n := range b.nodes {
		switch {
		case n.State == statestore.NodeRunning:
			running++
		case n.State == statestore.NodeDraining && drainCause(n.DrainReason) == policy.DrainReclaim:
			leaving++
		}
	}
	budget := max(running/heedShare, 1) - leaving
	for _, n := range b.nodes {
		notice := r.notice(n)
		if notice == nil || b.heeds(n, notice) {
			continue
		}
		if !b.urgent(notice) {
			if b.cluster.Paused || budget <= 0 {
				continue
			}
			budget--
		}
		why := noticeText(notice)
		_, err := r.move(ctx, b, n, statestore.NodeDraining, why, b.drain(n, policy.DrainReclaim, why, b.leaveBy(notice)))
		if err != nil {
			return err
		}
	}
	return nil
}

// notice is what the provider last said of a node that serves. What it said
// before the row came to this state may be of another life of the machine.
func (r *Reconciler) notice(n *statestore.Node) *provisioner.Notice {
	if n.State != statestore.NodeRunning && n.State != statestore.NodeDraining {
		return nil
	}
	list := r.inventory.get(n.Provider)
	instance, listed := list.find(n.InstanceID)
	if !listed || n.State == statestore.NodeRunning && !list.AskedAt.After(n.StateSince) {
		return nil
	}
	return instance.Notice
}

// heeds says that a node drains for a notice already, and no later than it asks.
func (b *round) heeds(n *statestore.Node, notice *provisioner.Notice) bool {
	return n.State == statestore.NodeDraining && drainCause(n.DrainReason) == policy.DrainReclaim &&
		n.DrainDeadline != nil && !n.DrainDeadline.After(b.leaveBy(notice))
}

// urgent says that the machine goes whether its node is empty or not, and soon.
func (b *round) urgent(notice *provisioner.Notice) bool {
	switch notice.Kind {
	case provisioner.Reclaimed:
		return true
	case provisioner.Maintenance:
		drain := time.Duration(b.policy.DrainTimeoutS) * time.Second
		return !notice.At.IsZero() && notice.At.Before(b.now.Add(drain+heedAhead))
	case provisioner.Impaired:
	}
	return false
}

// leaveBy is when the last session must be gone: the policy's time for a drain,
// or the provider's when that is nearer.
func (b *round) leaveBy(notice *provisioner.Notice) time.Time {
	by := b.now.Add(time.Duration(b.policy.DrainTimeoutS) * time.Second)
	if !notice.At.IsZero() && notice.At.Before(by) {
		by = notice.At
	}
	return by
}

func noticeText(notice *provisioner.Notice) string {
	what := "its provider warns of it"
	switch notice.Kind {
	case provisioner.Reclaimed:
		what = "its provider takes the machine back"
	case provisioner.Maintenance:
		what = "its provider will maintain the machine"
	case provisioner.Impaired:
		what = "its provider's checks of the machine fail"
	}
	if !notice.At.IsZero() {
		what += " at " + notice.At.UTC().Format("2006-01-02 15:04:05 MST")
	}
	if notice.Text != "" {
		what = fmt.Sprintf("%s: %s", what, notice.Text)
	}
	return what
}
