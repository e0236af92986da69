package flow

import (
	"fmt"
	"testing"
	"time"

	"github.com/godwit/godwit/transfer/congestion"
	"github.com/godwit/godwit/transfer/simnet"
)

// memories are what an earlier flow may say of a path that delivers 1: the rate,
// over the one that is delivered now.
var memories = map[string]float64{"right": 1, "a little high": 1.5, "far too high": 20, "far too low": 0.05}

// begun is how a transfer went.
type begun struct {
	took time.Duration
	vain uint64
}

// start moves content over a path, with a memory or none, and says how long that
// took and how many packets were in vain.
func start(t *testing.T, seed uint64, up, down simnet.Link, pieces uint64, known congestion.Resume) begun {
	t.Helper()
	sc := scenario{up: up, down: down, pieces: pieces}
	sc.sender = func(c *Config) { c.RTT, c.Resume = 2*up.Delay, known }
	w := build(t, seed, sc)
	w.net.RunWhile(120*time.Second, func() bool { return w.book.delivered < pieces })
	if w.book.delivered < pieces {
		t.Fatalf("%d of %d pieces: %v", w.book.delivered, pieces, w)
	}
	return begun{w.net.Now(), w.up.Dropped + w.up.Policed}
}

// TestMemoryNeverCosts: whatever is remembered of a path, right or wrong, a
// transfer takes no more than a round trip longer than without; and a wrong memory
// floods no queue with more than what it may be wrong by in one round trip.
func TestMemoryNeverCosts(t *testing.T) {
	t.Parallel()
	type path struct {
		rate       float64
		rtt, queue time.Duration
		loss       float64
		jitter     time.Duration
	}
	for name, p := range map[string]path{
		"deep queue":            {100e6, 100 * ms, 200 * ms, 0, 0},
		"usual queue, 1 % lost": {100e6, 100 * ms, 50 * ms, .01, 0},
		"shallow queue":         {100e6, 100 * ms, 2 * ms, 0, 0},
		"long, 10 % lost":       {100e6, 400 * ms, 50 * ms, .10, 0},
		"slow line":             {5e6, 40 * ms, 100 * ms, 0, 0},
		"jitter":                {100e6, 100 * ms, 50 * ms, 0, 20 * ms},
	} {
		up, down := symmetric(p.rate, p.rtt, p.queue, p.loss)
		up.Jitter, up.Reorder = p.jitter, p.jitter > 0
		pieces := uint64(p.rate / 8 / 1500 * 3) // three seconds of it
		for memory, times := range memories {
			t.Run(fmt.Sprintf("%s, memory %s", name, memory), func(t *testing.T) {
				t.Parallel()
				seeds := 4
				if raceEnabled {
					seeds = 1
				}
				for seed := range uint64(seeds) {
					known := congestion.Resume{Rate: times * p.rate * (1 - p.loss), Loss: p.loss}
					without, with := start(t, seed, up, down, pieces, congestion.Resume{}), start(t, seed, up, down, pieces, known)
					t.Logf("seed %d: %v with, %v without; in vain %d and %d", seed, with.took, without.took, with.vain, without.vain)
					if with.took > without.took+p.rtt {
						t.Errorf("seed %d: %v, %v without", seed, with.took, without.took)
					}
					// Beyond what passes: half of what is remembered, for a round trip and the
					// time that reports take.
					more := min(max(times/2-1, 0)*p.rate/8*p.rtt.Seconds(), 8<<20) / 1500 * 1.3
					if with.vain > without.vain+uint64(more)+pieces/25 {
						t.Errorf("seed %d: %d packets in vain, %d without", seed, with.vain, without.vain)
					}
				}
			})
		}
	}
}

// TestRightMemorySparesTheRamp: what takes no longer than a few round trips takes
// one less with it.
func TestRightMemorySparesTheRamp(t *testing.T) {
	t.Parallel()
	const rate = 192e6
	up, down := symmetric(rate, 200*ms, 50*ms, 0)
	const pieces = rate / 8 / 1500 / 10 // 100 ms of it
	without, with := start(t, 1, up, down, pieces, congestion.Resume{}), start(t, 1, up, down, pieces, congestion.Resume{Rate: rate})
	if with.took > without.took-50*ms {
		t.Errorf("%v, %v without", with.took, without.took)
	}
}

// TestMemoryObeysLimits: neither the wish of the user nor policy low is overruled.
func TestMemoryObeysLimits(t *testing.T) {
	t.Parallel()
	known := congestion.Resume{Rate: 1e9}
	for name, change := range map[string]func(*Config){
		"target": func(c *Config) { c.TargetRate = 50e6 },
		"low":    func(c *Config) { c.Policy = congestion.Low },
	} {
		c := Config{ConnID: 7, SendSecret: secret(1), RecvSecret: secret(2), Peer: nodeAddr, Trusted: true, RTT: 100 * ms, Resume: known, Rand: seeded(1)}
		change(&c)
		s, err := NewSender(c, newBook(t, endless))
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Stats(0).Rate; got > 50e6 {
			t.Errorf("%s: %.0f bit/s", name, got)
		}
	}
}

// TestFlowTellsWhatItLearnt, and no rate that something else than the path set.
func TestFlowTellsWhatItLearnt(t *testing.T) {
	t.Parallel()
	up, down := symmetric(100e6, 60*ms, 50*ms, .01)
	for name, x := range map[string]struct {
		change func(*Config)
		least  float64
		most   float64
	}{
		"the path's rate": {func(*Config) {}, 90e6, 100e6},
		"a user's wish":   {func(c *Config) { c.TargetRate = 20e6 }, 0, 0},
	} {
		w := build(t, 1, scenario{up: up, down: down, pieces: endless, sender: func(c *Config) { c.RTT = 60 * ms; x.change(c) }})
		w.net.Run(8 * time.Second)
		got := w.s.Learnt()
		if got.Rate < x.least || got.Rate > x.most {
			t.Errorf("%s: %.1f Mb/s", name, got.Rate/1e6)
		}
		if got.RTT < 60*ms || got.RTT > 70*ms || got.MTU != MTU4 {
			t.Errorf("%s: %+v", name, got)
		}
		if x.least > 0 && (got.Loss < .004 || got.Loss > .02) {
			t.Errorf("%s: loss %v", name, got.Loss)
		}
	}
}

// TestKnownSizeOfDatagramsIsBegunWith where it is smaller than usual.
func TestKnownSizeOfDatagramsIsBegunWith(t *testing.T) {
	t.Parallel()
	for known, want := range map[int]int{0: MTU4, 1372: 1372, 8972: MTU4, 500: SafeMTU} {
		if got := (&Config{Peer: nodeAddr, KnownMTU: known}).mtu(); got != want {
			t.Errorf("%d after %d, not %d", got, known, want)
		}
	}
}
