package policy

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func poolOf(t *testing.T, p Plan, id string) Assignment {
	t.Helper()
	i := slices.IndexFunc(p.Pools, func(a Assignment) bool { return a.NodeID == id })
	if i < 0 {
		t.Fatalf("%s is in no pool: %+v", id, p.Pools)
	}
	return p.Pools[i]
}

func TestPoolsHaveHysteresis(t *testing.T) {
	t.Parallel()
	last := Assignment{}
	for _, step := range []struct {
		sessions int
		want     Pool
	}{{0, Idle}, {3, Low}, {7, Low}, {8, High}, {6, High}, {5, Low}, {7, Low}, {9, High}, {0, Idle}} {
		s := newScene(node("n1", sending(step.sessions, 100), func(n *Node) { n.Last = last }))
		was := last.Pool
		last = poolOf(t, Decide(s.Snapshot, s.p, noon), "n1")
		if last.Pool != step.want {
			t.Fatalf("%d sessions after %s: %s, want %s", step.sessions, was, last.Pool, step.want)
		}
		if moved := last.Was != ""; moved != (was != step.want && was != "") {
			t.Errorf("%s after %s says it was %q", last.Pool, was, last.Was)
		}
	}
}

func TestUtilizationNamesTheSignalThatDecided(t *testing.T) {
	t.Parallel()
	for name, c := range map[SignalName]struct {
		change func(*Node)
		want   float64
	}{
		SendSignal:    {sending(6, 100), 0.6},
		ReceiveSignal: {func(n *Node) { sending(6, 100)(n); turn(n, Receive) }, 0.6},
		CPUSignal:     {func(n *Node) { n.Usage.CPU = 0.7 }, 0.7},
		BufferSignal:  {func(n *Node) { n.Usage.Buffer = 0.9 }, 0.9},
		SessionsSignal: {func(n *Node) {
			sending(100, 0.1)(n)
			n.Usage.SendBps = 0
		}, 0.5},
	} {
		s := newScene(node("n1", c.change))
		if a := poolOf(t, Decide(s.Snapshot, s.p, noon), "n1"); a.Signal != name || a.Utilization != c.want {
			t.Errorf("got %s %.2f, want %s %.2f", a.Signal, a.Utilization, name, c.want)
		}
	}
}

func turn(n *Node, d Direction) {
	for i := range n.Sessions {
		n.Sessions[i].Direction = d
	}
	n.Usage.ReceiveBps, n.Usage.SendBps = n.Usage.SendBps, n.Usage.ReceiveBps
}

func TestDisabledSignalsDoNotDecide(t *testing.T) {
	t.Parallel()
	s := newScene(node("n1", sending(1, 50), func(n *Node) { n.Usage.CPU = 1 }))
	s.p.Signals.CPU.Enabled = false
	if a := poolOf(t, Decide(s.Snapshot, s.p, noon), "n1"); a.Pool != Low || a.Signal != SendSignal {
		t.Errorf("got %+v", a)
	}
}

func TestACapOfThePolicyReplacesTheNodesOwn(t *testing.T) {
	t.Parallel()
	s := newScene(node("n1", sending(4, 100)))
	s.p.Signals.Send.Cap = 500
	if a := poolOf(t, Decide(s.Snapshot, s.p, noon), "n1"); a.Utilization != 0.8 || a.Pool != High {
		t.Errorf("got %+v, want 400 of 500 Mb/s", a)
	}
}

func TestCPUOfAGreedyClientIsNoReasonToLaunch(t *testing.T) {
	t.Parallel()
	s := newScene(node("n1", sending(1, 950), func(n *Node) { n.Usage.CPU = 0.97 }), node("n2"))
	plan := Decide(s.Snapshot, s.p, noon)
	if a := poolOf(t, plan, "n1"); a.Pool != Low || plan.Launches() != 0 {
		t.Errorf("got %+v: %s", a, plan.Explain())
	}
}

