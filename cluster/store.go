package cluster

import (
	"context"
	"encoding/json"
	"time"

	"github.com/godwit/godwit/statestore"
)

// Store is what the reconciler asks of the state store. Writes that carry a
// term fail with statestore.ErrFenced once another manager leads.
type Store interface {
	Clusters(ctx context.Context) ([]statestore.Cluster, error)
	Cluster(ctx context.Context, id string) (statestore.Cluster, error)
	Template(ctx context.Context, id string) (statestore.Template, error)
	// TemplateVersion fails with statestore.ErrNotFound where nobody knows it.
	TemplateVersion(ctx context.Context, id string, version int64) (statestore.TemplateVersion, error)
	Policy(ctx context.Context, clusterID string) (statestore.PolicyVersion, error)
	// Rollout is the cluster's newest; statestore.ErrNotFound before the first.
	Rollout(ctx context.Context, clusterID string) (statestore.Rollout, error)
	// BeginRollout and AdvanceRollout are statestore's Begin and Advance.
	BeginRollout(ctx context.Context, term statestore.Term, r statestore.Rollout, supersedes, why string) (statestore.Rollout, error)
	AdvanceRollout(ctx context.Context, term statestore.Term, r statestore.Rollout) (statestore.Rollout, error)
	// RolloutFailures are the nodes of a rollout that came to nothing.
	RolloutFailures(ctx context.Context, clusterID string, generation int64) ([]statestore.Failure, error)
	// LiveNodes are all rows that are not terminated; of all clusters when
	// clusterID is empty.
	LiveNodes(ctx context.Context, clusterID string) ([]statestore.Node, error)

	// CreateNodes writes count rows that are like the node, all or none.
	CreateNodes(ctx context.Context, term statestore.Term, like statestore.Node, count int, why string) ([]statestore.Node, error)
	MoveNode(ctx context.Context, term statestore.Term, id string, from []statestore.NodeState, to statestore.NodeState, why string, change func(*statestore.Node)) (statestore.Node, error)
	// MoveNodes makes many moves at once, all or none; it returns the rows by id
	// without those that were overtaken.
	MoveNodes(ctx context.Context, term statestore.Term, moves []statestore.Transition) (map[string]statestore.Node, error)
	Reported(ctx context.Context, at map[string]time.Time) error
	// NoFuture brings times of living rows that are still to come to now.
	NoFuture(ctx context.Context, term statestore.Term) (int64, error)
	// Memory is what SetMemory last stored; empty at first.
	Memory(ctx context.Context, clusterID string) (json.RawMessage, error)
	SetMemory(ctx context.Context, term statestore.Term, clusterID string, memory json.RawMessage) error

	AppendDecision(ctx context.Context, term statestore.Term, d statestore.Decision) (statestore.Decision, error)
	SetResult(ctx context.Context, term statestore.Term, decisionID string, result json.RawMessage) error
	// AmendDecision changes a decision's result and reasons by what is known since.
	AmendDecision(ctx context.Context, term statestore.Term, decisionID string, change func(*statestore.Decision) error) error

	OpenConditions(ctx context.Context) ([]statestore.Condition, error)
	RaiseCondition(ctx context.Context, term statestore.Term, c statestore.Condition) error
	ClearCondition(ctx context.Context, term statestore.Term, clusterID, kind, subject string) error

	PutLoad(ctx context.Context, term statestore.Term, c statestore.LoadChunk) error
	Loads(ctx context.Context, clusterID string, from, to time.Time) ([]statestore.LoadChunk, error)
	PutForecast(ctx context.Context, term statestore.Term, clusterID string, data []byte) error
	// Forecast fails with statestore.ErrNotFound while nothing was learnt.
	Forecast(ctx context.Context, clusterID string) ([]byte, error)

	// Forget deletes decisions, conditions and terminated nodes that ended before
	// the one time, and recorded load from before the other.
	Forget(ctx context.Context, before, load time.Time) error
}

// Postgres is the Store over the real state store.
func Postgres(tables *statestore.Tables) Store { return postgres{tables} }

type postgres struct{ t *statestore.Tables }

func (p postgres) Clusters(ctx context.Context) ([]statestore.Cluster, error) {
	var clusters []statestore.Cluster
	page := statestore.Page{Limit: 1000}
	for {
		list, err := p.t.Clusters.List(ctx, page)
		if err != nil {
			return nil, err
		}
		clusters = append(clusters, list.Items...)
		if list.Next == "" {
			return clusters, nil
		}
		page.Cursor = list.Next
	}
}

func (p postgres) Cluster(ctx context.Context, id string) (statestore.Cluster, error) {
	return p.t.Clusters.Get(ctx, id)
}

func (p postgres) Template(ctx context.Context, id string) (statestore.Template, error) {
	return p.t.Templates.Get(ctx, id)
}

func (p postgres) TemplateVersion(ctx context.Context, id string, version int64) (statestore.TemplateVersion, error) {
	return p.t.Templates.Version(ctx, id, version)
}

