// Package whatif answers what a cluster would have done under another policy, on
// the load that it really had.
//
// A [Recorder] makes a [Sample] of each snapshot that a decision was made on: how
// many sessions of which wanted rate there were and came, independent of the
// policy then in force. [Run] plays a [Recording] of them against a model of the
// cluster, in which [policy.Decide] decides (through [policy.Evaluator]) as it
// does for real. [Recorded] sums up what really happened.
//
// # What the model does and does not know
//
// Sessions come and go when the recording says that they did, whatever the
// policy: one that is served slower does not stay longer, and one that was
// refused does not try again later. A session is placed as [policy.Best] does,
// stays on its node (it moves only off a draining node, if it can), and shares
// the node's caps max-min. Who finds no node waits, and is refused after the
// patience. Nodes boot in times drawn from the cluster's own; launches never fail
// and nodes do not die. Sessions are not asked to move between open nodes. CPU
// follows traffic at the recorded cost. Wanted rates are kept in classes of a
// quarter octave (±9 %), and are inferred where clients do not tell them.
//
// Where the policy has the forecast on, it learns from the recording as that
// plays, beginning with nothing, as a new cluster's does; what the cluster has
// learnt by now is not used, since that knows what comes. Notes say how far it got.
//
// So a result is good for comparing policies with each other, run on the same
// recording; against what was recorded it is good to some percent.
//
// Everything is a pure function: the same recording, policy and options give the
// same result.
package whatif
