package flow

import (
	"testing"
	"time"

	"github.com/godwit/godwit/transfer/simnet"
)

// measure runs the world from one moment to another and returns the share of
// the ceiling that arrived as distinct content: rate × payload/wire × (1−p).
func measure(w *world, from, to time.Duration, ceiling float64) float64 {
	w.net.Run(from)
	before := w.book.bytes
	w.net.Run(to)
	got := float64(w.book.bytes-before) * 8 / (to - from).Seconds()
	return got / (ceiling * float64(MTU4-28) / (MTU4 + 28))
}

// waste is the share of data packets sent again without need.
func waste(w *world) float64 {
	return float64(w.book.copies) / float64(w.book.delivered)
}

func TestExplore(t *testing.T) {
	type row struct {
		name     string
		rate     float64
		rtt, q   time.Duration
		loss     float64
		from, to time.Duration
		f        func(*scenario)
	}
	ms := time.Millisecond
	rows := []row{
		{"1G 100ms 1%", 1e9, 100 * ms, 100 * ms, .01, 3 * time.Second, 6 * time.Second, nil},
		{"1G 500ms 10%", 1e9, 500 * ms, 500 * ms, .10, 12 * time.Second, 18 * time.Second, nil},
		{"100M 1ms 0", 1e8, ms, 20 * ms, 0, time.Second, 5 * time.Second, nil},
		{"100M 20ms 5%", 1e8, 20 * ms, 20 * ms, .05, 2 * time.Second, 10 * time.Second, nil},
		{"100M 20ms shallow", 1e8, 20 * ms, 2 * ms, 0, 2 * time.Second, 20 * time.Second, nil},
		{"100M 50ms shallow .02", 1e8, 50 * ms, 1 * ms, 0, 2 * time.Second, 20 * time.Second, nil},
		{"100M 40ms jitter10 2%", 1e8, 40 * ms, 40 * ms, .02, 2 * time.Second, 20 * time.Second, func(s *scenario) { s.up.Jitter = 10 * ms; s.down.Jitter = 10 * ms }},
		{"100M 40ms reorder50", 1e8, 40 * ms, 40 * ms, 0, 2 * time.Second, 20 * time.Second, func(s *scenario) { s.up.Jitter = 50 * ms; s.up.Reorder = true }},
		{"100M 40ms fb30%", 1e8, 40 * ms, 40 * ms, .01, 2 * time.Second, 20 * time.Second, func(s *scenario) { s.down.Loss = .3 }},
		{"1G policed 100M", 1e9, 40 * ms, 40 * ms, 0, 2 * time.Second, 20 * time.Second, func(s *scenario) { s.up.Police = &simnet.Policer{Rate: 1e8, Bucket: 625000} }},
		{"10M 200ms 10%", 1e7, 200 * ms, 200 * ms, .1, 10 * time.Second, 40 * time.Second, nil},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			up, down := path2(r.rate, r.rtt, r.q, r.loss)
			sc := scenario{up: up, down: down, pieces: endless}
			if r.f != nil {
				r.f(&sc)
			}
			start := time.Now()
			w := build(t, 1, sc)
			ceil := r.rate * (1 - r.loss)
			if sc.up.Police != nil {
				ceil = sc.up.Police.Rate
			}
			for at := time.Duration(0); at < r.to; at += r.to / 30 {
				w.net.Run(at)
				st := w.s.Stats(w.net.Now())
				t.Logf("%8v %-8s rate %7.1f D %7.1f q %v pb %.4f dup %d", at, w.s.cc.State().Phase, st.Rate/1e6, st.Delivered/1e6, st.Queue, st.Loss, w.book.copies)
			}
			share := measure(w, r.to, r.to+(r.to-r.from), ceil)
			t.Logf("SHARE %.4f waste %.4f wall %v\n%v", share, waste(w), time.Since(start).Round(time.Millisecond), w)
		})
	}
}
