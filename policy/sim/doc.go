// Package sim runs a cluster on virtual time, driven by nothing but
// policy.Decide and policy.Best, and checks what the policy promises.
//
// It models what a manager sees and what is really there apart from each other:
// a report may be lost or late, a node may be dead and not yet known to be, a
// client may be on its way to a node that is just being drained. A run is a pure
// function of its [Config]; a Config is made from a seed by [Random] or written
// out by a test. A run that breaks a promise returns [Violation]s and the story
// that led there.
//
// What is left out: the provider's own API (throttling, eventual consistency) and
// crashes between two effects of the reconciler. Those belong to the reconciler's
// simulation.
package sim
