package policy_test

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/godwit/godwit/policy/sim"
)

var (
	simSeeds = flag.Int("sim.seeds", defaultSeeds, "how many simulated histories to run")
	simSeed  = flag.Uint64("sim.seed", 0, "the one history to replay; its story is printed")
)

// TestSimulation runs seeded histories of a cluster: load of every shape, slow
// and failing boots, dying, silent and sick nodes, times without capacity, and
// a manager that goes away and comes back. Those that once broke a promise run
// whatever their number.
func TestSimulation(t *testing.T) {
	t.Parallel()
	if *simSeed != 0 {
		c := sim.Random(*simSeed)
		c.ReplayAll = true
		r := sim.Run(c)
		t.Logf("%s\n%s\n%s", c, strings.Join(r.Story, "\n"), summary(r))
		for _, v := range r.Violations {
			t.Errorf("%s: %s", v.Promise, v.Detail)
		}
		return
	}
	seeds := []uint64{470, 595}
	for seed := uint64(1); seed <= uint64(*simSeeds); seed++ {
		if !slices.Contains(seeds, seed) {
			seeds = append(seeds, seed)
		}
	}
	var mu sync.Mutex
	var total sim.Result
	t.Cleanup(func() { t.Logf("%d seeds: %s", len(seeds), summary(total)) })
	for _, seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			c := sim.Random(seed)
			c.ReplayAll = *simSeeds > defaultSeeds
			r := sim.Run(c)
			mu.Lock()
			total.Add(r)
			mu.Unlock()
			if len(r.Violations) == 0 {
				return
			}
			story := r.Story[max(0, len(r.Story)-40):]
			t.Errorf("%s\n%s\nreplay: go test ./policy -run 'TestSimulation$' -v -sim.seed=%d", c, strings.Join(story, "\n"), seed)
		})
	}
}

func summary(r sim.Result) string {
	return fmt.Sprintf("%d evaluations, %d launches, %d drains, %d undrains, %d starts, %d stops, %d sessions moved, %d rollouts done, %d rolled back, peak %d, final %d, %.1f node-hours, %.2f %% of session time under the level",
		r.Evaluations, r.Launches, r.Drains, r.Undrains, r.Starts, r.Stops, r.Moved, r.RolledOut, r.RolledBack, r.Peak, r.Final, r.NodeHours, 100*r.Under/max(r.SessionSeconds, 1))
}
