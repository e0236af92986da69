package cluster

import (
	"context"

	"github.com/godwit/godwit/policy"
)

// Preview answers what would be decided now if the cluster had this policy. It
// reads and writes nothing back; any manager may answer. The plan's actions are
// those that the leader's next step would carry out, as far as this manager can
// see.
func (r *Reconciler) Preview(ctx context.Context, clusterID string, edit policy.Policy) (policy.Plan, error) {
	if err := edit.Validate(); err != nil {
		return policy.Plan{}, err
	}
	b, err := r.look(ctx, clusterID, hear(r.config.Fleet))
	if err != nil {
		return policy.Plan{}, err
	}
	profile, err := r.learnt(ctx, clusterID)
	if err != nil {
		return policy.Plan{}, err
	}
	b.policy = edit
	snapshot := r.snapshot(b)
	if snapshot.Rollout, err = r.rollout(ctx, b); err != nil {
		return policy.Plan{}, err
	}
	snapshot.Forecast = foresee(profile, edit, b.now)
	return policy.Decide(snapshot, edit, b.now), nil
}

// look observes one cluster without leading.
func (r *Reconciler) look(ctx context.Context, clusterID string, reports heard) (*round, error) {
	c, err := r.config.Store.Cluster(ctx, clusterID)
	if err != nil {
		return nil, err
	}
	b := &round{now: r.now(), cluster: c, reports: reports}
	if err := r.aim(ctx, b); err != nil {
		return nil, err
	}
	if b.version, err = r.config.Store.Policy(ctx, c.ID); err != nil {
		return nil, err
	}
	if b.policy, err = r.parsed(b.version); err != nil {
		return nil, err
	}
	raw, err := r.config.Store.Memory(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	if b.memory, err = newMemory(raw, b.now); err != nil {
		return nil, err
	}
	return b, r.readNodes(ctx, b)
}
