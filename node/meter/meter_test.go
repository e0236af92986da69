package meter

import (
	"runtime"
	"testing"
	"time"
)

func TestBusyLoopShows(t *testing.T) {
	t.Parallel()
	before := CPU()
	for n := 0; CPU()-before < 20*time.Millisecond; n++ {
		_ = n
	}
	if Memory() == 0 && runtime.GOOS == "linux" {
		t.Error("no resident memory")
	}
}

func TestShareIsOfAllCores(t *testing.T) {
	t.Parallel()
	all := time.Duration(runtime.NumCPU()) * 1e9 // a second of every core
	for _, c := range []struct {
		used, over time.Duration
		want       float64
	}{{all, time.Second, 1}, {all / 2, time.Second, .5}, {time.Hour, time.Second, 1}, {-1, time.Second, 0}, {1, 0, 0}} {
		if got := Share(c.used, c.over); got != c.want {
			t.Errorf("%s over %s: %f, want %f", c.used, c.over, got, c.want)
		}
	}
}

func TestMachineCountsAllButIdleAndWaiting(t *testing.T) {
	t.Parallel()
	busy, total, ok := parseStat([]byte("cpu  100 1 50 800 40 2 3 4 99 99\ncpu0 1 2 3\n"))
	if !ok || busy != 160 || total != 1000 {
		t.Errorf("%d of %d, %v", busy, total, ok)
	}
	for _, bad := range []string{"", "cpu", "cpu a b c d", "intr 1 2 3 4 5"} {
		if _, _, ok := parseStat([]byte(bad)); ok {
			t.Errorf("%q was read", bad)
		}
	}
}
