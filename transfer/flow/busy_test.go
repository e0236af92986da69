package flow

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestABusyReceiverIsNoFasterPath: a host that does not look at its socket for a while
// finds much at once. That is neither a burst that shows what the path carries, nor a
// rate of delivery, nor a queue; and a report that is lost takes no knowledge with it.
func TestABusyReceiverIsNoFasterPath(t *testing.T) {
	t.Parallel()
	const rate, rtt, span = 400e6, 500 * ms, 6 * time.Second
	share := 0.
	const seeds = 12
	for seed := range uint64(seeds) {
		r := rand.New(rand.NewPCG(seed, 3))
		up, down := symmetric(rate, rtt, 50*ms, .05)
		down.Loss = .1
		w := build(t, seed, scenario{up: up, down: down, pieces: endless, change: func(w *world) {
			if seed%2 == 0 { // as where what came before is still being set up
				w.rh.Busy(rtt + time.Duration(r.Int64N(int64(rtt))))
			}
			for range 3 {
				at, long := rtt*3/4+time.Duration(r.Int64N(int64(3*rtt))), 20*ms+time.Duration(r.Int64N(int64(400*ms)))
				w.net.At(at, func() { w.rh.Busy(long) })
			}
		}})
		w.net.Run(span)
		if dropped := float64(w.up.Dropped) / float64(w.up.Packets); dropped > .03 {
			t.Errorf("seed %d: %.1f %% of what was sent found no room: %v", seed, 100*dropped, w)
		}
		share += float64(w.book.bytes) * 8 / rate / span.Seconds() / seeds
	}
	if share < .55 {
		t.Errorf("%.2f of the link used from the start on", share)
	}
}