func (p postgres) Rollout(ctx context.Context, clusterID string) (statestore.Rollout, error) {
	return p.t.Rollouts.Newest(ctx, clusterID)
}

func (p postgres) BeginRollout(ctx context.Context, term statestore.Term, r statestore.Rollout, supersedes, why string) (statestore.Rollout, error) {
	return p.t.Rollouts.Begin(ctx, term, r, supersedes, why)
}

func (p postgres) AdvanceRollout(ctx context.Context, term statestore.Term, r statestore.Rollout) (statestore.Rollout, error) {
	return p.t.Rollouts.Advance(ctx, term, r)
}

func (p postgres) RolloutFailures(ctx context.Context, clusterID string, generation int64) ([]statestore.Failure, error) {
	return p.t.Rollouts.Failures(ctx, clusterID, generation)
}

func (p postgres) Policy(ctx context.Context, clusterID string) (statestore.PolicyVersion, error) {
	return p.t.Policies.Current(ctx, clusterID)
}

func (p postgres) LiveNodes(ctx context.Context, clusterID string) ([]statestore.Node, error) {
	return p.t.Nodes.Alive(ctx, clusterID)
}

func (p postgres) CreateNodes(ctx context.Context, term statestore.Term, like statestore.Node, count int, why string) ([]statestore.Node, error) {
	return p.t.Nodes.CreateMany(ctx, term, like, count, why)
}

func (p postgres) MoveNode(ctx context.Context, term statestore.Term, id string, from []statestore.NodeState, to statestore.NodeState, why string, change func(*statestore.Node)) (statestore.Node, error) {
	return p.t.Nodes.Transition(ctx, term, id, from, to, why, change)
}

func (p postgres) MoveNodes(ctx context.Context, term statestore.Term, moves []statestore.Transition) (map[string]statestore.Node, error) {
	return p.t.Nodes.TransitionAll(ctx, term, moves)
}

func (p postgres) Reported(ctx context.Context, at map[string]time.Time) error {
	return p.t.Nodes.Reported(ctx, at)
}

func (p postgres) NoFuture(ctx context.Context, term statestore.Term) (int64, error) {
	return p.t.Nodes.NoFuture(ctx, term)
}

func (p postgres) Memory(ctx context.Context, clusterID string) (json.RawMessage, error) {
	return p.t.Clusters.State(ctx, clusterID)
}

func (p postgres) SetMemory(ctx context.Context, term statestore.Term, clusterID string, memory json.RawMessage) error {
	return p.t.Clusters.SetState(ctx, term, clusterID, memory)
}

func (p postgres) AppendDecision(ctx context.Context, term statestore.Term, d statestore.Decision) (statestore.Decision, error) {
	return p.t.Decisions.Append(ctx, term, d)
}

func (p postgres) SetResult(ctx context.Context, term statestore.Term, decisionID string, result json.RawMessage) error {
	return p.t.Decisions.SetResult(ctx, term, decisionID, result)
}

func (p postgres) AmendDecision(ctx context.Context, term statestore.Term, decisionID string, change func(*statestore.Decision) error) error {
	return p.t.Decisions.Amend(ctx, term, decisionID, change)
}

func (p postgres) OpenConditions(ctx context.Context) ([]statestore.Condition, error) {
	return p.t.Conditions.Open(ctx, "")
}

func (p postgres) RaiseCondition(ctx context.Context, term statestore.Term, c statestore.Condition) error {
	return p.t.Conditions.Raise(ctx, term, c)
}

func (p postgres) ClearCondition(ctx context.Context, term statestore.Term, clusterID, kind, subject string) error {
	return p.t.Conditions.Clear(ctx, term, clusterID, kind, subject)
}

func (p postgres) PutLoad(ctx context.Context, term statestore.Term, c statestore.LoadChunk) error {
	return p.t.Loads.Put(ctx, term, c)
}

func (p postgres) Loads(ctx context.Context, clusterID string, from, to time.Time) ([]statestore.LoadChunk, error) {
	return p.t.Loads.Between(ctx, clusterID, from, to)
}

func (p postgres) PutForecast(ctx context.Context, term statestore.Term, clusterID string, data []byte) error {
	return p.t.Forecasts.Put(ctx, term, clusterID, data)
}

func (p postgres) Forecast(ctx context.Context, clusterID string) ([]byte, error) {
	f, err := p.t.Forecasts.Get(ctx, clusterID)
	return f.Data, err
}

func (p postgres) Forget(ctx context.Context, before, load time.Time) error {
	for _, forget := range []func() (int64, error){
		func() (int64, error) { return p.t.Decisions.Forget(ctx, before) },
		func() (int64, error) { return p.t.Conditions.Forget(ctx, before) },
		func() (int64, error) { return p.t.Nodes.Forget(ctx, before) },
		func() (int64, error) { return p.t.Loads.Forget(ctx, load) },
	} {
		if _, err := forget(); err != nil {
			return err
		}
	}
	return nil
}
