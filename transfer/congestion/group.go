package congestion

import "time"

// Group is what the flows of one session know together: they share what one flow
// would take of a path. Beside others on a full queue each of them sees a part of
// the losses that say how much that is, and too few to be sure of any. The zero value
// is ready. It is not safe for concurrent use: one lock is held for all its flows.
type Group struct {
	flows int
	floor floor
	fates Sample // sums of all flows
	// pushed is when one of them last sent as much as passes or more.
	pushed time.Duration
}

// Resize says how many flows there are.
func (g *Group) Resize(n int) { g.flows = n }

// share is how many flows have part.
func (g *Group) share() float64 { return float64(max(g.flows, 1)) }

// sample takes what one flow's report says, of which *seen was known before.
func (g *Group) sample(s, seen *Sample, rtt time.Duration, pb *baseline, full bool) {
	g.fates.Now = max(g.fates.Now, s.Now)
	g.fates.Acked += s.Acked - seen.Acked
	g.fates.Lost += s.Lost - seen.Lost // wraps when a loss is taken back, in the sum as well
	g.fates.Runs += s.Runs - seen.Runs
	seen.Acked, seen.Lost, seen.Runs = s.Acked, s.Lost, s.Runs
	g.floor.sample(&g.fates, rtt, pb, full)
}
