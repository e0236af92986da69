package cluster_test

import (
	"flag"
	"fmt"
	"strings"
	"sync"
	"testing"
)

var (
	simSeeds = flag.Int("sim.seeds", 50, "how many simulated histories to run")
	simSeed  = flag.Uint64("sim.seed", 0, "the one history to replay; its story is printed")
)

// TestSimulation runs whole histories of the reconciler on virtual time against
// a hostile cloud, a store that goes away, nodes that die, managers that die
// between any two effects and managers that do not know that they were
// replaced. check_test.go says what must hold.
func TestSimulation(t *testing.T) {
	t.Parallel()
	if *simSeed != 0 {
		w := play(*simSeed)
		t.Log(w.story())
		for _, fault := range w.faults {
			t.Error(fault)
		}
		return
	}
	var mutex sync.Mutex
	met := map[string]int{}
	t.Cleanup(func() {
		if *simSeeds >= 50 && !t.Failed() {
			meetsWhatItClaims(t, met)
		}
	})
	for seed := uint64(1); seed <= uint64(max(*simSeeds, 1)); seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := play(seed)
			mutex.Lock()
			for what, n := range w.met {
				if strings.HasPrefix(what, "longest") {
					met[what] = max(met[what], n)
				} else {
					met[what] += n
				}
			}
			mutex.Unlock()
			if len(w.faults) > 0 {
				t.Errorf("%s\n…\n%s\nreplay: go test ./cluster -run 'TestSimulation$' -v -sim.seed=%d",
					w.faults[0], w.ending(60), seed)
			}
		})
	}
}

// TestSimulationIsDeterministic: a story can be replayed from its seed.
func TestSimulationIsDeterministic(t *testing.T) {
	t.Parallel()
	if one, two := play(7).story(), play(7).story(); one != two {
		t.Error("the same seed told two stories")
	}
}

// meetsWhatItClaims: the faults did happen and the checks had something to
// check; a simulation in which nothing goes wrong proves nothing.
func meetsWhatItClaims(t *testing.T, met map[string]int) {
	t.Helper()
	t.Logf("%v", met)
	for _, what := range []string{
		"crash", "deposed", "store away", "lost answer", "capacity", "quota", "throttled", "instance died", "instance taken back", "notice of reclaimed", "notice of impaired",
		"never joins", "silent", "drain command lost", "launch repeated", "stopped", "started", "start refused", "does not come back",
		"zone outage", "every call throttled", "reports late", "clock_wrong", "minimum_unreachable", "warm_pool_failing", "load stored", "list failed", "launched", "drained", "undrained", "terminated",
		"spot", "session moved", "asked to move", "moved by request", "session done", "orphan", "replayed decision", "order", "pause", "told what was passed over", "rollout", "rollout done", "rollout rolled_back", "rollout superseded",
	} {
		if met[what] == 0 {
			t.Errorf("%q never happened in %d histories: %v", what, *simSeeds, met)
		}
	}
}
