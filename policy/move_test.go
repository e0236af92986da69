package policy

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// drawCrowd draws healthy running nodes, some of which serve too much.
func drawCrowd(t *rapid.T) (Snapshot, Policy) {
	p := Default()
	p.MinIdle = rapid.IntRange(0, 2).Draw(t, "min_idle")
	p.MinAvailable = rapid.IntRange(0, 3).Draw(t, "min_available")
	p.MaxNodes = 30
	s := Snapshot{ListeningSince: noon.Add(-time.Hour)}
	for i := range rapid.IntRange(2, 9).Draw(t, "nodes") {
		n := node(fmt.Sprintf("n%02d", i), asked(0, time.Hour))
		for k := range rapid.SampledFrom([]int{0, 0, 2, 6, 9, 16, 30}).Draw(t, "sessions") {
			x := Session{
				ID: fmt.Sprintf("%s-%02d", n.ID, k), Direction: rapid.SampledFrom([]Direction{Send, Send, Receive, Both}).Draw(t, "direction"),
				Since: ago(t, 2*time.Minute, "session since"), Movable: rapid.IntRange(0, 3).Draw(t, "movable") > 0,
				WantedBps: rapid.SampledFrom([]int64{0, 20e6, 50e6, 100e6, 900e6}).Draw(t, "wanted"),
			}
			x.RateBps = rapid.Int64Range(5e6, 1e8).Draw(t, "rate")
			n.Sessions = append(n.Sessions, x)
			if x.Direction != Receive {
				n.Usage.SendBps = min(n.Usage.SendBps+x.RateBps, 1e9)
			}
			if x.Direction != Send {
				n.Usage.ReceiveBps = min(n.Usage.ReceiveBps+x.RateBps, 1e9)
			}
		}
		if rapid.IntRange(0, 5).Draw(t, "asked lately") == 0 {
			asked(2, time.Duration(rapid.IntRange(0, 40).Draw(t, "asked ago"))*time.Second)(&n)
		}
		if rapid.Bool().Draw(t, "was high") {
			n.Last.Pool = High
		}
		s.Nodes = append(s.Nodes, n)
	}
	if rapid.Bool().Draw(t, "known") {
		past := rapid.Float64Range(0, 3).Draw(t, "past demand")
		for at := noon.Add(-15 * time.Minute); at.Before(noon); at = at.Add(10 * time.Second) {
			s.History = Remember(s.History, Sample{At: at, Send: past}, p)
		}
	}
	return s, p
}

func TestMovesAreOfSessionsThatCanAndHaveStayed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, p := drawCrowd(t)
		plan := Decide(s, p, noon)
		for _, a := range plan.Actions {
			if a.Kind != ActionMove {
				continue
			}
			n := s.Nodes[slices.IndexFunc(s.Nodes, func(n Node) bool { return n.ID == a.NodeID })]
			if noon.Sub(n.Last.MovedAt) < p.reportTimeout() {
				t.Fatalf("%s is asked again %s after %s", n.ID, noon.Sub(n.Last.MovedAt), a.Reason.Text)
			}
			seen := map[string]bool{}
			for _, id := range a.Sessions {
				i := slices.IndexFunc(n.Sessions, func(x Session) bool { return x.ID == id })
				if i < 0 || seen[id] || !n.Sessions[i].Movable || noon.Sub(n.Sessions[i].Since) < max(p.reportTimeout(), time.Minute) {
					t.Fatalf("%s of %s must not be asked: %+v", id, n.ID, n.Sessions)
				}
				seen[id] = true
			}
			if got := poolIn(plan, n.ID); got.MovedAt != noon || got.Moved != len(a.Sessions) {
				t.Fatalf("the move is not remembered: %+v", got)
			}
		}
	})
}

