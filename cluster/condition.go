package cluster

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/godwit/godwit/statestore"
)

const (
	// confirmEvery is how often a condition that holds on is noted as still seen.
	confirmEvery = 30 * time.Second
	// calmFor is how long a condition must not hold before it is closed: what
	// comes and goes from step to step is told once.
	calmFor = 30 * time.Second
)

// conditions compares what holds now with what is stored, and writes only the
// difference.
type conditions struct {
	loaded bool
	open   map[conditionKey]*openCondition // stored
	wanted map[conditionKey]finding        // of this step
}

type conditionKey struct{ cluster, kind, subject string }

// finding is what a condition says: what is the matter and what to do about it.
type finding struct{ text, next string }

type openCondition struct {
	finding
	seenAt time.Time // stored
	heldAt time.Time // when it last held
}

func (c *conditions) want(cluster, kind, subject, text string) {
	if c.wanted == nil {
		c.wanted = map[conditionKey]finding{}
	}
	c.wanted[conditionKey{cluster, kind, subject}] = finding{text, nextSteps[kind]}
}

// settleConditions raises and clears what changed since the last step.
func (r *Reconciler) settleConditions(ctx context.Context, term statestore.Term, clusters []statestore.Cluster) error {
	c, now := r.conditions, r.now()
	for key, text := range r.notes.all() {
		if slices.ContainsFunc(clusters, func(row statestore.Cluster) bool { return row.ID == key.cluster }) {
			c.want(key.cluster, key.kind, key.subject, text)
		}
	}
	wanted := c.wanted
	c.wanted = nil
	if err := r.loadConditions(ctx, now); err != nil {
		return err
	}
	alive := map[string]bool{}
	for _, row := range clusters {
		alive[row.ID] = true
	}
	for _, key := range sorted(wanted) {
		if err := r.raise(ctx, term, key, wanted[key], now); err != nil {
			return err
		}
	}
	for _, key := range sorted(c.open) {
		if _, still := wanted[key]; still || alive[key.cluster] && now.Sub(c.open[key].heldAt) < calmFor {
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

// loadConditions reads what an earlier leader left open, once in a term.
func (r *Reconciler) loadConditions(ctx context.Context, now time.Time) error {
	c := r.conditions
	if c.loaded {
		return nil
	}
	rows, err := r.config.Store.OpenConditions(ctx)
	if err != nil {
		return err
	}
	c.open = map[conditionKey]*openCondition{}
	for _, row := range rows {
		if _, ours := nextSteps[row.Kind]; ours {
			c.open[conditionKey{row.ClusterID, row.Kind, row.Subject}] = &openCondition{finding{row.Text, row.Next}, row.SeenAt, now}
		}
	}
	c.loaded = true
	return nil
}

// raise opens a condition, or confirms it when it says something else or was
// last confirmed a while ago.
func (r *Reconciler) raise(ctx context.Context, term statestore.Term, key conditionKey, f finding, now time.Time) error {
	open := r.conditions.open[key]
	if open != nil {
		open.heldAt = now
		if open.finding == f && now.Sub(open.seenAt) < confirmEvery {
			return nil
		}
	}
	if err := r.config.Store.RaiseCondition(ctx, term, statestore.Condition{
		ClusterID: key.cluster, Kind: key.kind, Subject: key.subject, Text: f.text, Next: f.next,
	}); err != nil {
		return err
	}
	r.conditions.open[key] = &openCondition{f, now, now}
	r.config.Changed(key.cluster, "conditions")
	return nil
}

func sorted[V any](m map[conditionKey]V) []conditionKey {
	return slices.SortedFunc(maps.Keys(m), func(a, b conditionKey) int {
		return strings.Compare(a.cluster+"\x00"+a.kind+"\x00"+a.subject, b.cluster+"\x00"+b.kind+"\x00"+b.subject)
	})
}
