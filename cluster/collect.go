package cluster

import (
	"context"
	"time"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/statestore"
)

// collect ends instances that carry our tag but no living row. Rows were read
// after the lists, and a row is written before its instance: so what has no row
// now never will. The age guard is against surprises outside that argument, such
// as a state store restored from an older backup.
func (r *Reconciler) collect(ctx context.Context, s *step, clusters []statestore.Cluster) {
	spared := map[string]bool{} // clusters that are paused, or whose rows are not known
	for _, c := range clusters {
		spared[c.ID] = c.Paused || !s.known[c.ID]
	}
	now := r.now()
	seen := map[string]bool{}
	for _, name := range r.providers {
		list := s.lists[name]
		for _, instance := range list.Instances {
			row := s.rows[instance.NodeID]
			if instance.State == provisioner.Terminating || !orphaned(instance, row) || spared[instance.Owner.Cluster] {
				continue
			}
			seen[instance.ID] = true
			o, known := r.orphans[instance.ID]
			if !known {
				// Its row may have ended since the list was made: the next tells.
				r.orphans[instance.ID] = orphan{since: now, list: list.AskedAt}
				continue
			}
			young := now.Sub(instance.LaunchedAt) < r.config.OrphanAge && now.Sub(o.since) < r.config.OrphanAge
			if young || !list.AskedAt.After(o.list) {
				continue
			}
			r.orphans[instance.ID] = orphan{since: o.since, list: now}
			r.sweep(ctx, name, instance, row == nil)
		}
	}
	for id := range r.orphans {
		if !seen[id] {
			delete(r.orphans, id)
		}
	}
}

// orphan is an instance that seems to have no row.
type orphan struct {
	since time.Time // first seen
	list  time.Time // only a list newer than this is proof
}

// orphaned says that no row stands for the instance: none carries its node's
// id, or the one that does has another instance.
func orphaned(instance provisioner.Instance, row *statestore.Node) bool {
	return row == nil || row.InstanceID != "" && row.InstanceID != instance.ID
}

// sweep ends one orphan. The credentials go with it unless a living node of the
// same id has them: then the orphan is its duplicate.
func (r *Reconciler) sweep(ctx context.Context, providerName string, instance provisioner.Instance, retire bool) {
	provider := r.config.Providers[providerName]
	r.effect(ctx, "sweep "+instance.ID, "end an orphan", func(ctx context.Context) error {
		r.log.Warn("an instance without a node is ended", "provider", providerName,
			"instance", instance.ID, "node", instance.NodeID, "launched", instance.LaunchedAt)
		if retire {
			if err := r.config.Enrolment.Retire(ctx, instance.NodeID, "its instance is an orphan"); err != nil {
				return err
			}
			r.config.Fleet.Forget(instance.NodeID)
		}
		return provider.Terminate(ctx, []string{instance.ID})[0].Err
	})
}

const (
	// partsEvery is how often parts without an instance are looked for.
	partsEvery = 10 * time.Minute
	// partsAge is the least age at which they are ended: a machine that is being
	// made has its parts first.
	partsAge = 30 * time.Minute
)

// collectParts ends what instances left behind: disks, interfaces, addresses.
func (r *Reconciler) collectParts(ctx context.Context) {
	now := r.now()
	for _, name := range r.providers {
		provider := r.config.Providers[name]
		c, ok := provider.(provisioner.Collector)
		if !ok || now.Sub(r.parts[name]) < partsEvery {
			continue
		}
		r.parts[name] = now
		r.effect(ctx, "collect "+name, "end parts without an instance", func(ctx context.Context) error {
			ended, err := c.Collect(ctx, provisioner.Owner{Installation: r.config.Installation}, max(partsAge, r.config.OrphanAge))
			for _, part := range ended {
				r.log.Warn("a part without an instance is ended", "provider", name, "part", part)
			}
			return err
		})
	}
}
