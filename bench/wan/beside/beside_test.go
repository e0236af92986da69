//go:build linux

package beside

import (
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/bench/result"
	"github.com/godwit/godwit/bench/wan/emulator"
)

// played is a run of low-first in which Godwit sends at a share of the link that is
// halved each 100 ms after cubic came, and cubic takes the rest.
func played() track {
	const came = first
	var t track
	var godwit, cubic float64
	for at := time.Duration(0); at < came+6*time.Second; at += grain {
		share := 1.0
		if at > came {
			share = math.Pow(.5, math.Floor(float64(at-came)/float64(100*time.Millisecond)))
		}
		step := linkRate / 8 * grain.Seconds()
		godwit += share * step
		cubic += (1 - share) * step
		if at > came {
			cubic += 9000 // its first packets, within the first 100 ms
		}
		each := func(v float64) emulator.Share { return emulator.Share{Sent: uint64(v), Crossed: uint64(v)} }
		t = append(t, sample{at, each(godwit), each(cubic)})
	}
	return t
}

func lowFirst(t *testing.T) scene {
	t.Helper()
	s, ok := sceneNamed("low-first")
	if !ok {
		t.Fatal("there is no such scene")
	}
	return s
}

func TestScenesThatThereAreNotAreRefused(t *testing.T) {
	t.Parallel()
	b := Bench{Only: []string{"low-first", "low-last"}}
	if rows, err := b.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "low-last") {
		t.Errorf("%v, %v", rows, err)
	}
}

func TestYieldingIsJudgedByWhatIsSent(t *testing.T) {
	t.Parallel()
	r, err := lowFirst(t).judge(played())
	if err != nil {
		t.Fatal(err)
	}
	// Shares of 1, 1/2, 1/4, 1/8 for 100 ms each: the last 100 ms over a quarter begin
	// within 150 ms.
	if r.Yielded < 4 || r.Yielded > 6 {
		t.Errorf("yields after %.0f round trips, want about 5", r.Yielded)
	}
	if e := r.Early[0]; math.Abs(e-.6) > .05 || r.Early[3] > .01 {
		t.Errorf("sends %v of the link", r.Early)
	}
	if r.Seconds[1] < .99 {
		t.Errorf("cubic gets %v", r.Seconds)
	}
}

func TestWhoDoesNotComeIsSaid(t *testing.T) {
	t.Parallel()
	all := played()
	for i := range all {
		all[i].cubic = emulator.Share{}
	}
	if _, err := lowFirst(t).judge(all); err == nil || !strings.Contains(err.Error(), "cubic sent nothing") {
		t.Errorf("%v", err)
	}
}

func TestAScenePlayedAgainReplacesItsRow(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "beside.json")
	old := []Row{{Scene: "cubic-alone", Runs: 1, Early: []float64{0}, Seconds: []float64{.7}}, {Scene: "low-first", Runs: 1, Yielded: 50}}
	if err := result.Write(path, old); err != nil {
		t.Fatal(err)
	}
	rows, err := Merge(path, []Row{{Scene: "fair-later", Runs: 3}, {Scene: "low-first", Runs: 3, Yielded: 6}})
	if err != nil || len(rows) != 3 || rows[0].Scene != "cubic-alone" || rows[1].Yielded != 6 || rows[2].Scene != "fair-later" {
		t.Fatalf("%v, %v", rows, err)
	}
	text := Table(rows)
	if !strings.Contains(text, "6 RTT") || strings.Contains(text, "50 RTT") || !strings.Contains(text, "cubic alone |") {
		t.Errorf("%s", text)
	}
	if rows, err := Merge(filepath.Join(t.TempDir(), "none"), old); err != nil || len(rows) != 2 {
		t.Errorf("without a file: %v, %v", rows, err)
	}
}
