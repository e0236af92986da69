// Package simnet is a packet-level network on virtual time: links with a
// bottleneck, a drop-tail queue, a policer, loss, jitter, reordering,
// duplication and corruption, and hosts that drive sans-IO endpoints.
//
// It is a single-threaded loop over a heap of events: a run is a function of
// its seed, needs no clock and no goroutine, and simulates a gigabit path at
// several times the speed of the wall clock.
//
// The order within a link is that of a real path: policer, queue, bottleneck,
// loss and damage, delay. So the most that can arrive is rate × (1 − loss).
package simnet
