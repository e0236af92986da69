package rival

import "time"

// Constants of BBR version 1.
const (
	startupGain = 2.885
	bwRounds    = 10
	minWindow   = 10 * time.Second
	probeRTT    = 200 * time.Millisecond
)

var cycle = [...]float64{1.25, 0.75, 1, 1, 1, 1, 1, 1}

type bbr struct {
	bw       [bwRounds]float64 // greatest delivery rate of the latest rounds
	round    uint64
	roundEnd uint64 // delivered count at which the round ends

	full   float64
	flat   int
	filled bool

	gain, cwndGain float64
	phase          int
	phaseAt        time.Duration
	draining       bool

	min      time.Duration
	minAt    time.Duration
	probing  bool
	probeEnd time.Duration
}

func (b *bbr) best() (m float64) {
	for _, v := range b.bw {
		m = max(m, v)
	}
	return m
}

func (b *bbr) bdp() float64 { return b.best() * b.min.Seconds() }

func (b *bbr) rate() float64 {
	if b.best() == 0 {
		return 0
	}
	return b.gain * b.best()
}

func (b *bbr) window() float64 {
	switch {
	case b.best() == 0:
		return 10
	case b.probing:
		return 4
	default:
		return max(b.cwndGain*b.bdp(), 4)
	}
}

func (b *bbr) acked(now time.Duration, s *Sender, a ack) {
	if a.delivered >= b.roundEnd {
		b.roundEnd = s.delivered
		b.round++
		b.bw[b.round%bwRounds] = 0
		b.endRound()
	}
	if i := b.round % bwRounds; a.rate > b.bw[i] {
		b.bw[i] = a.rate
	}
	old := b.min != 0 && now-b.minAt > minWindow
	if b.min == 0 || a.rtt <= b.min || old {
		b.min, b.minAt = a.rtt, now
	}
	switch {
	case b.probing:
		if now >= b.probeEnd {
			b.probing, b.minAt = false, now
		}
	case old && b.filled:
		b.probing, b.probeEnd = true, now+max(probeRTT, s.srtt)
	case b.draining:
		if float64(s.flying) <= b.bdp() {
			b.draining, b.gain, b.cwndGain = false, 1, 2
			b.phase, b.phaseAt = int(s.delivered%6)+2, now
		}
	case b.filled && now-b.phaseAt > b.min:
		b.phase, b.phaseAt = (b.phase+1)%len(cycle), now
		b.gain = cycle[b.phase]
	}
}

// endRound looks whether startup has filled the pipe.
func (b *bbr) endRound() {
	if b.filled {
		return
	}
	if m := b.best(); m > 1.25*b.full {
		b.full, b.flat = m, 0
		return
	}
	if b.flat++; b.flat >= 3 {
		b.filled, b.draining, b.gain = true, true, 1/startupGain
	}
}

func (b *bbr) lost(time.Duration, *Sender)    {}
func (b *bbr) timeout(time.Duration, *Sender) {}
