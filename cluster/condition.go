package cluster

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/statestore"
)

// The closed list of conditions that the reconciler raises.
const (
	conditionStuck       = "reconcile_failing"
	conditionProvider    = "provider_failing"
	conditionCredentials = "credentials_failing"
	conditionQuota       = "quota_reached"
	conditionCapacity    = "capacity_short"
	conditionTemplate    = "template_invalid"
)

// conditions compares what holds now with what is stored, and writes only the
// difference.
type conditions struct {
	loaded bool
	open   map[conditionKey]string // stored, with its text
	wanted map[conditionKey]string // of this step
}

type conditionKey struct{ cluster, kind, subject string }

func (c *conditions) want(cluster, kind, subject, text string) {
	if c.wanted == nil {
		c.wanted = map[conditionKey]string{}
	}
	c.wanted[conditionKey{cluster, kind, subject}] = text
}

// wantConditions says what an operator should know of a cluster now.
func (r *Reconciler) wantConditions(b *round) {
	provider := b.template.Provider
	// A block that is over says nothing until somebody tries again.
	if block := b.memory.look().blocked(b.now, b.template.Version); block != nil {
		r.conditions.want(b.cluster.ID, kindOf(block.Class), provider, block.Text)
	}
	if list := r.inventory.get(provider); list.Err != nil {
		r.conditions.want(b.cluster.ID, kindOf(provisioner.ClassOf(list.Err)), provider, list.Err.Error())
	}
}

func kindOf(class provisioner.Class) string {
	switch class {
	case provisioner.Capacity:
		return conditionCapacity
	case provisioner.Quota:
		return conditionQuota
	case provisioner.Unauthorized:
		return conditionCredentials
	case provisioner.InvalidTemplate, provisioner.Unsupported, provisioner.NotFound:
		return conditionTemplate
	case provisioner.Throttled, provisioner.Transient:
	}
	return conditionProvider
}

// settleConditions raises and clears what changed since the last step.
func (r *Reconciler) settleConditions(ctx context.Context, term statestore.Term, clusters []statestore.Cluster) error {
	c := r.conditions
	wanted := c.wanted
	c.wanted = nil
	if !c.loaded {
		rows, err := r.config.Store.OpenConditions(ctx)
		if err != nil {
			return err
		}
		c.open = map[conditionKey]string{}
		for _, row := range rows {
			if ours(row.Kind) {
				c.open[conditionKey{row.ClusterID, row.Kind, row.Subject}] = row.Text
			}
		}
		c.loaded = true
	}
	alive := map[string]bool{}
	for _, row := range clusters {
		alive[row.ID] = true
	}
	for _, key := range sorted(wanted) {
		text, open := c.open[key]
		if open && text == wanted[key] {
			continue
		}
		if err := r.config.Store.RaiseCondition(ctx, term, key.cluster, key.kind, key.subject, wanted[key]); err != nil {
			return err
		}
		c.open[key] = wanted[key]
		r.config.Changed(key.cluster, "conditions")
	}
	for _, key := range sorted(c.open) {
		if _, still := wanted[key]; still {
			continue
		}
		if alive[key.cluster] {
			if err := r.config.Store.ClearCondition(ctx, term, key.cluster, key.kind, key.subject); err != nil {
				return err
			}
			r.config.Changed(key.cluster, "conditions")
		}
		delete(c.open, key)
	}
	return nil
}

func ours(kind string) bool {
	switch kind {
	case conditionStuck, conditionProvider, conditionCredentials, conditionQuota, conditionCapacity, conditionTemplate:
		return true
	}
	return false
}

func sorted(m map[conditionKey]string) []conditionKey {
	return slices.SortedFunc(maps.Keys(m), func(a, b conditionKey) int {
		return strings.Compare(a.cluster+"\x00"+a.kind+"\x00"+a.subject, b.cluster+"\x00"+b.kind+"\x00"+b.subject)
	})
}
