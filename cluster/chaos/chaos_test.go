package chaos

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

var (
	simSeeds = flag.Int("sim.seeds", 6, "how many histories to play with each cloud")
	simFirst = flag.Uint64("sim.first", 1, "the first of them")
	simSeed  = flag.Uint64("sim.seed", 0, "the one history to play again; its story is printed")
)

func TestMain(m *testing.M) {
	// The default chain of the AWS SDK finds these, and nothing of the machine's.
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIASIM", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "", "AWS_CA_BUNDLE": "", "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_ENDPOINT_URL": "",
	} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

func TestAWS(t *testing.T) { suite(t, newEC2) }

func TestGCP(t *testing.T) { suite(t, newGCE) }

func TestAzure(t *testing.T) { suite(t, newAzure) }

// suite plays the histories with one cloud. A failing one prints its story's end
// and the command that plays it again.
func suite(t *testing.T, open func(seed uint64) cloud) {
	t.Helper()
	t.Parallel()
	if *simSeed != 0 {
		synctest.Test(t, func(t *testing.T) {
			h := play(*simSeed, open(*simSeed))
			t.Log("\n" + strings.Join(h.lines, "\n"))
			for _, fault := range h.faults {
				t.Error(fault)
			}
		})
		return
	}
	var mutex sync.Mutex
	met := map[string]int{}
	t.Cleanup(func() {
		t.Logf("%v", met)
		for _, what := range []string{
			"crash", "deposed", "fenced", "lost request", "lost answer", "slow call", "capacity", "quota", "throttled", "zone out", "answers lost",
			"machine died", "never joins", "silent", "spot taken back", "condition quota_reached", "condition provider_failing",
		} {
			// A simulation in which nothing goes wrong proves nothing.
			if *simSeeds >= 50 && met[what] == 0 {
				t.Errorf("%q never happened in %d histories", what, *simSeeds)
			}
		}
	})
	for n := range *simSeeds {
		seed := *simFirst + uint64(n) //nolint:gosec // not negative
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			var h *history
			synctest.Test(t, func(*testing.T) { h = play(seed, open(seed)) })
			mutex.Lock()
			defer mutex.Unlock()
			for what, n := range h.met {
				if strings.HasPrefix(what, "longest") {
					met[what] = max(met[what], n)
				} else {
					met[what] += n
				}
			}
			if len(h.faults) > 0 {
				name, _, _ := strings.Cut(t.Name(), "/")
				t.Errorf("%s\n…\n%s\nreplay: go test ./cluster/chaos -run '^%s$' -v -count=5 -sim.seed=%d",
					h.faults[0], strings.Join(h.lines[max(0, len(h.lines)-80):], "\n"), name, seed)
			}
		})
	}
}

func asJSON(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return raw
}
