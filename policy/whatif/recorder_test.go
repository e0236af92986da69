package whatif_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/policy/whatif"
)

func running(id string, sessions ...policy.Session) policy.Node {
	n := policy.Node{
		ID: id, State: policy.Running, Since: monday.Add(-time.Hour), ServicesHealthy: true, Sessions: sessions,
		Usage: policy.Usage{SendCapBps: 1e9, ReceiveCapBps: 1e9, CPU: 0.3},
	}
	for _, s := range sessions {
		n.Usage.SendBps += s.RateBps
	}
	return n
}

func session(id string, mbps int64, change ...func(*policy.Session)) policy.Session {
	s := policy.Session{ID: id, Direction: policy.Send, WantedBps: mbps * 1e6, RateBps: mbps * 1e6, Since: monday.Add(-time.Minute)}
	for _, c := range change {
		c(&s)
	}
	return s
}

func unsaid(s *policy.Session) { s.WantedBps = 0 }

func TestARecorderCountsSessionsByWhatTheyWantAndWhoCame(t *testing.T) {
	t.Parallel()
	var r whatif.Recorder
	first := policy.Snapshot{Nodes: []policy.Node{running("n1", session("a", 100), session("b", 20, func(s *policy.Session) { s.Movable = true })), running("n2")}}
	got := r.Observe(first, monday)
	want := whatif.Sample{
		At: monday, SendCap: 1e6, ReceiveCap: 1e6, Instances: 2, Running: 2, Movable: 1, CPU: 250, // 0.3 of it for 120 Mb/s
		Load: []whatif.Class{{Rate: 31, Direction: policy.Send, Sessions: 1}, {Rate: 40, Direction: policy.Send, Sessions: 1}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	// a moved to n2, b has gone, c has come, one waits; n3 was launched.
	next := policy.Snapshot{
		Nodes:          []policy.Node{running("n1"), running("n2", session("a", 100), session("c", 100)), {ID: "n3", State: policy.Booting}},
		Queue:          []policy.Waiting{{WantedBps: 20e6, Direction: policy.Receive}},
		RecentLaunches: []time.Time{monday.Add(-time.Minute), monday.Add(time.Second)},
	}
	got = r.Observe(next, monday.Add(5*time.Second))
	load := []whatif.Class{{Rate: 31, Direction: policy.Receive, Waiting: 1}, {Rate: 40, Direction: policy.Send, Sessions: 2, Arrived: 1}}
	if diff := cmp.Diff(load, got.Load); diff != "" || got.Launches != 1 || got.Instances != 3 || got.Running != 2 {
		t.Errorf("%+v\n%s", got, diff)
	}
}

func TestASessionsWishIsInferredWhereItIsNotTold(t *testing.T) {
	t.Parallel()
	crowded := make([]policy.Session, 20)
	for i := range crowded {
		crowded[i] = session(fmt.Sprint("s", i), 50, unsaid)
	}
	for name, c := range map[string]struct {
		node policy.Node
		want whatif.Rate
	}{
		"a slow path":                 {running("n1", session("a", 50, unsaid)), 36},
		"held by its node":            {running("n1", crowded...), whatif.Unknown},
		"only come":                   {running("n1", session("a", 50, unsaid, func(s *policy.Session) { s.Since = monday.Add(-time.Second) })), whatif.Unknown},
		"beyond the fastest":          {running("n1", session("a", 200_000)), 80},
		"one that wants nothing much": {running("n1", session("a", 0, unsaid)), 0},
	} {
		var r whatif.Recorder
		got := r.Observe(policy.Snapshot{Nodes: []policy.Node{c.node}}, monday)
		if len(got.Load) != 1 || got.Load[0].Rate != c.want || got.Load[0].Sessions != len(c.node.Sessions) {
			t.Errorf("%s: %+v, want rate %d", name, got.Load, c.want)
		}
	}
}

func TestARateThatWandersIsOneSession(t *testing.T) {
	t.Parallel()
	var r whatif.Recorder
	for i, mbps := range []int64{50, 65, 40, 55, 0} {
		n := running("n1", session("a", mbps, unsaid))
		if i == 4 { // its node fills up: it is held, not changed
			n = running("n1", session("a", 50, unsaid), session("b", 950, unsaid))
			n.Usage.SendBps = 1e9
		}
		got := r.Observe(policy.Snapshot{Nodes: []policy.Node{n}}, monday.Add(time.Duration(i)*5*time.Second))
		at := slices.IndexFunc(got.Load, func(c whatif.Class) bool { return c.Rate == 36 })
		if at < 0 || got.Load[at].Sessions != 1 || got.Load[at].Arrived != 0 {
			t.Errorf("step %d, %d Mb/s: %+v", i, mbps, got.Load)
		}
	}
}

func TestSumsAreSplitAndTurnOver(t *testing.T) {
	t.Parallel()
	var r whatif.Recorder
	n := running("n1")
	n.Load = policy.Load{Sessions: 40, SendBps: 1500e6, ReceiveBps: 500e6, Pinned: 30}
	came, sessions := 0, 0
	for i := range 121 { // ten minutes
		got := r.Observe(policy.Snapshot{Nodes: []policy.Node{n}}, monday.Add(time.Duration(i)*5*time.Second))
		sessions = 0
		for _, c := range got.Load {
			if c.Rate != 36 {
				t.Fatalf("%+v", got.Load)
			}
			sessions += c.Sessions
			came += c.Arrived
		}
		if got.Movable != 10 {
			t.Fatalf("%d movable", got.Movable)
		}
	}
	if sessions != 40 || came < 78 || came > 80 {
		t.Errorf("%d sessions of 40; %d came in ten minutes, want 80 where each lasts five", sessions, came)
	}
}
