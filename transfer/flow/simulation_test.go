package flow

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/godwit/godwit/transfer/simnet"
)

var (
	simSeeds = flag.Int("sim.seeds", map[bool]int{false: 12, true: 5}[raceEnabled], "random paths that TestSimulation tries")
	simSeed  = flag.Uint64("sim.seed", 1, "the first of them")
)

// randomPath draws a path and an amount of content from a seed.
func randomPath(seed uint64) (sc scenario, story string) {
	r := rand.New(rand.NewPCG(seed, 77))
	pick := func(d ...time.Duration) time.Duration { return d[r.IntN(len(d))] }
	rate := []float64{1e6, 5e6, 20e6, 100e6, 200e6}[r.IntN(5)]
	rtt := pick(ms, 5*ms, 20*ms, 60*ms, 150*ms, 300*ms, 500*ms)
	queue := pick(2*ms, 10*ms, 50*ms, 200*ms)
	up, down := symmetric(rate, rtt, queue, 0)
	up.Loss = []float64{0, 0, .001, .01, .05, .1}[r.IntN(6)]
	down.Loss = []float64{0, 0, .01, .1, .3}[r.IntN(5)]
	if r.IntN(3) == 0 {
		up.Jitter, up.Reorder = pick(ms, 10*ms, 50*ms), r.IntN(2) == 0
	}
	if r.IntN(3) == 0 {
		down.Jitter, down.Reorder = pick(ms, 10*ms, 50*ms), r.IntN(2) == 0
	}
	if r.IntN(3) == 0 {
		up.Duplicate, down.Duplicate = .02, .02
	}
	if r.IntN(3) == 0 {
		up.Corrupt, down.Corrupt = .005, .005
	}
	if r.IntN(5) == 0 {
		up.Burst = &simnet.Bursts{Enter: .0005, Leave: .05, Loss: .9}
	}
	if r.IntN(6) == 0 {
		up.Police = &simnet.Policer{Rate: rate / 2, Bucket: rate / 8 * .03}
	}
	if r.IntN(8) == 0 {
		up.MTU = 1300
	}
	// Content for about four seconds of the path, and a few packets at least.
	pieces := uint64(r.IntN(int(rate/8/1500*4))) + 3
	sc = scenario{up: up, down: down, pieces: pieces}
	events := ""
	switch r.IntN(6) {
	case 0:
		events = "route +40 ms at 1 s"
		sc.change = func(w *world) { w.net.At(time.Second, func() { w.up.Delay += 40 * ms }) }
	case 1:
		events = "a third of the capacity from 1 s to 2 s"
		sc.change = func(w *world) {
			w.net.At(time.Second, func() { w.up.Rate /= 3 })
			w.net.At(2*time.Second, func() { w.up.Rate *= 3 })
		}
	case 2:
		events = "nothing passes from 0.5 s to 3 s"
		sc.change = func(w *world) {
			before, back := w.up.Loss, w.down.Loss
			w.net.At(500*ms, func() { w.up.Loss, w.down.Loss = 1, 1 })
			w.net.At(3*time.Second, func() { w.up.Loss, w.down.Loss = before, back })
		}
	case 3:
		events = "the client's address changes at 1 s"
		sc.change = func(w *world) {
			moved := clientAddr
			w.net.At(time.Second, func() { w.sh.Move(addPort(moved, 1000)) })
		}
	case 4:
		events = "the application pauses twice"
		sc.change = func(w *world) {
			all := w.book.limit
			w.book.limit = all/3 + 1
			w.net.At(time.Second, func() { w.book.limit = all*2/3 + 1; w.s.Wake(); w.sh.Wake() })
			w.net.At(3*time.Second, func() { w.book.limit = all; w.s.Wake(); w.sh.Wake() })
		}
	}
	up.Burst, up.Police = nil, nil // pointers tell a reader nothing
	return sc, fmt.Sprintf("%d pieces, rate %.0f, rtt %v, queue %v, bursts %v, policed %v, event %q\nup %+v\ndown %+v",
		pieces, rate, rtt, queue, sc.up.Burst != nil, sc.up.Police != nil, events, up, down)
}

// TestSimulation moves content over random paths. Whatever the path does, all
// of it arrives, every token meets its promised fate, little is sent in vain,
// and the flow falls silent when it is done.
func TestSimulation(t *testing.T) {
	t.Parallel()
	for i := range *simSeeds {
		seed := *simSeed + uint64(i)
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			sc, story := randomPath(seed)
			w := build(t, seed, sc)
			defer func() {
				if t.Failed() {
					t.Logf("replay: go test ./transfer/flow -run 'TestSimulation' -sim.seeds=1 -sim.seed=%d\n%s\n%v", seed, story, w)
				}
			}()
			simulate(t, w, sc.pieces)
		})
	}
}

func simulate(t *testing.T, w *world, pieces uint64) {
	const patience = 300 * time.Second // of virtual time; the slowest path needs a tenth
	w.net.RunWhile(patience, func() bool { return w.book.delivered < pieces })
	if w.book.delivered < pieces {
		t.Fatalf("%d of %d pieces delivered in %v", w.book.delivered, pieces, patience)
	}
	finished := w.net.Now()
	w.net.Run(finished + 20*time.Second) // late reports and losses settle
	unsettled := 0
	for token := range w.book.piece {
		if !w.book.lost[token] {
			unsettled++
		}
	}
	if unsettled > 0 {
		t.Errorf("%d tokens never learnt their fate", unsettled)
	}
	st := w.s.Stats(w.sh.Clock())
	if st.InFlight != 0 {
		t.Errorf("%d bytes still count as in flight", st.InFlight)
	}
	quiet := w.up.Packets
	w.net.Run(finished + 40*time.Second)
	if sent := w.up.Packets - quiet; sent > 0 {
		t.Errorf("%d datagrams sent after the end", sent)
	}
	if limit := 64 + pieces/32 + st.SpuriousPackets + st.RepeatedPackets + w.r.Stats(0).Restored; w.book.copies > limit {
		t.Errorf("%d pieces of %d arrived again, want %d at most", w.book.copies, pieces, limit)
	}
	for _, h := range []*simnet.Host{w.sh, w.rh} {
		for msg := range h.Errors() {
			if msg != ErrReplay.Error() && w.up.Corrupt == 0 {
				t.Errorf("datagrams were refused: %v", h.Errors())
			}
		}
	}
}
