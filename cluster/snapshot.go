package cluster

import (
	"slices"
	"strings"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/statestore"
)

// listSessions is how many sessions of a cluster a snapshot lists one by one;
// beyond it nodes carry sums, or stored decisions would grow without bound.
const listSessions = 1000

// snapshot puts what was observed into policy's terms.
func (r *Reconciler) snapshot(b *round) policy.Snapshot {
	f := b.memory.look()
	s := policy.Snapshot{
		Nodes:          make([]policy.Node, 0, len(b.nodes)),
		RecentLaunches: b.recentLaunches(f),
		LaunchErrors:   f.failures(b.now),
		Paused:         b.cluster.Paused,
		History:        f.History,
		ListeningSince: r.listening,
		CanStop:        r.canStop(b),
		NoRefill:       r.noRefill(b.template),
		BootS:          f.bootS(),
	}
	if block := f.blocked(b.now, b.template); block != nil {
		s.Blocked = &policy.Block{Until: block.Until, Cause: block.Text}
	}
	if n := b.cluster.DesiredOverride; n != nil {
		s.Override = &policy.Override{Nodes: *n}
	}
	last := make(map[string]policy.Assignment, len(f.Pools))
	for _, a := range f.Pools {
		last[a.NodeID] = a
	}
	sessions := 0
	for _, n := range b.nodes {
		if report := b.reports[n.ID]; report != nil {
			sessions += len(report.Sessions)
		}
	}
	for _, n := range b.nodes {
		node := r.describe(b, n)
		node.Last, node.StartFailedAt = last[n.ID], f.StartFailed[n.ID]
		switch {
		case sessions > listSessions && len(node.Sessions) > 0:
			node.Sum(b.policy, b.now)
		case len(node.Sessions) > 0:
			node.Sessions = slices.Clone(node.Sessions)
			slices.SortFunc(node.Sessions, func(x, y policy.Session) int { return strings.Compare(x.ID, y.ID) })
		}
		s.Nodes = append(s.Nodes, node)
	}
	return s
}

// describe is one node in policy's terms.
func (r *Reconciler) describe(b *round, n *statestore.Node) policy.Node {
	node := policy.Node{
		ID: n.ID, Name: n.Name, State: policy.State(n.State), Since: n.StateSince, RequestedAt: n.RequestedAt,
		DrainCause: drainCause(n.DrainReason), Stale: b.stale[n.ID], NoStop: r.noStop(n),
	}
	if n.DrainDeadline != nil {
		node.DrainDeadline = *n.DrainDeadline
	}
	if n.LastReportAt != nil {
		node.ReportedAt = *n.LastReportAt
	}
	report, ok := b.reports.of(n.ID)
	if n.State == statestore.NodeDraining && node.ReportedAt.After(n.StateSince) && node.ReportedAt.After(report.At) {
		// Somebody else heard it last. The row says when, which proves that the
		// node lives, but not with what: until this manager hears that it is
		// empty it has a session.
		node.Load.Sessions = 1
	}
	if !ok {
		return node
	}
	if report.At.After(node.ReportedAt) {
		node.ReportedAt = report.At
	}
	node.ServicesHealthy = report.Healthy
	node.Usage = report.Usage
	if p := r.config.Providers[n.Provider]; p != nil && p.Capabilities().SharedMachine {
		node.Usage.CPU = report.OwnCPU
	}
	node.Sessions = report.Sessions
	node.Expected = r.reserved.expected(n.ID, report.At, b.now)
	if n.State == statestore.NodeDraining && !report.Draining {
		// It has not said yet that it takes no more: one may just be arriving.
		node.Expected++
	}
	return node
}

// recentLaunches are the requests within the launch limit's period.
func (b *round) recentLaunches(f facts) []time.Time {
	period := time.Duration(b.policy.LaunchLimit.PerSeconds) * time.Second
	var recent []time.Time
	for _, q := range f.Requests {
		if b.now.Sub(q.At) < period {
			recent = append(recent, q.At)
		}
	}
	slices.SortFunc(recent, time.Time.Compare)
	return recent
}

// drainCause reads the cause back from the reason that a drain stored: the
// first word, before the colon.
func drainCause(reason string) policy.DrainCause {
	cause, _, _ := strings.Cut(reason, ":")
	switch c := policy.DrainCause(cause); c {
	case policy.DrainScaleIn, policy.DrainMax, policy.DrainRepair, policy.DrainReclaim, policy.DrainRollout, policy.DrainOperator:
		return c
	}
	if reason != "" {
		return policy.DrainOperator
	}
	return ""
}
