//go:build linux

package contest

import (
	"fmt"
	"time"

	"github.com/godwit/godwit/bench/wan/emulator"
)

// Case is a path that transfers are measured over; both directions are alike.
type Case struct {
	Name  string
	About string
	Model emulator.Model
	Cap   time.Duration // of one run
}

const usualCap = 30 * time.Second

// Cases are the paths of the published results.
var Cases = []Case{
	{"1g-100ms-1pct", "1 Gb/s, 100 ms, 1 % random loss, 50 ms queue",
		emulator.Model{Rate: 1e9, Queue: 50 * time.Millisecond, Delay: 50 * time.Millisecond, Loss: 0.01}, usualCap},
	{"1g-100ms-0pct", "1 Gb/s, 100 ms, no loss, 50 ms queue",
		emulator.Model{Rate: 1e9, Queue: 50 * time.Millisecond, Delay: 50 * time.Millisecond}, usualCap},
	{"1g-500ms-10pct", "1 Gb/s, 500 ms, 10 % random loss, 50 ms queue",
		emulator.Model{Rate: 1e9, Queue: 50 * time.Millisecond, Delay: 250 * time.Millisecond, Loss: 0.10}, usualCap},
	{"burst", "1 Gb/s, 100 ms, 1 % lost in bursts of 10 to 50 packets, 50 ms queue",
		emulator.Model{Rate: 1e9, Queue: 50 * time.Millisecond, Delay: 50 * time.Millisecond, Loss: 0.01, BurstMin: 10, BurstMax: 50}, usualCap},
	{"jitter", "1 Gb/s, 100 ms, each packet up to 20 ms later by its own chance (reordering), 50 ms queue",
		emulator.Model{Rate: 1e9, Queue: 50 * time.Millisecond, Delay: 50 * time.Millisecond, Jitter: 20 * time.Millisecond, Reorder: 1}, usualCap},
	{"policer", "1 Gb/s, 100 ms, a token bucket of 200 Mb/s and 1.25 MB (50 ms)",
		emulator.Model{Rate: 1e9, Queue: 50 * time.Millisecond, Delay: 50 * time.Millisecond, Police: 200e6, Bucket: 1250000}, 2 * usualCap},
}

// CaseNamed is the case of this name.
func CaseNamed(name string) (Case, error) {
	for _, c := range Cases {
		if c.Name == name {
			return c, nil
		}
	}
	return Case{}, fmt.Errorf("there is no case %q", name)
}
