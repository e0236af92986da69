package sim

import (
	"slices"
	"time"

	"github.com/godwit/godwit/policy"
)

// startAgain is how long a node that failed to start may be left alone.
const startAgain = 5 * time.Minute

// warm: a node that could start is started before one is launched, the pool never
// outgrows its size nor is filled again and again, and no more nodes drain of the
// manager's own will than the budget says.
func (k *check) warm(p policy.Plan) {
	acts := func(id string, kind policy.ActionKind) bool {
		return slices.ContainsFunc(p.Actions, func(a policy.Action) bool { return a.NodeID == id && a.Kind == kind })
	}
	stops, drains, draining := 0, 0, 0
	for _, a := range p.Actions {
		switch {
		case a.Kind == policy.ActionStop:
			stops++
		case a.Kind == policy.ActionDrain && (a.Cause == policy.DrainScaleIn || a.Cause == policy.DrainRepair || a.Cause == policy.DrainRollout):
			drains++
		}
	}
	wanted := p.Launches() > 0 && !refills(p) && !slices.ContainsFunc(p.Actions, func(a policy.Action) bool { return a.Reason.Code == policy.CodeRolloutLaunch })
	warm := 0
	for _, r := range k.m.rows {
		stale := k.stale(r.ID)
		if (r.State == policy.Stopped || r.State == policy.Stopping) && !stale {
			warm++
		}
		ready := r.State == policy.Stopped && !stale && k.w.c.CanStop && k.w.now.Sub(r.StartFailedAt) >= startAgain
		if wanted && ready && !acts(r.ID, policy.ActionStart) {
			k.broken("warm nodes start before any is launched", "%s could: %s", r.ID, p.Explain())
		}
		if r.State == policy.Draining && (r.DrainCause == policy.DrainScaleIn || r.DrainCause == policy.DrainRepair || r.DrainCause == policy.DrainRollout) &&
			!slices.ContainsFunc(p.Actions, func(a policy.Action) bool { return a.NodeID == r.ID }) {
			draining++
		}
	}
	if stops > 0 && warm+stops > k.warmNodes() {
		k.broken("the warm pool keeps its size", "%d and %d more stopped, %d wanted: %s", warm, stops, k.warmNodes(), p.Explain())
	}
	if budget := k.w.c.Policy.DisruptionBudget; budget > 0 && drains > 0 && draining+drains > budget {
		k.broken("the disruption budget holds", "%d drain and %d more, budget %d: %s", draining, drains, budget, p.Explain())
	}
	if !k.w.calm() && refills(p) {
		if k.refilled = max(k.refilled, 0) + p.Launches(); k.refilled > k.warmNodes() {
			k.broken("the warm pool is filled once", "%d launched for %d: %s", k.refilled, k.warmNodes(), p.Explain())
		}
	}
}

// warmNodes is how many stopped nodes the policy can have.
func (k *check) warmNodes() int {
	if !k.w.c.CanStop {
		return 0
	}
	return k.w.c.Policy.WarmNodes
}

func (k *check) stopped() int {
	n := 0
	for _, r := range k.m.rows {
		if r.State == policy.Stopped {
			n++
		}
	}
	return n
}

// refills says that the plan launches for the warm pool.
func refills(p policy.Plan) bool {
	return slices.ContainsFunc(p.Actions, func(a policy.Action) bool { return a.Reason.Code == policy.CodeWarmRefill })
}
