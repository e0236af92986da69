package congestion

import (
	"math"
	"time"
)

const (
	windowLeast  = 300  // packets that a loss sample needs: fewer, and jitter reads as loss
	testPackets  = 100  // the same in a test, which ends when all end it
	memoryLeast  = 3000 // packets that the baseline remembers
	excessSigmas = 3.5
	// baselineMost is the most that is believed of a path. Flows that together lose
	// more, and each take it for the path's, would only ever send more.
	baselineMost = 0.25
	hardly       = 0.25 // packets that the baseline expects to be lost
	runLeast     = 6    // packets that a burst of a radio link loses at least, on average
)

// fates are what became of some packets.
type fates struct {
	n, lost float64
	runs    float64 // stretches of neighbours among the lost
}

// share is the part that was lost.
func (f fates) share() float64 { return f.lost / f.n }

// clump is how much more the losses scatter than those of independent packets
// do, as a factor of the variance: bursts of m packets, geometric in length,
// count as 2m − 1. Short runs are what an overflowing queue makes of bursts.
func (f fates) clump() float64 {
	if f.runs < 1 || f.lost < runLeast*f.runs {
		return 1
	}
	return 2*f.lost/f.runs - 1
}

// lossWindow accumulates the fate of packets until it spans the time and count wanted.
type lossWindow struct {
	since             time.Duration
	acked, lost, runs uint64 // totals when it opened
	open              bool
}

// closed reports the window's packets and losses once it is long enough, and reopens it.
func (w *lossWindow) closed(s *Sample, span time.Duration, least uint64) (f fates, ok bool) {
	if !w.open {
		*w = lossWindow{s.Now, s.Acked, s.Lost, s.Runs, true}
		return f, false
	}
	lost := float64(s.Lost) - float64(w.lost) // a spurious loss taken back may make it negative
	f.n = float64(s.Acked) - float64(w.acked) + lost
	if s.Now-w.since < span || f.n < float64(least) {
		return f, false
	}
	f.lost, f.runs = max(lost, 0), float64(s.Runs-w.runs)
	*w = lossWindow{s.Now, s.Acked, s.Lost, s.Runs, true}
	return f, true
}

// baseline is the loss of the path itself, weighted by packets.
type baseline struct {
	p      float64
	weight float64
}

func (b *baseline) add(f fates) {
	b.weight += f.n
	b.p += (f.lost - b.p*f.n) / b.weight
	b.weight = min(b.weight, max(memoryLeast, 2*f.n))
	b.p = min(max(b.p, 0), baselineMost)
}

// reset replaces what was known.
func (b *baseline) reset(f fates) {
	*b = baseline{}
	b.add(f)
}

// exceeded reports whether more was lost than the baseline explains.
func (b *baseline) exceeded(f fates) bool {
	return b.weight > 0 && f.lost >= 4 && f.share() > b.p+b.margin(f)
}

// unlikely reports whether hardly anything should have been lost, and more than one
// packet was. Beside a full queue that is evidence enough: a TCP would need one.
func (b *baseline) unlikely(f fates) bool {
	return b.weight > 0 && f.lost >= 2 && b.p*f.n < hardly
}

// undercut reports whether less was lost than the baseline allows.
func (b *baseline) undercut(f fates) bool {
	return f.share() < b.p-b.margin(f)
}

func (b *baseline) margin(f fates) float64 {
	p := max(b.p, 1/f.n)
	return max(0.005, 0.3*b.p) + excessSigmas*math.Sqrt(p*(1-p)/f.n*f.clump())
}