func TestBriefCPUPeaksAreSmoothed(t *testing.T) {
	t.Parallel()
	calm := Assignment{Pool: Low, Since: noon.Add(-time.Hour), At: noon.Add(-5 * time.Second), CPU: 0.2}
	s := newScene(node("n1", sending(1, 50), func(n *Node) { n.Usage.CPU, n.Last = 1, calm }))
	if a := poolOf(t, Decide(s.Snapshot, s.p, noon), "n1"); a.Pool != Low {
		t.Errorf("one report of a busy CPU closes the node: %+v", a)
	}
	for range 4 {
		s.Nodes[0].Last = poolOf(t, Decide(s.Snapshot, s.p, noon), "n1")
		s.Nodes[0].Last.At = noon.Add(-5 * time.Second)
	}
	if a := s.Nodes[0].Last; a.Pool != High {
		t.Errorf("a CPU that stays busy does not close the node: %+v", a)
	}
}

func TestSessionsOfUnknownWishCountWhatHoldsThem(t *testing.T) {
	t.Parallel()
	p := Default()
	usage := Usage{SendCapBps: 1e9, SendBps: 1e9}
	old := noon.Add(-time.Minute)
	load := func(u Usage, rates ...int64) Load {
		var sessions []Session
		for i, r := range rates {
			sessions = append(sessions, Session{ID: fmt.Sprint(i), Direction: Send, RateBps: r, Since: old})
		}
		return Summarize(sessions, u, p, noon)
	}
	free := usage
	free.SendBps = 30e6
	if l := load(free, 20e6); l.SendBps != 25e6 || l.Held != 0 {
		t.Errorf("a slow client on a free node counts %+v, want a quarter more than it gets", l)
	}
	crowded := make([]int64, 20)
	for i := range crowded {
		crowded[i] = 50e6
	}
	if l := load(usage, crowded...); l.SendBps != 20*100e6 || l.Held != 20 {
		t.Errorf("20 sessions at 50 Mb/s on a full node count %+v, want the session rate each", l)
	}
	if l := load(usage, 900e6, 4e6); l.SendBps != 100e6+5e6 || l.Held != 0 {
		t.Errorf("a greedy and a slow client count %+v, want the session rate and little more than the slow one gets", l)
	}
}

func TestSumsDecideLikeSessions(t *testing.T) {
	t.Parallel()
	for _, sc := range scenes {
		s := sc.scene.Snapshot
		sums := s
		sums.Nodes = slices.Clone(s.Nodes)
		for i := range sums.Nodes {
			n := &sums.Nodes[i]
			n.Sum(sc.scene.p, noon)
		}
		if a, b := Decide(s, sc.scene.p, noon), Decide(sums, sc.scene.p, noon); a.Explain() != b.Explain() {
			t.Errorf("%s:\nsessions: %s\nsums:     %s", sc.name, a.Explain(), b.Explain())
		}
	}
}

func TestTimersSurviveARestart(t *testing.T) {
	t.Parallel()
	// The manager was away for five minutes and knows only what it stored.
	s := newScene(node("n1", silentFor(5*time.Minute)), node("n2", silentFor(5*time.Minute)))
	s.ListeningSince = noon.Add(-5 * time.Second)
	if plan := Decide(s.Snapshot, s.p, noon); len(plan.Actions) != 0 {
		t.Errorf("nodes are lost for a silence in which nobody listened: %s", plan.Explain())
	}
	s.ListeningSince = noon.Add(-31 * time.Second)
	if plan := Decide(s.Snapshot, s.p, noon); plan.Actions[0].Kind != ActionLost {
		t.Errorf("silence is not noticed after a restart: %s", plan.Explain())
	}
	drain := newScene(node("n1"), node("n2"), node("n3", drainingFor(DrainScaleIn, 10*time.Minute), sending(1, 10)))
	drain.Nodes[2].DrainDeadline = noon
	if plan := Decide(drain.Snapshot, drain.p, noon); len(plan.Actions) != 1 || plan.Actions[0].Reason.Code != CodeDrainDeadline {
		t.Errorf("a stored deadline is forgotten: %s", plan.Explain())
	}
}

