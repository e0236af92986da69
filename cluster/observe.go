package cluster

import (
	"context"
	"fmt"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/statestore"
)

// round is one cluster in one step: what was observed, and what it became.
type round struct {
	term     statestore.Term
	now      time.Time
	cluster  statestore.Cluster
	template statestore.Template // that nodes are launched from; see aim
	newest   madeFrom            // the cluster's template as it is now
	rollout  statestore.Rollout  // the newest; zero before the first
	stale    map[string]bool     // by node; see stale
	version  statestore.PolicyVersion
	policy   policy.Policy
	memory   *memory
	nodes    []*statestore.Node // rows, kept up to date by every write
	reports  heard
	plan     policy.Plan // once it is decided
	decision string      // its id
}

// observe reads a cluster's desired state and rows.
func (r *Reconciler) observe(ctx context.Context, s *step, c statestore.Cluster) (*round, error) {
	b := &round{term: s.term, now: r.now(), cluster: c, reports: s.heard}
	var err error
	if err := r.aim(ctx, b); err != nil {
		return nil, err
	}
	if b.version, err = r.config.Store.Policy(ctx, c.ID); err != nil {
		return nil, err
	}
	if b.policy, err = r.parsed(b.version); err != nil {
		return nil, err
	}
	if b.memory, err = r.remember(ctx, c); err != nil {
		return nil, err
	}
	if err := r.readNodes(ctx, b); err != nil {
		return nil, err
	}
	s.read(b)
	return b, nil
}

// parsed reads a policy version, once: versions never change.
func (r *Reconciler) parsed(v statestore.PolicyVersion) (policy.Policy, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if known, ok := r.policies[v.ClusterID]; ok && known.version == v.Version {
		return known.policy, nil
	}
	p, err := policy.Parse(v.Policy)
	if err != nil {
		return p, fmt.Errorf("policy version %d: %w", v.Version, err)
	}
	r.policies[v.ClusterID] = parsedPolicy{v.Version, p}
	return p, nil
}

// parsedPolicy is a cluster's newest policy version that was read.
type parsedPolicy struct {
	version int64
	policy  policy.Policy
}

// readNodes reads the rows, whose requests go into the memory. Reports came
// first: one that is newer than its row can only make a node look more alive.
func (r *Reconciler) readNodes(ctx context.Context, b *round) error {
	rows, err := r.config.Store.LiveNodes(ctx, b.cluster.ID)
	if err != nil {
		return err
	}
	b.nodes = make([]*statestore.Node, len(rows))
	for i := range rows {
		b.nodes[i] = &rows[i]
	}
	// A manager that died between a row and its memory left the row alone to
	// tell of the request: taken down while it lives, for it may end this step.
	b.memory.requested(b.now, b.nodes...)
	b.memory.keepStarts(b.nodes)
	b.memory.place(b.template, menu(b.template).Offerings, b.nodes)
	return r.stale(ctx, b)
}

// remember returns the cluster's memory: the one in hand, or the stored one
// when this manager has just begun to lead.
func (r *Reconciler) remember(ctx context.Context, c statestore.Cluster) (*memory, error) {
	r.mutex.Lock()
	m := r.memories[c.ID]
	r.mutex.Unlock()
	if m != nil {
		return m, nil
	}
	raw, err := r.config.Store.Memory(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	if m, err = newMemory(raw, r.now()); err != nil {
		r.log.Error("start with an empty memory", "cluster", c.Name, "err", err)
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.memories[c.ID] = m
	return m, nil
}

// fresh returns a node's report if it is newer than a time.
func (b *round) fresh(n *statestore.Node, than time.Time) (Report, bool) {
	report, ok := b.reports.of(n.ID)
	return report, ok && report.At.After(than)
}
