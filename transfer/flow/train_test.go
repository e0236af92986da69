package flow

import (
	"testing"
	"time"
)

// TestTrainsShowTheBottleneck: whatever the rhythm in which a host hands packets
// over, the peak is the bottleneck's rate, to a fifth.
func TestTrainsShowTheBottleneck(t *testing.T) {
	t.Parallel()
	const size = 1472
	for _, r := range []struct {
		name  string
		rate  float64 // bytes/s
		count int
		grain time.Duration // packets are handed over at multiples of this
		want  bool
	}{
		{"one by one at 1 Gb/s", 125e6, 400, 1, true},
		{"in quarters of a millisecond", 125e6, 400, 250 * time.Microsecond, true},
		{"at 10 Mb/s", 1.25e6, 50, 1, true},
		{"at 5 Gb/s", 625e6, 2000, 100 * time.Microsecond, true},
		{"too few packets", 125e6, 5, time.Millisecond, false},
		{"too short a train", 125e6, 60, 1, false},
	} {
		var tr train
		tr.long(0)
		for i := range r.count {
			at := time.Duration(float64(i*size) / r.rate * 1e9)
			tr.arrived(at.Truncate(r.grain), uint64((i+1)*size), uint64(i+1))
		}
		got := tr.take()
		if r.want && (got < .8*r.rate || got > 1.25*r.rate) {
			t.Errorf("%s: %.1f MB/s, want about %.1f", r.name, got/1e6, r.rate/1e6)
		}
		if !r.want && got != 0 {
			t.Errorf("%s: %.1f MB/s out of nothing", r.name, got/1e6)
		}
		for told := 1; told < trainTold; told++ {
			if again := tr.take(); again != got {
				t.Errorf("%s: %.1f MB/s when told again, where reports are lost", r.name, again/1e6)
			}
		}
		if tr.take() != 0 {
			t.Errorf("%s: the peak is told for ever", r.name)
		}
	}
}