func TestScaleInNeedsDemandWithoutGaps(t *testing.T) {
	t.Parallel()
	s := newScene(node("n1"), node("n2"), node("n3")).seen(time.Hour, Sample{})
	if plan := Decide(s.Snapshot, s.p, noon); len(plan.Actions) != 1 || plan.Actions[0].Kind != ActionDrain {
		t.Fatalf("got %s", plan.Explain())
	}
	s.History = slices.DeleteFunc(s.History, func(h Sample) bool {
		return h.At.After(noon.Add(-5*time.Minute)) && h.At.Before(noon.Add(-3*time.Minute))
	})
	if plan := Decide(s.Snapshot, s.p, noon); len(plan.Actions) != 0 {
		t.Errorf("drained though nobody knows the demand of two minutes: %s", plan.Explain())
	}
}

func TestAnOperatorsSizeNeverBreaksTheFloors(t *testing.T) {
	t.Parallel()
	s := newScene(node("n1", sending(2, 50)), node("n2"), node("n3"), node("n4"))
	s.p.MinAvailable, s.p.MinIdle = 1, 2
	s.Override = &Override{Nodes: 0}
	drained := map[string]bool{}
	for range 6 {
		for _, a := range Decide(s.Snapshot, s.p, noon).Actions {
			if a.Kind != ActionDrain {
				continue
			}
			drained[a.NodeID] = true
			s.Nodes = slices.DeleteFunc(s.Nodes, func(n Node) bool { return n.ID == a.NodeID })
		}
	}
	// n1's clients would wake one of the two idle nodes that are to stay idle.
	if len(s.Nodes) != 3 || drained["n1"] {
		t.Errorf("drained %v", drained)
	}
}

func TestAPauseWithholdsDrainsAndDoesNotRememberThem(t *testing.T) {
	t.Parallel()
	s := newScene(node("n1"), node("n2"), node("n3")).seen(time.Hour, Sample{})
	if plan := Decide(s.Snapshot, s.p, noon); plan.Sample.Drained != 1 {
		t.Fatalf("%d drained: %s", plan.Sample.Drained, plan.Explain())
	}
	s.Paused = true
	if plan := Decide(s.Snapshot, s.p, noon); len(plan.Actions) != 0 || len(plan.Withheld) != 1 || plan.Sample.Drained != 0 {
		t.Errorf("%+v, %d drained", plan.Actions, plan.Sample.Drained)
	}
}

func TestHeadroomAloneLaunchesNothingAfterADrain(t *testing.T) {
	t.Parallel()
	s := newScene(node("n1", sending(7, 100)))
	s.p.MinAvailable = 1
	s.seen(time.Hour, Sample{Send: 0.3, Sessions: 0.02})
	if plan := Decide(s.Snapshot, s.p, noon); plan.Launches() != 1 {
		t.Fatalf("demand of 0.7 has no headroom on one node: %s", plan.Explain())
	}
	s.History[len(s.History)-20].Drained = 1
	if plan := Decide(s.Snapshot, s.p, noon); plan.Launches() != 0 {
		t.Errorf("a node goes and comes within minutes: %s", plan.Explain())
	}
	s.Nodes[0] = node("n1", sending(9, 100))
	if plan := Decide(s.Snapshot, s.p, noon); plan.Launches() == 0 {
		t.Errorf("real need waits for the calm after a drain: %s", plan.Explain())
	}
}

func TestClientsStillOnTheirWayHoldADrainingNode(t *testing.T) {
	t.Parallel()
	n := node("n3", drainingFor(DrainScaleIn, 10*time.Second), func(n *Node) { n.Expected = 1 })
	s := newScene(node("n1"), node("n2"), n)
	if plan := Decide(s.Snapshot, s.p, noon); len(plan.Actions) != 0 {
		t.Errorf("got %s", plan.Explain())
	}
	// The report that would show the client was lost: patience alone is no proof.
	s.Nodes[2].Since = noon.Add(-40 * time.Second)
	s.Nodes[2].ReportedAt = noon.Add(-25 * time.Second)
	if plan := Decide(s.Snapshot, s.p, noon); len(plan.Actions) != 0 {
		t.Errorf("ended on a report older than the client's patience: %s", plan.Explain())
	}
	s.Nodes[2].ReportedAt = noon.Add(-time.Second)
	if plan := Decide(s.Snapshot, s.p, noon); len(plan.Actions) != 1 || plan.Actions[0].Reason.Code != CodeDrained {
		t.Errorf("a client that never came holds the node: %s", plan.Explain())
	}
}

