package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/statestore"
)

// roll looks after the rollout before a decision: an operator's new one is taken
// up, one whose target has changed goes on to the new target, one begins by itself
// where the policy says so, and what a rollout that is over left behind is ended.
func (r *Reconciler) roll(ctx context.Context, b *round) error {
	if b.cluster.Deleting {
		return nil
	}
	if err := r.retarget(ctx, b); err != nil {
		return err
	}
	if err := r.takeUp(ctx, b); err != nil {
		return err
	}
	return r.clearAway(ctx, b)
}

// retarget begins a rollout: by itself, or in the place of one whose template has
// changed meanwhile.
func (r *Reconciler) retarget(ctx context.Context, b *round) error {
	o := b.rollout
	next := statestore.Rollout{
		ClusterID: b.cluster.ID, State: statestore.RolloutRolling, ToTemplate: b.newest.template, ToVersion: b.newest.version,
	}
	supersedes, why := "", ""
	switch {
	case o.State.UnderWay():
		if (madeFrom{o.ToTemplate, o.ToVersion}) == b.newest {
			return nil
		}
		supersedes, why = o.ID, fmt.Sprintf("the template is at version %d now: the rollout goes on to that", b.newest.version)
		next.Surge, next.SurgePercent, next.MaxUnavailable, next.MaxFailures = o.Surge, o.SurgePercent, o.MaxUnavailable, o.MaxFailures
		next.Author = o.Author
		if o.FromVersion != o.ToVersion || o.FromTemplate != o.ToTemplate { // it had one to go back to
			next.FromTemplate, next.FromVersion = o.FromTemplate, o.FromVersion
		}
	case !b.policy.Rollout.Automatic || b.cluster.Paused || b.withdrawn() || !b.serveStale():
		return nil
	default:
		p := b.policy.Rollout
		next.Surge, next.SurgePercent, next.MaxUnavailable, next.MaxFailures = p.Surge, p.SurgePercent, p.MaxUnavailable, p.MaxFailures
		next.Author = "policy"
	}
	made, err := r.config.Store.BeginRollout(ctx, b.term, next, supersedes, why)
	switch {
	case errors.Is(err, statestore.ErrConflict), errors.Is(err, statestore.ErrState):
		return nil // an operator was faster: the next step sees it
	case err != nil:
		return err
	}
	b.rollout = made
	r.log.Info("rollout begins", "cluster", b.cluster.Name, "to", made.ToVersion, "by", made.Author)
	r.config.Changed(b.cluster.ID, "rollouts")
	return r.stale(ctx, b)
}

// serveStale says that a node that runs differs from what would be launched now.
func (b *round) serveStale() bool {
	for _, n := range b.nodes {
		if n.State == statestore.NodeRunning && b.stale[n.ID] {
			return true
		}
	}
	return false
}

// takeUp notes what a new rollout begins with: how many nodes there are, and the
// version to go back to.
func (r *Reconciler) takeUp(ctx context.Context, b *round) error {
	o := b.rollout
	if !o.State.UnderWay() || o.Taken {
		return nil
	}
	o.Taken, o.Size, o.Total = true, 0, 0
	to, served, coming := madeFrom{o.ToTemplate, o.ToVersion}, versions{}, versions{}
	for _, n := range b.nodes {
		counts := served
		switch n.State {
		case statestore.NodeRunning:
			o.Size++
		case statestore.NodeRequested, statestore.NodeLaunching, statestore.NodeBooting, statestore.NodeStarting:
			o.Size++
			counts = coming
		case statestore.NodeTerminating, statestore.NodeTerminated, statestore.NodeFailed:
			continue
		case statestore.NodeDraining, statestore.NodeStopping, statestore.NodeStopped, statestore.NodeLost:
		}
		if !b.stale[n.ID] {
			continue
		}
		o.Total++
		// Nodes that cannot take their configuration over are of to itself.
		if from := fromOf(n); from != to && from.template != "" {
			counts[from]++
		}
	}
	o.Remaining = o.Total
	back := before(madeFrom{o.FromTemplate, o.FromVersion}, to, served, coming)
	o.FromTemplate, o.FromVersion = back.template, back.version
	return r.advance(ctx, b, o)
}

// before is the version that a rollout of to can go back to: carried, which the one
// that it supersedes went out from, unless only others serve; then what most of those
// are made from, or else of those that nobody has seen serve yet. It is to where there
// is none.
func before(carried, to madeFrom, served, coming versions) madeFrom {
	if served[carried] == 0 && len(served) > 0 {
		carried = madeFrom{}
	}
	return cmp.Or(carried, served.most(), coming.most(), to)
}

