package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/mixed"
	"github.com/godwit/godwit/statestore"
)

// madeFrom is what a node was launched from.
type madeFrom struct {
	template string
	version  int64
}

func fromOf(n *statestore.Node) madeFrom { return madeFrom{n.TemplateID, n.TemplateVersion} }

// drifts remembers which versions of templates differ in what only another node
// can have. Versions never change.
type drifts map[drift]bool

type drift struct {
	from, wanted madeFrom
	offering     string // of a mixed template, at which the node was launched
}

// aim is what a node launched now is made from: the cluster's template, or, where
// its newest version was rolled back, the version before.
func (r *Reconciler) aim(ctx context.Context, b *round) error {
	template, err := r.config.Store.Template(ctx, b.cluster.TemplateID)
	if err != nil {
		return err
	}
	b.newest, b.template = madeFrom{template.ID, template.Version}, template
	if b.rollout, err = r.config.Store.Rollout(ctx, b.cluster.ID); errors.Is(err, statestore.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	if !b.withdrawn() {
		return nil
	}
	before := b.rollout.FromTemplate
	if before != template.ID {
		template, err = r.config.Store.Template(ctx, before)
	}
	var version statestore.TemplateVersion
	if err == nil {
		version, err = r.config.Store.TemplateVersion(ctx, before, b.rollout.FromVersion)
	}
	switch {
	case errors.Is(err, statestore.ErrNotFound): // deleted since: there is nothing to go back to
		return nil
	case err != nil:
		return err
	}
	template.Version, template.Spec = version.Version, version.Spec
	b.template = template
	return nil
}

// withdrawn says that the cluster's template, in its newest version, was rolled
// back or given up here.
func (b *round) withdrawn() bool {
	o := b.rollout
	return (o.State == statestore.RolloutRolledBack || o.State == statestore.RolloutAborted) && o.Taken &&
		madeFrom{o.ToTemplate, o.ToVersion} == b.newest && madeFrom{o.FromTemplate, o.FromVersion} != b.newest
}

// stale finds the nodes that a node launched now would differ from.
func (r *Reconciler) stale(ctx context.Context, b *round) error {
	b.stale = make(map[string]bool)
	wanted := madeFrom{b.template.ID, b.template.Version}
	for _, n := range b.nodes {
		if n.State == statestore.NodeRequested {
			continue // it will be made of what is wanted then
		}
		from := fromOf(n)
		if from.template == "" {
			from.template = wanted.template // a row of before this was noted
		}
		differs, err := r.differs(ctx, b, drift{from, wanted, n.Offering})
		if err != nil {
			return err
		}
		if differs || b.unapplied(n) {
			b.stale[n.ID] = true
		}
	}
	return nil
}

// unapplied says that a rollout is under way, and that the node lacks a part of
// its configuration that it cannot take over while it serves, or refuses. A node
// that the rollout made is as good as any.
func (b *round) unapplied(n *statestore.Node) bool {
	if !b.rollout.State.UnderWay() || n.Generation == b.rollout.Generation {
		return false
	}
	report, ok := b.reports.of(n.ID)
	return ok && (report.Unapplied || report.ConfigError != "" && report.RefusedVersion == b.cluster.ConfigVersion)
}

func (r *Reconciler) differs(ctx context.Context, b *round, d drift) (bool, error) {
	if d.from == d.wanted {
		return false, nil
	}
	r.mutex.Lock()
	known, ok := r.drifts[d]
	r.mutex.Unlock()
	if ok {
		return known, nil
	}
	version, err := r.config.Store.TemplateVersion(ctx, d.from.template, d.from.version)
	switch {
	case errors.Is(err, statestore.ErrNotFound): // nobody knows what it is
		known = true
	case err != nil:
		return false, err
	default:
		was := b.template
		was.ID, was.Version, was.Spec = version.TemplateID, version.Version, version.Spec
		if d.from.template != d.wanted.template {
			old, err := r.config.Store.Template(ctx, d.from.template)
			if err != nil && !errors.Is(err, statestore.ErrNotFound) {
				return false, err
			}
			was.Provider = old.Provider
		}
		known = r.replaces(was, b.template, d.offering)
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.drifts[d] = known
	return known, nil
}

// replaces says that a node launched from one template, at an offering of it, is
// not what the other would launch at the offering of this name; where that has
// none, at any of the same provider. What cannot be read is not the same.
func (r *Reconciler) replaces(was, is statestore.Template, offering string) bool {
	made := menu(was).Offerings
	i := slices.IndexFunc(made, func(o mixed.Offering) bool { return o.Name == offering })
	if i < 0 {
		return true
	}
	differs := true
	for _, o := range menu(is).Offerings {
		if o.Provider != made[i].Provider {
			continue
		}
		other := r.replacesPart(o.Provider, made[i].Spec, o.Spec)
		if o.Name == offering {
			return other
		}
		differs = differs && other
	}
	return differs
}

func (r *Reconciler) replacesPart(provider string, was, is json.RawMessage) bool {
	var a, b map[string]any
	if json.Unmarshal(was, &a) != nil || json.Unmarshal(is, &b) != nil {
		return true
	}
	// Beside an offering's own fields its provider is not the specification's.
	delete(a, "provider")
	delete(b, "provider")
	return anyReplaces(r.config.Providers[provider], "", a, b)
}

func anyReplaces(p provisioner.Provider, path string, a, b map[string]any) bool {
	fields := make(map[string]bool, len(a)+len(b))
	for name := range a {
		fields[name] = true
	}
	for name := range b {
		fields[name] = true
	}
	for name := range fields {
		field := name
		if path != "" {
			field = path + "." + name
		}
		x, y := a[name], b[name]
		if inA, ok := x.(map[string]any); ok {
			if inB, ok := y.(map[string]any); ok {
				if anyReplaces(p, field, inA, inB) {
					return true
				}
				continue
			}
		}
		if !reflect.DeepEqual(x, y) && provisioner.EffectOf(p, field) == provisioner.Replace {
			return true
		}
	}
	return false
}