func TestSameNoOpsShareAKey(t *testing.T) {
	t.Parallel()
	a := newScene(node("n1", sending(1, 50)), node("n2")).seen(time.Hour, Sample{Send: 0.1})
	b := newScene(node("n1", sending(2, 40)), node("n2")).seen(time.Hour, Sample{Send: 0.1})
	pa, pb := Decide(a.Snapshot, a.p, noon), Decide(b.Snapshot, b.p, noon)
	if !pa.Quiet() || pa.Key() != pb.Key() || pa.Key() == "" {
		t.Errorf("%v %q, %q", pa.Quiet(), pa.Key(), pb.Key())
	}
	c := newScene(node("n1"))
	if pc := Decide(c.Snapshot, c.p, noon); pc.Quiet() || pc.Key() == pa.Key() {
		t.Errorf("a launch is taken for a no-op: %q", pc.Key())
	}
}

// BenchmarkMoves10000Nodes: a tenth of the fleet serves too much.
func BenchmarkMoves10000Nodes(b *testing.B) {
	s := newScene()
	s.p.MaxNodes = 20000
	for i := range 10000 {
		n := node(fmt.Sprintf("n%05d", (i*7919)%10000), sending(3, 80), movable)
		if i%10 == 0 {
			n = node(n.ID, sending(16, 62), movable)
		}
		n.Sum(s.p, noon)
		s.Nodes = append(s.Nodes, n)
	}
	b.ReportAllocs()
	moved := 0
	for b.Loop() {
		moved = 0
		for _, a := range Decide(s.Snapshot, s.p, noon).Actions {
			moved += len(a.Sessions)
		}
	}
	b.ReportMetric(float64(moved), "moved")
	if moved != movesAtOnce {
		b.Fatalf("%d sessions moved, want as many as one plan moves", moved)
	}
}

// BenchmarkDecide10000Nodes: nodes report sums, as they do in a fleet that large.
// One plan changes nothing, the other drains a quarter of the fleet.
func BenchmarkDecide10000Nodes(b *testing.B) {
	s := newScene()
	s.p.MaxNodes = 20000
	for i := range 10000 {
		n := node(fmt.Sprintf("n%05d", (i*7919)%10000), sending(i%10, 80))
		n.Sum(s.p, noon)
		s.Nodes = append(s.Nodes, n)
	}
	for _, c := range []struct {
		name   string
		past   float64
		change func(*scene)
	}{
		{"quiet", 8200, func(*scene) {}},
		{"shrinking", 4500, func(*scene) {}},
		{"growing", 4500, func(s *scene) { s.p.MinAvailable = 12000; s.p.LaunchLimit.Count = 5000 }},
		{"starting", 4500, func(s *scene) {
			s.CanStop, s.p.WarmNodes, s.p.MinAvailable = true, 2000, 9000
			s.Nodes = slices.Clone(s.Nodes)
			for i := range s.Nodes[:2000] {
				s.Nodes[i] = stopped(s.Nodes[i].ID, time.Hour)
			}
		}},
	} {
		name := c.name
		b.Run(name, func(b *testing.B) {
			s := &scene{Snapshot: s.Snapshot, p: s.p}
			c.change(s)
			s.seen(time.Hour, Sample{Send: c.past, Sessions: c.past})
			b.ReportAllocs()
			var plan Plan
			for b.Loop() {
				plan = Decide(s.Snapshot, s.p, noon)
			}
			b.ReportMetric(float64(len(plan.Actions)), "actions")
			if quiet := len(plan.Actions) == 0; quiet != (name == "quiet") {
				b.Fatal(plan.Explain())
			}
		})
	}
}
