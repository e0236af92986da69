package cluster

import (
	"context"
	"errors"
	"slices"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/statestore"
)

// mostRows are changed in one transaction: they stay locked for some tens of
// milliseconds. One each would make a cluster that starts with hundreds of nodes
// wait for as many commits, one after the other.
const mostRows = 200

// rowChange is a row's change in a step: from the state that the step saw to
// another, or of its fields alone.
type rowChange struct {
	node   *statestore.Node
	to     statestore.NodeState
	why    string
	change func(*statestore.Node) // may be nil
}

// change makes changes of different rows, under the term, and says whose were
// made. The others came too late: an effect or another manager's fact was there
// first, and the next step sees the row as it is then.
func (r *Reconciler) change(ctx context.Context, b *round, changes []rowChange) (map[string]bool, error) {
	made := make(map[string]bool, len(changes))
	for some := range slices.Chunk(changes, mostRows) {
		moves := make([]statestore.Transition, len(some))
		for i, c := range some {
			moves[i] = statestore.Transition{ID: c.node.ID, From: []statestore.NodeState{c.node.State}, To: c.to, Why: c.why, Change: c.change}
		}
		rows, err := r.config.Store.MoveNodes(ctx, b.term, moves)
		if err != nil {
			return made, err
		}
		for _, c := range some {
			if row, ok := rows[c.node.ID]; ok {
				made[row.ID] = true
				r.tell(b, c.node, row, c.why)
			}
		}
	}
	return made, nil
}

// move changes one row; see change.
func (r *Reconciler) move(ctx context.Context, b *round, n *statestore.Node, to statestore.NodeState, why string, change func(*statestore.Node)) (bool, error) {
	row, err := r.config.Store.MoveNode(ctx, b.term, n.ID, []statestore.NodeState{n.State}, to, why, change)
	if errors.Is(err, statestore.ErrState) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	r.tell(b, n, row, why)
	return true, nil
}

// tell takes a row's new contents and passes the news on.
func (r *Reconciler) tell(b *round, n *statestore.Node, row statestore.Node, why string) {
	if row.State != n.State {
		r.log.Info("node "+string(row.State), "node", n.Name, "cluster", b.cluster.Name, "was", n.State, "why", why)
	}
	*n = row
	r.config.Changed(b.cluster.ID, "nodes")
}

// generation is what a node launched now carries: the number of the rollout under
// way, whose failure its failure is.
func (b *round) generation() int64 {
	if b.rollout.State.UnderWay() {
		return b.rollout.Generation
	}
	return 0
}

// request writes one row for each node to be launched: the intent, from which
// everything else follows.
func (r *Reconciler) request(ctx context.Context, b *round, action policy.Action) ([]result, error) {
	var results []result
	// Until it is launched, its row is at the first provider that might do it.
	provider := menu(b.template).Offerings[0].Provider
	for left := action.Count; left > 0; left -= mostRows {
		rows, err := r.config.Store.CreateNodes(ctx, b.term, statestore.Node{
			ClusterID: b.cluster.ID, Provider: provider,
			TemplateID: b.template.ID, TemplateVersion: b.template.Version, ConfigVersion: b.cluster.ConfigVersion,
			Generation: b.generation(), OnDemand: action.Reason.Code == policy.CodeWarmRefill,
		}, min(left, mostRows), action.Reason.Text)
		if err != nil {
			return results, err
		}
		for i := range rows {
			row := &rows[i]
			b.memory.requested(b.now, row)
			b.memory.because(row.ID, b.decision)
			b.nodes = append(b.nodes, row)
			results = append(results, result{Action: action.Kind, Node: row.ID})
			r.log.Info("node requested", "node", row.Name, "cluster", b.cluster.Name, "why", action.Reason.Text)
			r.config.Changed(b.cluster.ID, "nodes")
		}
	}
	return results, nil
}
