package provisioner

import (
	"slices"
	"strings"
)

// Effect is what a change of a field of a template means for nodes that run.
type Effect string

// The effects.
const (
	// Live: Godwit changes it on running nodes.
	Live Effect = "live"
	// NewNodes: it matters while a node is launched and never after: a node that
	// runs is as good as a new one.
	NewNodes Effect = "new_nodes"
	// Replace: a running node keeps what it has until another takes its place.
	Replace Effect = "replace"
)

// Effects is what a Provider implements where a change of some field of its
// templates is less than a replacement.
type Effects interface {
	// Effect takes the JSON path of a field, "node.send_cap_mbps". It does no I/O.
	Effect(field string) Effect
}

// EffectOf is what a change of the field means: the provider's word, else the
// most that it can be.
func EffectOf(p Provider, field string) Effect {
	if e, ok := p.(Effects); ok {
		return e.Effect(field)
	}
	return Replace
}

// EffectAmong is the effect of a field where those of the given names, whole or
// in part ("tags", "tags.team", "subnets[1]"), matter only while a node is
// launched, and all others are what a node is.
func EffectAmong(field string, whileLaunched ...string) Effect {
	top := field
	if end := strings.IndexAny(field, ".["); end >= 0 {
		top = field[:end]
	}
	if slices.Contains(whileLaunched, top) {
		return NewNodes
	}
	return Replace
}
