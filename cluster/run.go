package cluster

import (
	"context"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/statestore"
)

// record writes what a node says of itself into its row, and reports whether
// that changed anything.
func (report Report) record(row *statestore.Node) bool {
	before := *row
	if report.Port != 0 {
		row.TransferPort = report.Port
	}
	if report.CertSHA256 != "" {
		row.CertSHA256 = report.CertSHA256
	}
	if report.Version != "" {
		row.SoftwareVersion = report.Version
	}
	if report.ConfigVersion != 0 {
		row.ConfigVersion = report.ConfigVersion
	}
	return row.TransferPort != before.TransferPort || row.CertSHA256 != before.CertSHA256 ||
		row.SoftwareVersion != before.SoftwareVersion || row.ConfigVersion != before.ConfigVersion
}

// keepFacts brings the rows of serving nodes up to date with their reports and
// with the pools of the plan, where they differ.
func (r *Reconciler) keepFacts(ctx context.Context, b *round, plan policy.Plan) error {
	pools := make(map[string]policy.Pool, len(plan.Pools))
	for _, a := range plan.Pools {
		pools[a.NodeID] = a.Pool
	}
	var changes []rowChange
	for _, n := range b.nodes {
		if n.State != statestore.NodeRunning && n.State != statestore.NodeDraining {
			continue
		}
		report, _ := b.reports.of(n.ID)
		update := func(row *statestore.Node) bool {
			changed := report.record(row)
			if pool := statestore.NodePool(pools[row.ID]); row.State == statestore.NodeRunning && row.Pool != pool {
				row.Pool, changed = pool, true
			}
			return changed
		}
		if trial := *n; update(&trial) {
			changes = append(changes, rowChange{n, n.State, "", func(row *statestore.Node) { update(row) }})
		}
	}
	_, err := r.change(ctx, b, changes)
	return err
}
