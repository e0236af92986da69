package share_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"
)

var (
	simSeeds = flag.Int("sim.seeds", 60, "how many simulated histories to run")
	simSeed  = flag.Uint64("sim.seed", 0, "the one history to replay; its story is printed")
)

// TestSimulation plays ten minutes of a cluster in which messages are lost and late, nodes are cut off, die, restart and
// come, and managers hang and are replaced. Nodes together never let through more than the capacity; and once all is
// quiet, everybody has what the division says.
func TestSimulation(t *testing.T) {
	t.Parallel()
	if *simSeed != 0 {
		w := newWorld(*simSeed)
		w.run()
		t.Log(strings.Join(w.story, "\n"))
		for _, f := range w.faults {
			t.Error(f)
		}
		return
	}
	for seed := uint64(1); seed <= uint64(*simSeeds); seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(seed)
			w.run()
			if len(w.faults) > 0 {
				t.Errorf("%s\n…\n%s\nreplay: go test ./fleet/share -run 'TestSimulation$' -v -sim.seed=%d",
					strings.Join(w.faults, "\n"), strings.Join(w.story[max(0, len(w.story)-40):], "\n"), seed)
			}
		})
	}
}
