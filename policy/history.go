package policy

import (
	"math"
	"time"
)

// historySlots bounds the history: the longest window in so many steps.
const historySlots = 120

// trendSpan is the longest span over which the rise of demand is measured.
const trendSpan = 60 * time.Second

// calm is how long after a drain for want of load the reserve alone launches
// nothing: a node that was superfluous a moment ago is not missed for noise.
const calm = 10 * time.Minute

func (p Policy) historySpan() time.Duration {
	return max(p.scaleInWindow(), p.scaleOutWindow(), calm, 2*trendSpan)
}

func (p Policy) historyStep() time.Duration {
	return max(p.historySpan()/historySlots, time.Second)
}

// Remember returns the history with the sample of a plan added: samples closer
// together than a 120th of the longest window become one that holds the most of
// each signal, and those that no window needs are dropped. It does not change
// history itself. A sample that is not newer than the last one is ignored.
func Remember(history []Sample, s Sample, p Policy) []Sample {
	return remember(append(make([]Sample, 0, len(history)+1), history...), s, p)
}

// remember changes out, the history so far.
func remember(out []Sample, s Sample, p Policy) []Sample {
	if n := len(out); n > 0 && !s.At.After(out[n-1].At) {
		return out
	}
	step := p.historyStep()
	oldest := s.At.Add(-p.historySpan() - 2*step)
	for len(out) > 0 && !out[0].At.After(oldest) {
		out = out[1:]
	}
	// The last sample stays open until a step has passed since the one before;
	// it carries the latest time, so that a gap shows as one.
	if n := len(out); n >= 2 && s.At.Sub(out[n-2].At) <= step {
		last := &out[n-1]
		last.At = s.At
		last.Send = math.Max(last.Send, s.Send)
		last.Receive = math.Max(last.Receive, s.Receive)
		last.CPU = math.Max(last.CPU, s.CPU)
		last.Buffer = math.Max(last.Buffer, s.Buffer)
		last.Sessions = math.Max(last.Sessions, s.Sessions)
		last.High = max(last.High, s.High)
		last.Drained += s.Drained
		return out
	}
	return append(out, s)
}

// within returns the samples in (now-window, now] and whether they cover it:
// no gap, the manager's absence for one, leaves demand unknown for longer than
// a minute (or two steps of a long window). It returns a part of history.
func within(history []Sample, window time.Duration, p Policy, now time.Time) (in []Sample, covered bool) {
	gap := max(time.Minute, 2*p.historyStep())
	start := now.Add(-window)
	end := len(history)
	for end > 0 && history[end-1].At.After(now) {
		end--
	}
	next := now
	for i := end - 1; i >= 0; i-- {
		at := history[i].At
		if next.Sub(at) > gap {
			return history[i+1 : end], false
		}
		next = at
		if !at.After(start) {
			return history[i+1 : end], true
		}
	}
	return history[:end], !next.After(start)
}
