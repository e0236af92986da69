package flow

import (
	"fmt"
	"testing"
	"time"

	"github.com/godwit/godwit/transfer/simnet"
	"github.com/godwit/godwit/transfer/wire"
)

const ms = time.Millisecond

// figures are what a stretch of time showed.
type figures struct {
	// share of the ceiling that arrived as distinct content: the ceiling is
	// rate × payload/wire × (1−p), with IP headers counted in rate and wire.
	share float64
	// waste is the part of what was sent that neither arrived as new content
	// nor fell to the path's own loss: overflow of queues and policers, copies.
	waste float64
}

// measure runs the world from one moment to another.
func measure(w *world, from, to time.Duration, ceiling float64) figures {
	w.net.Run(from)
	bytes, sent, vain := w.book.bytes, w.up.Packets, w.vain()
	w.net.Run(to)
	got := float64(w.book.bytes-bytes) * 8 / (to - from).Seconds()
	return figures{
		share: got / (ceiling * float64(MTU4-wire.Overhead) / (MTU4 + 28)),
		waste: float64(w.vain()-vain) / float64(w.up.Packets-sent),
	}
}

func (w *world) vain() uint64 { return w.up.Dropped + w.up.Policed + w.book.copies }

// TestSteadyRate holds the flow to shares of the ceiling in steady state.
func TestSteadyRate(t *testing.T) {
	t.Parallel()
	type row struct {
		name     string
		rate     float64
		rtt, q   time.Duration
		loss     float64
		from, to time.Duration
		share    float64 // of the ceiling, at least
		long     bool    // left out under the race detector
		change   func(*scenario)
		ceiling  float64 // 0: rate × (1−loss)
	}
	s := time.Second
	rows := []row{
		{name: "1 Gb/s 100 ms 1 %", rate: 1e9, rtt: 100 * ms, q: 100 * ms, loss: .01, from: 2500 * ms, to: 4 * s, share: .98, long: true},
		{name: "1 Gb/s 500 ms 10 %", rate: 1e9, rtt: 500 * ms, q: 500 * ms, loss: .10, from: 8 * s, to: 11 * s, share: .93, long: true},
		{name: "1 Gb/s 100 ms 1 %, queue of a tenth", rate: 1e9, rtt: 100 * ms, q: 10 * ms, loss: .01, from: 2500 * ms, to: 4 * s, share: .93, long: true},
		{name: "100 Mb/s 1 ms", rate: 1e8, rtt: ms, q: 20 * ms, from: s, to: 4 * s, share: .98},
		{name: "100 Mb/s 20 ms 5 %", rate: 1e8, rtt: 20 * ms, q: 20 * ms, loss: .05, from: 2 * s, to: 8 * s, share: .96},
		{name: "shallow queue of 2 ms", rate: 1e8, rtt: 20 * ms, q: 2 * ms, from: 2 * s, to: 10 * s, share: .93},
		{name: "shallow queue of a fiftieth", rate: 1e8, rtt: 50 * ms, q: ms, from: 2 * s, to: 10 * s, long: true, share: .93},
		{name: "jitter of 50 ms with reordering", rate: 1e8, rtt: 40 * ms, q: 40 * ms, from: 3 * s, to: 8 * s, share: .93,
			change: func(c *scenario) { c.up.Jitter, c.up.Reorder = 50*ms, true }},
		{name: "30 % of the feedback lost", rate: 1e8, rtt: 40 * ms, q: 40 * ms, loss: .01, from: 2 * s, to: 10 * s, share: .95,
			change: func(c *scenario) { c.down.Loss = .3 }},
		{name: "feedback over a full and narrow way back", rate: 1e8, rtt: 40 * ms, q: 40 * ms, from: 2 * s, to: 10 * s, share: .90,
			change: func(c *scenario) { c.down.Rate, c.down.Queue, c.down.Jitter = 256e3, 8000, 30*ms }},
		{name: "bursts of loss", rate: 1e8, rtt: 40 * ms, q: 40 * ms, from: 2 * s, to: 10 * s, share: .85, ceiling: 1e8,
			change: func(c *scenario) { c.up.Burst = &simnet.Bursts{Enter: .001, Leave: .1, Loss: .8} }},
		{name: "policed to 100 Mb/s", rate: 1e9, rtt: 40 * ms, q: 40 * ms, from: 3 * s, to: 12 * s, long: true, share: .93, ceiling: 1e8,
			change: func(c *scenario) { c.up.Police = &simnet.Policer{Rate: 1e8, Bucket: 625_000} }},
		{name: "clock fast by 200 ppm", rate: 1e8, rtt: 40 * ms, q: 40 * ms, from: 2 * s, to: 14 * s, share: .95,
			change: func(c *scenario) { c.change = func(w *world) { w.rh.Drift(200, time.Hour) } }},
		{name: "clock slow by 200 ppm", rate: 1e8, rtt: 40 * ms, q: 40 * ms, from: 2 * s, to: 14 * s, long: true, share: .95,
			change: func(c *scenario) { c.change = func(w *world) { w.rh.Drift(-200, time.Hour) } }},
		{name: "clock steps by 300 ms", rate: 1e8, rtt: 40 * ms, q: 40 * ms, from: 2 * s, to: 14 * s, share: .90,
			change: func(c *scenario) {
				c.change = func(w *world) { w.net.At(4*s, func() { w.rh.Step(300 * ms) }) }
			}},
		{name: "route longer by 40 ms", rate: 1e8, rtt: 40 * ms, q: 40 * ms, from: 2 * s, to: 14 * s, long: true, share: .90,
			change: func(c *scenario) {
				c.change = func(w *world) { w.net.At(4*s, func() { w.up.Delay += 40 * ms }) }
			}},
		{name: "capacity 100, 30, 100 Mb/s", rate: 1e8, rtt: 40 * ms, q: 40 * ms, from: 2 * s, to: 14 * s, share: .90, ceiling: (8*100e6 + 4*30e6) / 12,
			change: func(c *scenario) {
				c.change = func(w *world) {
					w.net.At(4*s, func() { w.up.Rate = 30e6 })
					w.net.At(8*s, func() { w.up.Rate = 100e6 })
				}
			}},
		{name: "loss rises from 0 to 5 %", rate: 1e8, rtt: 40 * ms, q: 40 * ms, from: 6 * s, to: 12 * s, share: .90, ceiling: .95e8,
			change: func(c *scenario) {
				c.change = func(w *world) { w.net.At(4*s, func() { w.up.Loss = .05 }) }
			}},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			if r.long && (raceEnabled || testing.Short()) {
				t.Skip("too long under the race detector; the others cover the same code")
			}
			t.Parallel()
			up, down := symmetric(r.rate, r.rtt, r.q, r.loss)
			sc := scenario{up: up, down: down, pieces: endless}
			if r.change != nil {
				r.change(&sc)
			}
			ceiling := r.ceiling
			if ceiling == 0 {
				ceiling = r.rate * (1 - r.loss)
			}
			w := build(t, *simSeed, sc)
			f := measure(w, r.from, r.to, ceiling)
			t.Logf("share %.4f, waste %.4f", f.share, f.waste)
			if f.share < r.share || f.share > 1.01 {
				t.Errorf("%.4f of the ceiling, want %.3f at least and 1 at most", f.share, r.share)
			}
			if f.waste > .02 {
				t.Errorf("%.4f of what was sent was in vain, want 0.02 at most", f.waste)
			}
			if t.Failed() {
				t.Log(w)
			}
		})
	}
}

