package flow

import (
	"testing"
	"time"
)

// TestLossAtTheEndCostsNoRoundTrip: with parity the last piece is there half a
// round trip after it was sent, or a little later, whatever was lost.
func TestLossAtTheEndCostsNoRoundTrip(t *testing.T) {
	t.Parallel()
	const (
		pieces = 20_000
		rtt    = 400 * ms
	)
	for _, loss := range []float64{0.01, 0.1} {
		run := func(memory int64, seed uint64) (late time.Duration, restored uint64) {
			up, down := symmetric(200e6, rtt, 50*ms, loss)
			w := build(t, seed, scenario{up: up, down: down, pieces: pieces, sender: func(c *Config) { c.Parity, c.RTT = memory, rtt },
				receiver: func(c *Config) { c.Parity, c.RTT = memory, rtt }})
			w.net.RunWhile(time.Minute, func() bool { return w.book.next < pieces })
			sent := w.net.Now()
			w.net.RunWhile(time.Minute, func() bool { return !w.book.done() })
			if !w.book.done() {
				t.Fatalf("loss %v: not done: %v", loss, w)
			}
			return w.net.Now() - sent, w.r.Stats(w.rh.Clock()).Restored
		}
		for seed := range uint64(5) {
			late, restored := run(64<<20, seed)
			if late > rtt*3/4 || restored == 0 {
				t.Errorf("loss %v, seed %d: the last piece came %v after it was sent, %d restored", loss, seed, late, restored)
			}
			if without, none := run(0, seed); without <= late || none != 0 {
				t.Errorf("loss %v, seed %d: %v without parity, %d restored, %v with it", loss, seed, without, none, late)
			}
		}
	}
}

// TestParityKnowsItsPlace: who does not know when the end is, or has a short round
// trip, sends none.
func TestParityKnowsItsPlace(t *testing.T) {
	t.Parallel()
	check := func(name string, rtt time.Duration, pieces uint64, until time.Duration) {
		up, down := symmetric(100e6, rtt, 2*ms, 0.01)
		w := build(t, 1, scenario{up: up, down: down, pieces: pieces})
		w.net.RunWhile(until, func() bool { return !w.book.done() })
		if st := w.s.Stats(w.sh.Clock()); st.ParityPackets != 0 || st.DataPackets < 1000 {
			t.Errorf("%s: %d parity packets beside %d of data", name, st.ParityPackets, st.DataPackets)
		}
	}
	check("near", 2*ms, 5000, time.Minute)
	check("endless", 100*ms, endless, 3*time.Second)
}
