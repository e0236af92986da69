package flow

import "time"

const (
	// slot is the granularity of pacing: wake-ups cost 25–90 µs of CPU, so
	// 2,000 a second are the most that a flow should cause.
	slot = 500 * time.Microsecond
	// debt is how much of a late wake-up is caught up with.
	debt = 2 * time.Millisecond
)

// pacer is a byte budget on the monotonic clock, spent in bursts of a slot.
type pacer struct {
	rate   float64 // bytes/s
	credit float64
	last   time.Duration
	burst  bool // a burst has begun and may use up the credit
	late   bool // credit was forfeited: this host came too late to use it
}

func (p *pacer) quantum(packet float64) float64 {
	return max(p.rate*slot.Seconds(), packet)
}

func (p *pacer) advance(now time.Duration, packet float64) {
	if now > p.last {
		p.credit += p.rate * (now - p.last).Seconds()
		p.last = now
	}
	if most := max(p.rate*debt.Seconds(), 2*packet); p.credit > most {
		p.credit, p.late = most, true
	}
	if p.credit >= p.quantum(packet) {
		p.burst = true
	}
}

// ready reports whether a packet of the given wire size may go.
func (p *pacer) ready(packet float64) bool {
	if p.burst && p.credit < packet {
		p.burst = false
	}
	return p.burst
}

func (p *pacer) spend(n float64) { p.credit -= n }

// deadline is when the next burst may begin.
func (p *pacer) deadline(packet float64) time.Duration {
	if p.burst {
		return p.last
	}
	wait := (p.quantum(packet) - p.credit) / p.rate
	return p.last + time.Duration(wait*float64(time.Second)) + 1
}
