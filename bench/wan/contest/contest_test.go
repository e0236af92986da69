//go:build linux

package contest

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/bench/fileset"
	"github.com/godwit/godwit/bench/result"
	"github.com/godwit/godwit/bench/wan/emulator"
)

func TestPlanTakesTurns(t *testing.T) {
	t.Parallel()
	jobs, err := plan(peers(Programs{}), Choice{})
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	lastRun := 0
	for _, j := range jobs {
		count[j.kase.Name+" "+j.set+" "+j.peer.name]++
		if j.run < lastRun {
			t.Fatal("a second run comes before the first runs of others")
		}
		lastRun = j.run
	}
	for cell, want := range map[string]int{
		"1g-100ms-1pct big godwit": 3, "1g-100ms-1pct small rsync-bbr": 3, "1g-100ms-1pct tiny godwit": 3,
		"1g-500ms-10pct big uftp": 1, "1g-500ms-10pct big godwit": 3, "policer big godwit": 3,
		"1g-100ms-1pct big godwit-pull": 3, "1g-100ms-1pct tiny rsync-bbr": 0, "1g-100ms-1pct small tcp-bbr": 0, "policer big rsync-bbr": 0,
	} {
		if count[cell] != want {
			t.Errorf("%s: %d runs, not %d", cell, count[cell], want)
		}
	}
}

func TestUsualPlanFitsIntoAnHour(t *testing.T) {
	t.Parallel()
	jobs, err := plan(peers(Programs{}), Choice{})
	if err != nil {
		t.Fatal(err)
	}
	// At worst: every peer that loss stops runs into its cap, the others take as
	// long as the limit lets them and a half more.
	var all time.Duration
	for _, j := range jobs {
		slow := j.kase.Model.Loss > 0 && (strings.Contains(j.peer.name, "cubic") || slices.Contains([]string{"udt", "quic-go", "uftp"}, j.peer.name))
		if slow || (!strings.HasPrefix(j.peer.name, Godwit) && j.kase.Name == "1g-500ms-10pct") {
			all += j.kase.Cap
			continue
		}
		all += time.Duration(8.6e9/j.kase.Model.Limit()*1.5*float64(time.Second)) + 3*time.Second
	}
	if all > time.Hour {
		t.Errorf("%d runs may take %v", len(jobs), all)
	}
}

func TestChoiceOfNobodyIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []Choice{{Cases: []string{"moon"}}, {Sets: []string{"huge"}}, {Peers: []string{"pigeon"}}} {
		if _, err := plan(peers(Programs{}), c); err == nil {
			t.Errorf("accepted: %+v", c)
		}
	}
	jobs, err := plan(peers(Programs{}), Choice{Cases: []string{"burst"}, Sets: []string{"small"}, Peers: []string{"udt"}, Runs: 2})
	if err != nil || len(jobs) != 2 {
		t.Errorf("%d jobs, %v", len(jobs), err)
	}
}

func TestAPullIsMeasuredWhereItsDataCome(t *testing.T) {
	t.Parallel()
	there, back := emulator.Flow{Sent: 100, SentBytes: 6400, Delivered: 100}, emulator.Flow{Sent: 1000, SentBytes: 1064000, Delivered: 1000, QueueDrops: 7}
	set, err := fileset.Named("big")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range peers(Programs{}) {
		tr := &trial{set: set, peer: p, kase: Cases[0]}
		var r result.Run
		tr.record(&r, emulator.Stats{AB: there, BA: back}, nil, nil, nil, true, new(bytes.Buffer))
		if got := r.QueueDrops == 7; got != (p.name == GodwitPull) {
			t.Errorf("%s: %d drops of the queue", p.name, r.QueueDrops)
		}
	}
}

func TestSecondHalfIsTheShareThatCrossedThen(t *testing.T) {
	t.Parallel()
	// Nothing for 4 s, 10 units a second for 6.
	c := curve{{0, 0}, {4, 0}, {10, 60}}
	if got := c.secondHalf(10) * 60; math.Abs(got-10) > 1e-9 {
		t.Errorf("%v a second, not 10", got)
	}
	if got := (curve{}).secondHalf(10); got != 0 {
		t.Errorf("nothing measured: %v", got)
	}
}

func TestWasteIsWhatArrivedInVain(t *testing.T) {
	t.Parallel()
	// 1,000 packets of 1,000 bytes and 50 of headers; 100 lost by the path.
	f := emulator.Flow{Sent: 1000, SentBytes: 1050000, Lost: 100, Delivered: 900}
	p := peer{overhead: 50}
	for _, row := range []struct {
		name   string
		needed int64
		said   outcome
		want   float64
	}{
		{"only what was lost was repeated", 900000, outcome{}, 0},
		{"a ninth arrived twice", 800000, outcome{}, 0.125},
		{"the program's own count is better", 900000, outcome{sent: 1100000}, 0.1},
	} {
		if got := waste(p, f, row.said, row.needed, false); math.Abs(got-row.want) > 1e-9 {
			t.Errorf("%s: %v, not %v", row.name, got, row.want)
		}
	}
}

func TestTablesNameWhatWasNotDone(t *testing.T) {
	t.Parallel()
	runs := []result.Run{
		{Case: "1g-100ms-1pct", Set: "big", Peer: "rsync-cubic", Seconds: 30, Bytes: 6e6, Failure: "not done after 30s"},
		{Case: "1g-100ms-1pct", Set: "big", Peer: Godwit, Seconds: 10, Bytes: 1 << 30, Files: 1, Complete: true, Limit: 971.52},
	}
	Order(runs)
	text := Tables(runs)
	if !strings.Contains(text, "not done after 30s") || strings.Index(text, "**godwit**") > strings.Index(text, "rsync-cubic") {
		t.Error(text)
	}
}