// versions counts nodes by what they are made from.
type versions map[madeFrom]int

// most is what most nodes are made from, of as many the newest.
func (c versions) most() (best madeFrom) {
	for v, n := range c {
		newer := n == c[best] && (v.version > best.version || v.version == best.version && v.template > best.template)
		if n > c[best] || newer {
			best = v
		}
	}
	return best
}

// clearAway ends nodes on their way that an earlier rollout, or one that was rolled
// back, asked for and nobody wants any more. They serve nobody.
func (r *Reconciler) clearAway(ctx context.Context, b *round) error {
	var changes []rowChange
	for _, n := range b.nodes {
		pending := n.State == statestore.NodeLaunching || n.State == statestore.NodeBooting
		if !pending || n.Generation == 0 || !b.stale[n.ID] || n.Generation == b.rollout.Generation && b.rollout.State.UnderWay() {
			continue
		}
		changes = append(changes, rowChange{n, statestore.NodeTerminating, "the rollout that it was launched for is over: its version is not wanted", nil})
	}
	_, err := r.change(ctx, b, changes)
	return err
}

// rollout is the rollout in policy's terms; nil: none is under way.
func (r *Reconciler) rollout(ctx context.Context, b *round) (*policy.Rollout, error) {
	o := b.rollout
	if !o.State.UnderWay() || !o.Taken || b.cluster.Deleting {
		return nil, nil
	}
	failures, err := r.config.Store.RolloutFailures(ctx, b.cluster.ID, o.Generation)
	if err != nil {
		return nil, err
	}
	s := &policy.Rollout{
		RolloutPolicy: policy.RolloutPolicy{
			Surge: o.Surge, SurgePercent: o.SurgePercent, MaxUnavailable: o.MaxUnavailable, MaxFailures: o.MaxFailures,
		},
		Paused: o.State == statestore.RolloutPaused, Size: o.Size, Failures: len(failures),
	}
	if n := len(failures); n > 0 {
		s.FailedText = failures[n-1].Name + ": " + failures[n-1].Reason
	}
	return s, nil
}

// conclude writes what a decision says of the rollout. A verdict is the state that
// it ends in; from then on another version may be the one wanted.
func (r *Reconciler) conclude(ctx context.Context, b *round, snapshot policy.Snapshot, plan policy.Plan) error {
	s := plan.Rollout
	if s == nil || snapshot.Rollout == nil {
		return nil
	}
	o := b.rollout
	o.Remaining, o.Failures, o.Doing = s.Left, snapshot.Rollout.Failures, s.Text
	o.Total = max(o.Total, o.Remaining)
	switch s.Verdict {
	case policy.RolloutGoes:
		if b.cluster.Paused {
			o.Doing = "the cluster is paused"
		}
	case policy.RolloutDone:
		o.State, o.Reason = statestore.RolloutDone, s.Text
	case policy.RolloutFailed:
		o.State, o.Reason = statestore.RolloutRolledBack, s.Text
	}
	if o == b.rollout {
		return nil
	}
	return r.advance(ctx, b, o)
}

// advance stores the rollout. One that ended meanwhile is left as it is.
func (r *Reconciler) advance(ctx context.Context, b *round, o statestore.Rollout) error {
	was := b.rollout.State
	row, err := r.config.Store.AdvanceRollout(ctx, b.term, o)
	if errors.Is(err, statestore.ErrState) {
		return nil // the next step sees how
	}
	if err != nil {
		return err
	}
	b.rollout = row
	r.config.Changed(b.cluster.ID, "rollouts")
	if row.State != was {
		r.log.Info("rollout "+string(row.State), "cluster", b.cluster.Name, "to", row.ToVersion, "why", row.Reason)
	}
	if row.State.UnderWay() {
		return nil
	}
	// From here on another version may be the one wanted, for what this step still
	// launches too.
	if err := r.aim(ctx, b); err != nil {
		return err
	}
	return r.stale(ctx, b)
}

// rolledBack is what an operator is told while a version of the template is not
// used because its nodes came to nothing; empty: nothing.
func (b *round) rolledBack() string {
	o := b.rollout
	if o.State != statestore.RolloutRolledBack || (madeFrom{o.ToTemplate, o.ToVersion}) != b.newest {
		return ""
	}
	if !b.withdrawn() {
		return fmt.Sprintf("a rollout of version %d of the template was stopped: %s", o.ToVersion, o.Reason)
	}
	return fmt.Sprintf("the rollout of version %d of the template was rolled back: %s; new nodes are launched from version %d", o.ToVersion, o.Reason, b.template.Version)
}
