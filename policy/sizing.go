package policy

import (
	"math"
	"time"
)

// Constants of sizing; research on known scalers is their source.
const (
	// reserveNodes is kept free beyond what demand fills to the max threshold:
	// one boot's worth of arrivals at the noise of small clusters. Demand of
	// less than this many nodes keeps as much again free, not more. In package
	// arena, 0.5 costs 8 % less and fails half as many runs again.
	reserveNodes = 0.85
	// shrinkMargin, or half a standard deviation of demand where that is more,
	// must be free beyond that before a node goes: without it, demand at the edge
	// of a whole number would launch and drain in turns. A whole deviation cost
	// 15 % more on loads of ten nodes; none at all launched three times as often.
	shrinkMargin = 0.1
	shrinkSigmas = 0.5
	// defaultBoot is the time from request to running that is assumed before
	// a cluster has measured its own.
	defaultBoot = 90 * time.Second
)

// sizing is how many open nodes demand asks for.
type sizing struct {
	demand float64 // nodes' worth of promised demand now
	signal SignalName
	rise   float64 // nodes' worth expected to come within one boot
	now    int     // nodes needed now, with reserve and rise
	out    int     // nodes worth launching for: least over the scale-out window
	in     int     // nodes to shrink to: most over the scale-in window
	// calm says that out leaves the reserve out, because of a drain lately.
	calm bool
	// predicted is the forecast for the time that a launch can serve, raise the
	// part of its rise over demand that is acted upon.
	predicted    Predicted
	foreseen     bool
	rises, raise float64
	// high is the most nodes that were high at once within the scale-in window.
	high int
	// peakAt is when the scale-in window's largest demand was last seen.
	peakAt time.Time
	// inCovered says that demand is known for all of the scale-in window.
	inCovered bool
	override  bool
}

func (d *decision) size() {
	z := &d.sizing
	s := d.sample
	z.signal, z.demand = s.worth().largest(d.p.Signals)
	z.rise = d.rise(z.demand)
	z.foresee(d)
	z.now = whole(d.p.needed(s, math.Max(z.rise, z.raise)))

	z.out = z.now
	if z.now > 0 && d.drainedLately() {
		// Once demand itself no longer fits, headroom and rise count again: it is
		// no longer noise that asks.
		serving, _ := d.openNodes()
		if bare := whole((z.demand + z.raise) / d.p.MaxThreshold); bare < z.out && bare <= serving {
			z.out, z.calm = bare, true
		}
	}
	recent, covered := within(d.s.History, d.p.scaleOutWindow(), d.p, d.now)
	for _, h := range recent {
		z.out = min(z.out, whole(d.p.needed(h, z.raise)))
	}
	if !covered {
		z.out = 0
	}

	z.in = max(d.p.shrinkTo(s), z.now)
	z.peakAt = d.now
	z.high = s.High
	recent, z.inCovered = within(d.s.History, d.p.scaleInWindow(), d.p, d.now)
	d.asks.follow(recent, &d.p)
	for i := len(recent) - 1; i >= 0; i-- { // newest first: peakAt is the latest time at that height
		if n := d.asks[i].nodes; n > z.in {
			z.in, z.peakAt = n, recent[i].At
		}
		z.high = max(z.high, recent[i].High)
	}
	if o := d.s.Override; o.active(d.now) {
		z.override = true
		z.now, z.out, z.in = o.Nodes, o.Nodes, o.Nodes
		z.inCovered, z.calm, z.raise = true, false, 0
	}
}

// drainedLately says that a node was drained for want of load a moment ago.
func (d *decision) drainedLately() bool {
	since := d.now.Add(-calm)
	for i := len(d.s.History) - 1; i >= 0; i-- {
		h := &d.s.History[i]
		if h.At.Before(since) {
			return false
		}
		if h.Drained > 0 {
			return true
		}
	}
	return false
}

func (o *Override) active(now time.Time) bool {
	return o != nil && o.Nodes >= 0 && (o.Until.IsZero() || now.Before(o.Until))
}

// needed is the number of nodes, in fractions, for a sample plus a rise.
func (p *Policy) needed(s Sample, rise float64) float64 {
	_, demand := s.worth().largest(p.Signals)
	demand += rise
	return float64(demand/p.MaxThreshold) + math.Min(demand, reserveNodes)
}

func (s Sample) worth() worth {
	return worth{s.Send, s.Receive, s.CPU, s.Buffer, s.Sessions}
}

// shrinkTo is the number of nodes to keep for a sample.
func (p *Policy) shrinkTo(s Sample) int {
	n := p.needed(s, 0)
	if n == 0 {
		return 0
	}
	_, demand := s.worth().largest(p.Signals)
	sessions := float64(s.Sessions * orElse(p.Signals.Sessions.Cap, float64(p.MaxSessions)))
	noise := float64(demand / math.Sqrt(math.Max(sessions, 1)) / p.MaxThreshold)
	return whole(n + math.Max(shrinkMargin, shrinkSigmas*noise))
}

// whole rounds up, forgiving what is left of sums of fractions.
func whole(n float64) int { return int(math.Ceil(n - 1e-6)) }
