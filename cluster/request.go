package cluster

import (
	"context"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/statestore"
)

// request writes one row for each node to be launched: the intent, from which
// everything else follows.
func (r *Reconciler) request(ctx context.Context, b *round, action policy.Action) ([]result, error) {
	var results []result
	for range action.Count {
		row, err := r.config.Store.CreateNode(ctx, b.term, statestore.Node{
			ClusterID: b.cluster.ID, Provider: b.template.Provider,
			TemplateID: b.template.ID, TemplateVersion: b.template.Version, ConfigVersion: b.cluster.ConfigVersion,
		}, action.Reason.Text)
		if err != nil {
			return results, err
		}
		b.memory.requested(b.now, &row)
		b.nodes = append(b.nodes, &row)
		results = append(results, result{Action: action.Kind, Node: row.ID})
		r.log.Info("node requested", "node", row.Name, "cluster", b.cluster.Name, "why", action.Reason.Text)
		r.config.Changed(b.cluster.ID, "nodes")
	}
	return results, nil
}
