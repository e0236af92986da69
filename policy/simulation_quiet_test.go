package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/policy/sim"
)

// quiet is a world without faults, in which booting takes one to two minutes.
func quiet(shape sim.Shape, rate float64) sim.Config {
	p := policy.Default()
	p.MinAvailable = 1
	return sim.Config{
		Seed: 7, Policy: p, Step: 5 * time.Second, Shape: shape, NodeMbps: 1000, Rate: rate, Movable: 0.5, Known: 0.5,
		LoadFor: 3 * time.Hour, Length: 5 * time.Hour, Faults: sim.Faults{BootMin: time.Minute, BootMax: 2 * time.Minute},
	}
}

func run(t *testing.T, c sim.Config) sim.Result {
	t.Helper()
	r := sim.Run(c)
	for _, v := range r.Violations {
		t.Errorf("%s: %s\n%s", v.Promise, v.Detail, strings.Join(r.Story[max(0, len(r.Story)-30):], "\n"))
	}
	t.Log(summary(r))
	return r
}

func TestOneGreedyClientNeverLaunches(t *testing.T) {
	t.Parallel()
	for _, minimum := range []int{1, 3} {
		c := quiet(sim.Greedy, 1)
		c.Policy.MinAvailable = minimum
		if r := run(t, c); r.Launches != minimum || r.Peak != minimum {
			t.Errorf("%d launches, %d nodes at the peak; the minimum is %d", r.Launches, r.Peak, minimum)
		}
	}
}

func TestOscillatingLoadSettles(t *testing.T) {
	t.Parallel()
	for _, rate := range []float64{0.4, 0.6, 0.8, 1, 1.6, 2.5} {
		if r := run(t, quiet(sim.Oscillation, rate)); r.Launches != r.Peak {
			t.Errorf("%g nodes: %d launches for a peak of %d: nodes came and went with the swing", rate, r.Launches, r.Peak)
		}
	}
}

func TestLoadIsServedAtItsLevelAndTheClusterGoesHome(t *testing.T) {
	t.Parallel()
	for _, shape := range []sim.Shape{sim.Steady, sim.Wave, sim.LongTail, sim.Growth, sim.Mixture} {
		t.Run(string(shape), func(t *testing.T) {
			t.Parallel()
			r := run(t, quiet(shape, 3))
			if r.Final != 1 {
				t.Errorf("%d nodes in the end, want the minimum of 1", r.Final)
			}
			// The first minutes, when the first node boots while clients wait, are in it.
			if share := r.Under / r.SessionSeconds; share > 0.03 {
				t.Errorf("%.2f %% of session time under the promised level", 100*share)
			}
		})
	}
}

func TestMaxHoldsUnderTwiceTheLoad(t *testing.T) {
	t.Parallel()
	c := quiet(sim.Wave, 6)
	c.Policy.MaxNodes = 3
	if r := run(t, c); r.Peak != 3 {
		t.Errorf("peak %d, want all of max 3 and no more", r.Peak)
	}
}
