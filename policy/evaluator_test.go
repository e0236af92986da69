package policy

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestAnEvaluatorDecidesAsDecideDoes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := drawPolicy(t)
		e, err := NewEvaluator(p)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 { // its memory is used again
			s := drawSnapshot(t, p)
			want := Decide(s, p, noon)
			want.Reasons = nil
			if s.Paused {
				continue // would be told in the reasons
			}
			one, _ := json.Marshal(want)
			two, _ := json.Marshal(e.Decide(&s, noon))
			if string(one) != string(two) {
				t.Fatalf("another plan:\n%s\n%s", one, two)
			}
		}
	})
}

// TestAnEvaluatorDecidesAsDecideDoesThroughATime: what it keeps from one decision
// to the next follows the history, its gaps and its growth.
func TestAnEvaluatorDecidesAsDecideDoesThroughATime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := drawPolicy(t)
		e, err := NewEvaluator(p)
		if err != nil {
			t.Fatal(err)
		}
		s := drawSnapshot(t, p)
		s.Paused = false
		kept, now := s, noon
		kept.History = slices.Clone(s.History)
		for range 60 {
			now = now.Add(time.Duration(rapid.SampledFrom([]int{1, 5, 5, 10, 30, 200}).Draw(t, "step")) * time.Second)
			for i := range s.Nodes {
				s.Nodes[i].ReportedAt = now
				s.Nodes[i].Load.Sessions, s.Nodes[i].Load.SendBps = i, rapid.Int64Range(0, 12e8).Draw(t, "send")
				s.Nodes[i].Usage.CPU = rapid.Float64Range(0, 1).Draw(t, "cpu")
				s.Nodes[i].Sessions = nil
			}
			want := Decide(s, p, now)
			want.Reasons = nil
			kept.Nodes = s.Nodes
			got := e.Decide(&kept, now)
			one, _ := json.Marshal(want)
			two, _ := json.Marshal(got)
			if string(one) != string(two) {
				t.Fatalf("another plan:\n%s\n%s", one, two)
			}
			var fresh asks
			recent, _ := within(s.History, p.scaleInWindow(), p, now)
			if fresh.follow(recent, &p); !slices.Equal(fresh, e.m.asks) {
				t.Fatalf("its samples ask for\n%v\nthe history's for\n%v", e.m.asks, fresh)
			}
			s.History = Remember(s.History, want.Sample, p)
			kept.History = e.Remember(kept.History, got.Sample)
			if !slices.Equal(s.History, kept.History) {
				t.Fatalf("another history:\n%v\n%v", s.History, kept.History)
			}
			for _, a := range want.Pools {
				s.Nodes[slices.IndexFunc(s.Nodes, func(n Node) bool { return n.ID == a.NodeID })].Last = a
			}
		}
	})
}

// TestAnEvaluatorPlacesAsBestDoes: one session after another, on the cluster as
// the plan leaves it.
func TestAnEvaluatorPlacesAsBestDoes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := drawPolicy(t)
		e, err := NewEvaluator(p)
		if err != nil {
			t.Fatal(err)
		}
		s := drawSnapshot(t, p)
		s.Paused = false
		for i := range s.Nodes {
			s.Nodes[i].ReportedAt = noon // else Rank and Decide may differ on who is late
			if len(s.Nodes[i].Sessions) == 0 {
				continue
			}
			s.Nodes[i].Sum(p, noon)
		}
		plan := e.Decide(&s, noon)
		after := s
		after.Nodes = slices.Clone(s.Nodes)
		at := func(id string) *Node {
			return &after.Nodes[slices.IndexFunc(after.Nodes, func(n Node) bool { return n.ID == id })]
		}
		for _, a := range plan.Pools {
			at(a.NodeID).Last = a
		}
		for _, a := range plan.Actions {
			switch a.Kind {
			case ActionDrain:
				at(a.NodeID).State = Draining
			case ActionUndrain, ActionRecover:
				at(a.NodeID).State = Running
				if a.Kind == ActionRecover && at(a.NodeID).DrainCause != "" {
					at(a.NodeID).State = Draining
				}
			case ActionLost, ActionTerminate:
				at(a.NodeID).State = Lost
			case ActionLaunch, ActionMove, ActionStart, ActionStop:
			}
		}
		for k := range 60 {
			best, refused := Best(after, p, noon)
			i, ok := e.Place()
			if ok != (refused == nil) || ok && s.Nodes[i].ID != best.NodeID {
				t.Fatalf("session %d: placed %v on %d, want %+v (%v)", k, ok, i, best, refused)
			}
			if !ok {
				return
			}
			after.Nodes[i].Expected++
		}
	})
}
