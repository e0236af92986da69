// Package congestion decides how fast a flow may send. It is pure: time and
// measurements come in with each report, a rate and a window come out.
//
// The controller, "TQ", anchors on the rate that the receiver saw arrive and
// aims at a small standing queue:
//
//	R = g · D / (1 − l)
//
// D is the delivered rate, l the loss that is not our doing, and g leans
// towards the queue target: above 1 while the measured queueing delay is below
// it, under 1 while above. Anchoring on D instead of integrating the delay
// makes the loop first order: it does not oscillate however long the feedback
// takes, as long as the gain stays below 1/e.
//
//	          queue seen, or D stops growing, or loss > 25 %
//	startup ────────────────────────────────────────────► empty (under D, for an RTT)
//	   │ as much is delivered as bursts showed, not more     │
//	   │    ┌── all at a time: empty a little, see the base ┐ ▼
//	   └───►└───────────────────────────────────────────────► cruise ◄──┐
//	                                                        │          │ 8·k RTT
//	          loss above the baseline with an empty queue   └► hold ───┘
//
// Startup does not double its way up: a burst of a few hundred kilobytes leaves
// at once and arrives as fast as the bottleneck lets it, so the first report
// tells what the path carries. The rate goes to 0.85 of that, with the next burst
// to 0.98, and a round with a tenth more tells whether there is more. Where
// bursts show nothing, the rate grows by the delivered one.
//
// Random loss is divided out and never reacted to. Loss above the measured
// baseline (allowing for losses that come in bursts) means a policer or a
// shallow buffer when the queue is empty (hold a
// little below what passes) and competition when it is full (keep at least
// what a TCP would get: the floor).
//
// A baseline taken from a policer would confirm itself: what is divided out is
// sent on top and lost again. So a baseline over 2 % is tested now and then, and
// whenever it grew, by sending less than passes either way: a policer's loss is
// gone then, the path's is not.
//
// Flows that share a bottleneck probe and test at the same moments, by the time
// of day, as far as their hosts agree on it. What a queue holds that several
// flows fill, and what they overflow it by, none of them can see alone.
//
// A flow of policy low makes room for somebody who comes: see yield.
//
// The base of the one-way delay is the least in 10 s. When sending less does
// not lower the queue that was measured against it, the path itself became
// longer, and the base moves at once.
package congestion
