package congestion

import (
	"math"
	"time"
)

const (
	windowLeast  = 300  // packets that a loss sample needs: fewer, and jitter reads as loss
	memoryLeast  = 3000 // packets that the baseline remembers
	excessSigmas = 3.5
)

// lossWindow accumulates the fate of packets until it spans the time and count wanted.
type lossWindow struct {
	since       time.Duration
	acked, lost uint64 // totals when it opened
	open        bool
}

// closed reports the window's packets and losses once it is long enough, and reopens it.
func (w *lossWindow) closed(s *Sample, span time.Duration, least uint64) (n, lost float64, ok bool) {
	if !w.open {
		*w = lossWindow{s.Now, s.Acked, s.Lost, true}
		return 0, 0, false
	}
	dl := float64(s.Lost) - float64(w.lost) // a spurious loss taken back may make it negative
	dn := float64(s.Acked) - float64(w.acked) + dl
	if s.Now-w.since < span || dn < float64(least) {
		return 0, 0, false
	}
	*w = lossWindow{s.Now, s.Acked, s.Lost, true}
	return dn, max(dl, 0), true
}

// baseline is the loss of the path itself, weighted by packets.
type baseline struct {
	p      float64
	weight float64
}

func (b *baseline) add(n, lost float64) {
	b.weight += n
	b.p += (lost - b.p*n) / b.weight
	b.weight = min(b.weight, max(memoryLeast, 2*n))
	b.p = min(max(b.p, 0), 0.9)
}

// reset replaces what was known.
func (b *baseline) reset(n, lost float64) {
	*b = baseline{}
	b.add(n, lost)
}

// exceeded reports whether lost of n is more than the baseline explains.
func (b *baseline) exceeded(n, lost float64) bool {
	return b.weight > 0 && lost >= 4 && lost/n > b.p+b.margin(n)
}

// undercut reports whether it is less than the baseline allows.
func (b *baseline) undercut(n, lost float64) bool {
	return lost/n < b.p-b.margin(n)
}

func (b *baseline) margin(n float64) float64 {
	p := max(b.p, 1/n)
	return max(0.005, 0.3*b.p) + excessSigmas*math.Sqrt(p*(1-p)/n)
}