// TestWhoCameIsLeftAloneForAMinute: the only other node has room again, and is
// where they came from.
func TestWhoCameIsLeftAloneForAMinute(t *testing.T) {
	t.Parallel()
	for _, sums := range []bool{false, true} {
		s := newScene(node("n1", sending(12, 83), movable, wants(100)), node("n2", sending(2, 50)))
		came := noon.Add(-15 * time.Second)
		for i := range s.Nodes[0].Sessions {
			s.Nodes[0].Sessions[i].Since = came
		}
		for _, stay := range []time.Duration{40 * time.Second, minStay - time.Nanosecond, minStay} {
			now := came.Add(stay)
			at := s.Snapshot
			at.Nodes = slices.Clone(s.Nodes)
			for i := range at.Nodes {
				at.Nodes[i].ReportedAt = now
				if sums {
					at.Nodes[i].Sum(s.p, now)
				}
			}
			plan := Decide(at, s.p, now)
			moves := slices.ContainsFunc(plan.Actions, func(a Action) bool { return a.Kind == ActionMove })
			if want := stay >= minStay; moves != want {
				t.Errorf("after %v on n1 (sums: %t): asked to move: %t, want %t: %s", stay, sums, moves, want, plan.Explain())
			}
		}
	}
}

func poolIn(p Plan, id string) Assignment {
	return p.Pools[slices.IndexFunc(p.Pools, func(a Assignment) bool { return a.NodeID == id })]
}

// TestMoversFindRoom places everyone who is asked as the manager will, after the
// plan's own drains: no node becomes high, and each crowded node gains.
func TestMoversFindRoom(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, p := drawCrowd(t)
		plan := Decide(s, p, noon)
		before := map[string]Assignment{}
		for _, a := range plan.Pools {
			before[a.NodeID] = a
		}
		moves := 0
		after := s
		after.Nodes = slices.Clone(s.Nodes)
		for i := range after.Nodes {
			after.Nodes[i].Last = before[after.Nodes[i].ID]
		}
		for _, a := range plan.Actions {
			if a.Kind == ActionDrain {
				n := slices.IndexFunc(after.Nodes, func(n Node) bool { return n.ID == a.NodeID })
				after.Nodes[n].State = Draining
			}
			if a.Kind == ActionMove {
				moves += len(a.Sessions)
				if a.Reason.Values["after"] > a.Reason.Values["before"]-moveGain+1e-6 {
					t.Fatalf("little gain: %s", a.Reason.Text)
				}
			}
		}
		for _, a := range plan.Actions {
			if a.Kind != ActionMove {
				continue
			}
			for range a.Sessions {
				ranked := Rank(after, p, noon)
				ranked = slices.DeleteFunc(ranked, func(r Placement) bool { return r.NodeID == a.NodeID })
				if len(ranked) == 0 || ranked[0].Overflow {
					t.Fatalf("no room for a session of %s: %s", a.NodeID, plan.Explain())
				}
				n := slices.IndexFunc(after.Nodes, func(n Node) bool { return n.ID == ranked[0].NodeID })
				after.Nodes[n].Expected++
			}
		}
		if moves == 0 {
			return
		}
		for _, a := range Decide(after, p, noon).Pools {
			if a.Pool == High && before[a.NodeID].Pool != High {
				t.Fatalf("%s becomes high at %.2f: %s", a.NodeID, a.Utilization, plan.Explain())
			}
		}
	})
}

// TestCrowdsLevelWithinAMinute plays evaluations every five seconds; who is asked
// goes where the manager sends him and gets what he wants there.
func TestCrowdsLevelWithinAMinute(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := Default()
		p.MaxNodes = 30
		crowds := rapid.IntRange(1, 3).Draw(t, "crowded nodes")
		var nodes []Node
		sessions := 0
		for i := range crowds {
			k := rapid.IntRange(10, 24).Draw(t, "sessions")
			sessions += k
			nodes = append(nodes, node(fmt.Sprintf("n%02d", i), sending(k, 1000/float64(k)), movable, wants(300)))
		}
		// Room for all at seven sessions of a tenth each: one more would be high.
		for i := range sessions/7 + 1 {
			nodes = append(nodes, node(fmt.Sprintf("n%02d", crowds+i)))
		}
		s := Snapshot{Nodes: nodes, ListeningSince: noon.Add(-time.Hour)}
		left := map[string]map[string]bool{} // by session: nodes it has left
		now := noon
		for range 12 {
			plan := Decide(s, p, now)
			for i := range s.Nodes {
				s.Nodes[i].Last, s.Nodes[i].ReportedAt = poolIn(plan, s.Nodes[i].ID), now
			}
			for _, a := range plan.Actions {
				if a.Kind == ActionMove {
					travel(t, &s, p, now, a, left)
				}
			}
			now = now.Add(5 * time.Second)
		}
		end := Decide(s, p, now)
		for _, a := range end.Pools {
			if a.Contention > 0 {
				t.Fatalf("%s is still crowded: %s", a.NodeID, end.Explain())
			}
		}
	})
}