// TestFlowsShare lets flows compete on one bottleneck.
func TestFlowsShare(t *testing.T) {
	t.Parallel()
	for _, r := range []struct {
		name  string
		count int
		apart time.Duration // between starts
		delay []time.Duration
		jain  float64
	}{
		{"two at once", 2, 0, nil, .9},
		{"the second comes later", 2, 5 * time.Second, nil, .85},
		{"three with 20, 60 and 120 ms", 3, time.Second, []time.Duration{0, 40 * ms, 100 * ms}, .8},
	} {
		t.Run(r.name, func(t *testing.T) {
			if raceEnabled && r.count > 2 {
				t.Skip("too long under the race detector; the others cover the same code")
			}
			t.Parallel()
			up, down := symmetric(100e6, 20*ms, 60*ms, 0)
			n := simnet.New(*simSeed)
			l, back := n.NewLink(up), n.NewLink(down)
			var ws []*world
			for i := range r.count {
				n.Run(time.Duration(i) * r.apart)
				w := attach(t, n, l, back, i, scenario{pieces: endless})
				if r.delay != nil {
					w.sh.Delay(r.delay[i])
				}
				ws = append(ws, w)
			}
			n.Run(15 * time.Second)
			before := make([]uint64, len(ws))
			for i, w := range ws {
				before[i] = w.book.bytes
			}
			n.Run(30 * time.Second)
			var sum, squares float64
			story := ""
			for i, w := range ws {
				x := float64(w.book.bytes-before[i]) * 8 / 15e6
				sum, squares = sum+x, squares+x*x
				story += fmt.Sprintf(" %.1f", x)
			}
			jain := sum * sum / (float64(len(ws)) * squares)
			t.Logf("Mb/s:%s, Jain %.3f", story, jain)
			if jain < r.jain {
				t.Errorf("Jain index %.3f, want %.2f; Mb/s:%s", jain, r.jain, story)
			}
			if share := sum / (100 * 1444.0 / 1500); share < .93 {
				t.Errorf("together %.3f of the link, want .93", share)
			}
		})
	}
}
