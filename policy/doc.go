// Package policy decides how many transfer nodes a cluster runs and says why.
//
// [Decide] is a pure function of a [Snapshot], a [Policy] and the time: it does
// no I/O, has no clock and no memory of its own, and the same inputs give the
// same plan, byte for byte, in JSON. Every timer derives from facts in the
// snapshot, so a decision survives the restart of the manager that made it, and
// a stored one can be replayed or asked "what if".
//
// # The loop around it
//
// The caller, one evaluation after another,
//
//  1. observes: fills a Snapshot from its rows, live reports and the provider;
//  2. decides: plan := Decide(snapshot, policy, now);
//  3. keeps, with the decision: plan.Pools (each node's Assignment, given back
//     as Node.Last) and Remember(history, plan.Sample, policy) (given back as
//     Snapshot.History);
//  4. carries out plan.Actions, each with its row update before the effect, and
//     notes launches (given back as Snapshot.RecentLaunches).
//
// The caller moves nodes along requested → launching → booting → running and
// terminating → terminated as the provider and the node report; everything else
// about a node's life (drain, un-drain, lost, recovered, terminate) is an action.
//
// # How it sizes
//
// Floors (min available, min idle, schedules) and service levels (thresholds,
// session rate) are the operator's. Above the floors the number of nodes follows
// promised demand: a session counts min(wanted, session rate), never more, so
// one greedy client fills a node without causing a launch. Demand is expressed
// in nodes' worth of each signal; the largest one decides.
//
//	needed = demand ÷ max threshold + reserve + rise over one boot
//
// Growth follows the least needed within the scale-out window, shrinking the
// most within the scale-in window, plus one standard deviation; they never wait
// for each other. Un-draining comes before launching. A node is drained on
// purpose, the one that empties first, and only when the floors still hold
// without it and without those that were high within the window. For ten minutes
// after such a drain the reserve alone launches nothing.
//
// Sessions of a crowded node that can move are asked to ([ActionMove]): one that is
// promised clearly more than it serves at the max threshold, or whose cap holds
// sessions below their promise. They are asked for no more than that needs, never
// so many that another node becomes high, and only where it relieves the busiest by
// a tenth of a node. Everyone who was asked settles before others are; no node is
// asked twice within the report timeout, and no session before it has been on its
// node for a minute: who moves never comes straight back.
//
// Where the provider can stop nodes, a warm pool of them comes between un-draining
// and launching: what drains fills it, and when nothing else is to do a launch
// does, whose node is surplus, drains and stops. max_nodes counts what runs or may
// run; stopped nodes come on top, and a start needs a place. The disruption budget
// bounds how many nodes drain at a time by the policy's own will, for want of load
// or for repair, and never what an operator wants.
//
// [Occurrences] tells what schedules will ask for; package whatif plays recorded
// load under another policy, and package sim checks the promises in histories of
// a hostile world.
//
// [Best] places a new session by the same measure.
package policy