// travel moves the sessions of a and keeps promise and rate together.
func travel(t *rapid.T, s *Snapshot, p Policy, now time.Time, a Action, left map[string]map[string]bool) {
	from := slices.IndexFunc(s.Nodes, func(n Node) bool { return n.ID == a.NodeID })
	for _, id := range a.Sessions {
		ranked := Rank(*s, p, now)
		ranked = slices.DeleteFunc(ranked, func(r Placement) bool { return r.NodeID == a.NodeID })
		to := slices.IndexFunc(s.Nodes, func(n Node) bool { return n.ID == ranked[0].NodeID })
		if left[id][s.Nodes[to].ID] {
			t.Fatalf("%s comes back to %s", id, s.Nodes[to].ID)
		}
		if left[id] == nil {
			left[id] = map[string]bool{}
		}
		left[id][a.NodeID] = true
		i := slices.IndexFunc(s.Nodes[from].Sessions, func(x Session) bool { return x.ID == id })
		x := s.Nodes[from].Sessions[i]
		x.Since = now
		s.Nodes[from].Sessions = slices.Delete(slices.Clone(s.Nodes[from].Sessions), i, i+1)
		s.Nodes[to].Sessions = append(s.Nodes[to].Sessions, x)
		for _, k := range []int{from, to} {
			n := &s.Nodes[k]
			n.Usage.SendBps = 0
			for j := range n.Sessions {
				n.Sessions[j].RateBps = min(300e6, 1e9/int64(len(n.Sessions)))
				n.Usage.SendBps += n.Sessions[j].RateBps
			}
		}
	}
}

func TestWhoPullsIsNoReliefForPushes(t *testing.T) {
	t.Parallel()
	s := newScene(node("n1", sending(14, 71), movable), node("n2"), node("n3"))
	for i := range 9 { // of fourteen, nine go the other way
		s.Nodes[0].Sessions[i].Direction = Receive
	}
	s.Nodes[0].Usage.SendBps, s.Nodes[0].Usage.ReceiveBps = 5*71e6, 9*71e6
	if plan := Decide(s.Snapshot, s.p, noon); len(plan.Actions) != 0 {
		t.Errorf("fourteen sessions share no direction and are moved: %s", plan.Explain())
	}
	turn(&s.Nodes[0], Receive)
	s.Nodes[0].Usage.ReceiveBps = 1e9
	s.Nodes[0].Sessions[0].Direction, s.Nodes[0].Sessions[1].Direction = Send, Send
	plan := Decide(s.Snapshot, s.p, noon)
	if len(plan.Actions) != 1 || plan.Actions[0].Reason.Values["before"] != 1.2 {
		t.Fatalf("got %s", plan.Explain())
	}
	if ids := plan.Actions[0].Sessions; slices.Contains(ids, "n1-0") || slices.Contains(ids, "n1-1") || len(ids) != 4 {
		t.Errorf("%v are asked, two of which send", ids)
	}
}

func TestDemandOfMoversIsCountedOnce(t *testing.T) {
	t.Parallel()
	s := newScene(node("n1", sending(9, 100), movable, asked(4, 2*time.Second)), node("n2", func(n *Node) { n.Expected = 4 }))
	if got := Decide(s.Snapshot, s.p, noon).Capacity.Demand; got != 0.9 {
		t.Errorf("demand %g with four of nine sessions on their way, want 0.9", got)
	}
	s.Nodes[0].Last = Assignment{}
	if got := Decide(s.Snapshot, s.p, noon).Capacity.Demand; got != 1.3 {
		t.Errorf("demand %g with four new clients on their way, want 1.3", got)
	}
}

func TestAPauseAsksNobody(t *testing.T) {
	t.Parallel()
	s := newScene(node("n1", sending(14, 71), movable), node("n2"), node("n3"))
	s.Paused = true
	plan := Decide(s.Snapshot, s.p, noon)
	if len(plan.Actions) != 0 || len(plan.Withheld) != 1 || plan.Withheld[0].Kind != ActionMove {
		t.Fatalf("%+v, withheld %+v", plan.Actions, plan.Withheld)
	}
	if a := poolOf(t, plan, "n1"); !a.MovedAt.IsZero() {
		t.Error("a move that the pause held back counts as asked")
	}
}
