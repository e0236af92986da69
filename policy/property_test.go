package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// drawPolicy draws a valid policy.
func drawPolicy(t *rapid.T) Policy {
	p := Default()
	p.MaxNodes = rapid.IntRange(1, 12).Draw(t, "max_nodes")
	p.MinAvailable = rapid.IntRange(0, p.MaxNodes).Draw(t, "min_available")
	p.MinIdle = rapid.IntRange(0, min(2, p.MaxNodes)).Draw(t, "min_idle")
	p.ScaleOutWindowS = rapid.SampledFrom([]int{0, 30}).Draw(t, "scale_out_window_s")
	p.ScaleInWindowS = rapid.SampledFrom([]int{0, 60, 600}).Draw(t, "scale_in_window_s")
	p.LaunchLimit.Count = rapid.IntRange(1, 5).Draw(t, "launch_limit")
	p.WarmNodes = rapid.IntRange(0, 3).Draw(t, "warm_nodes")
	p.DisruptionBudget = rapid.IntRange(0, 3).Draw(t, "disruption_budget")
	p.MaxSessions = rapid.SampledFrom([]int{5, 200}).Draw(t, "max_sessions")
	return p
}

var allStates = []State{Requested, Launching, Booting, Running, Running, Running, Running, Draining, Draining,
	Terminating, Terminated, Stopping, Stopped, Starting, Failed, Lost}

func ago(t *rapid.T, most time.Duration, label string) time.Time {
	return noon.Add(-time.Duration(rapid.Int64Range(0, int64(most/time.Second)).Draw(t, label)) * time.Second)
}

func drawNode(t *rapid.T, i int) Node {
	n := Node{
		ID:              fmt.Sprintf("n%02d", i),
		State:           rapid.SampledFrom(allStates).Draw(t, "state"),
		ServicesHealthy: rapid.IntRange(0, 9).Draw(t, "healthy") > 0,
		Usage:           Usage{SendCapBps: 1e9, ReceiveCapBps: 1e9, CPU: rapid.Float64Range(0, 1).Draw(t, "cpu")},
		Expected:        rapid.SampledFrom([]int{0, 0, 0, 1}).Draw(t, "expected"),
	}
	n.Since = ago(t, 20*time.Minute, "since")
	n.RequestedAt = n.Since.Add(-time.Minute)
	n.ReportedAt = noon.Add(-time.Second)
	if rapid.IntRange(0, 5).Draw(t, "silent") == 0 {
		n.ReportedAt = ago(t, 2*time.Minute, "reported")
	}
	for k := range rapid.IntRange(0, 9).Draw(t, "sessions") {
		s := Session{
			ID: fmt.Sprintf("%s-%d", n.ID, k), Direction: rapid.SampledFrom([]Direction{Send, Receive, Both}).Draw(t, "direction"),
			RateBps: rapid.Int64Range(0, 2e8).Draw(t, "rate"), Since: ago(t, time.Hour, "session since"),
			Movable: rapid.Bool().Draw(t, "movable"),
		}
		n.Sessions = append(n.Sessions, s)
		n.Usage.SendBps += s.RateBps
	}
	if n.State == Draining {
		n.DrainCause = rapid.SampledFrom([]DrainCause{DrainScaleIn, DrainRepair, DrainReclaim, DrainOperator, DrainMax}).Draw(t, "cause")
		n.DrainDeadline = n.Since.Add(10 * time.Minute)
	}
	n.Stale = rapid.IntRange(0, 5).Draw(t, "stale") == 0
	if n.State != Stopped && rapid.IntRange(0, 5).Draw(t, "no stop") == 0 {
		n.NoStop = "the cloud does not stop it"
	}
	if n.State == Stopped && rapid.IntRange(0, 3).Draw(t, "start failed") == 0 {
		n.StartFailedAt = ago(t, 10*time.Minute, "start failed at")
	}
	n.Last.Pool = rapid.SampledFrom([]Pool{"", Idle, Low, High, Degraded}).Draw(t, "last pool")
	n.Last.Since = ago(t, time.Minute, "pool since")
	return n
}

func drawSnapshot(t *rapid.T, p Policy) Snapshot {
	s := Snapshot{ListeningSince: ago(t, 10*time.Minute, "listening"), CanStop: rapid.Bool().Draw(t, "can stop"), Paused: rapid.IntRange(0, 9).Draw(t, "paused") == 0}
	for i := range rapid.IntRange(0, 10).Draw(t, "nodes") {
		s.Nodes = append(s.Nodes, drawNode(t, i))
	}
	for range rapid.IntRange(0, 3).Draw(t, "launches") {
		s.RecentLaunches = append(s.RecentLaunches, ago(t, 2*time.Minute, "launch"))
	}
	if rapid.Bool().Draw(t, "known") {
		past := rapid.Float64Range(0, 6).Draw(t, "past demand")
		for at := noon.Add(-15 * time.Minute); at.Before(noon); at = at.Add(10 * time.Second) {
			s.History = Remember(s.History, Sample{At: at, Send: past}, p)
		}
	}
	if rapid.IntRange(0, 9).Draw(t, "blocked") == 0 {
		s.Blocked = &Block{Until: noon.Add(time.Minute), Cause: "quota"}
	}
	if rapid.IntRange(0, 7).Draw(t, "override") == 0 {
		s.Override = &Override{Nodes: rapid.IntRange(0, 12).Draw(t, "override nodes")}
	}
	return s
}

// effects are the plan's actions, those that a pause withholds included.
func effects(p Plan) []Action { return slices.Concat(p.Actions, p.Withheld) }

func forAll(t *testing.T, promise func(t *rapid.T, s Snapshot, p Policy, plan Plan)) {
	t.Helper()
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := drawPolicy(t)
		s := drawSnapshot(t, p)
		promise(t, s, p, Decide(s, p, noon))
	})
}

func TestEveryPlanAndActionHasAReason(t *testing.T) {
	forAll(t, func(t *rapid.T, s Snapshot, _ Policy, plan Plan) {
		if len(plan.Reasons) == 0 || plan.Reasons[0].Text == "" {
			t.Fatal("no reasons")
		}
		for _, a := range effects(plan) {
			if a.Reason.Text == "" || a.Reason.Code == "" {
				t.Fatalf("%+v has no reason", a)
			}
		}
		if s.Paused && slices.ContainsFunc(plan.Actions, func(a Action) bool { return a.Kind != ActionLost && a.Kind != ActionRecover }) {
			t.Fatalf("paused, but acts: %+v", plan.Actions)
		}
	})
}

func TestMaxAndLaunchLimitHold(t *testing.T) {
	forAll(t, func(t *rapid.T, s Snapshot, p Policy, plan Plan) {
		instances, recent, launches := 0, 0, 0
		for _, n := range s.Nodes {
			if n.State.Counts() {
				instances++
			}
		}
		for _, at := range s.RecentLaunches {
			if noon.Sub(at) < seconds(p.LaunchLimit.PerSeconds) {
				recent++
			}
		}
		starts := 0
		for _, a := range effects(plan) {
			launches += a.Count
			if a.Kind == ActionStart {
				starts++
			}
		}
		if launches+starts > 0 && instances+launches+starts > p.MaxNodes {
			t.Fatalf("%d exist, %d to start, %d to launch; max %d", instances, starts, launches, p.MaxNodes)
		}
		if launches > 0 && (recent+launches > p.LaunchLimit.Count) {
			t.Fatalf("%d launched lately, %d to launch; limit %d", recent, launches, p.LaunchLimit.Count)
		}
	})
}

func TestNoLiveSessionIsEndedBeforeItsDeadline(t *testing.T) {
	forAll(t, func(t *rapid.T, s Snapshot, _ Policy, plan Plan) {
		byID := map[string]Node{}
		for _, n := range s.Nodes {
			byID[n.ID] = n
		}
		for _, a := range effects(plan) {
			n := byID[a.NodeID]
			if a.Kind == ActionStop && (len(n.Sessions) > 0 || n.State != Draining) {
				t.Fatalf("%s is stopped, %s with %d sessions", n.ID, n.State, len(n.Sessions))
			}
			if a.Kind != ActionTerminate || n.State == Lost || n.State == Failed || n.State.Pending() || n.State.warm() {
				continue
			}
			if n.State != Draining || len(n.Sessions) > 0 && noon.Before(n.DrainDeadline) {
				t.Fatalf("%s is %s with %d sessions, deadline %s: %s", n.ID, n.State, len(n.Sessions), n.DrainDeadline, a.Reason.Text)
			}
		}
	})
}

func TestEveryNodeGetsAtMostOneAction(t *testing.T) {
	forAll(t, func(t *rapid.T, s Snapshot, _ Policy, plan Plan) {
		state := map[string]State{}
		for _, n := range s.Nodes {
			state[n.ID] = n.State
		}
		seen := map[string]bool{}
		for _, a := range effects(plan) {
			if a.Kind == ActionLaunch {
				continue
			}
			from, known := state[a.NodeID]
			allowed := map[ActionKind][]State{
				ActionDrain: {Running}, ActionMove: {Running}, ActionUndrain: {Draining}, ActionRecover: {Lost}, ActionLost: {Running, Draining},
				ActionTerminate: {Requested, Launching, Booting, Starting, Failed, Lost, Draining, Stopping, Stopped},
				ActionStop:      {Draining}, ActionStart: {Stopped},
			}[a.Kind]
			if !known || !slices.Contains(allowed, from) {
				t.Fatalf("%s of %q, which is %q", a.Kind, a.NodeID, from)
			}
			if seen[a.NodeID] {
				t.Fatalf("two actions for %s: %+v", a.NodeID, effects(plan))
			}
			seen[a.NodeID] = true
		}
	})
}

func TestFloorsAreServedOrTheReasonIsGiven(t *testing.T) {
	forAll(t, func(t *rapid.T, _ Snapshot, _ Policy, plan Plan) {
		drained := map[string]bool{}
		back, launches := map[string]bool{}, 0
		for _, a := range effects(plan) {
			switch a.Kind {
			case ActionDrain:
				drained[a.NodeID] = true
			case ActionUndrain:
				back[a.NodeID] = true
			case ActionLaunch:
				launches += a.Count
			case ActionStart:
				launches++
			case ActionLost, ActionRecover, ActionTerminate, ActionStop, ActionMove:
			}
		}
		available := plan.Capacity.Available
		for _, a := range plan.Pools {
			switch {
			case drained[a.NodeID] && a.Pool.Available():
				available--
			case back[a.NodeID] && a.Pool.Available():
				available++
			}
		}
		excused := slices.ContainsFunc(plan.Reasons, func(r Reason) bool {
			return r.Code == CodeMaxReached || r.Code == CodeLaunchLimited || r.Code == CodeLaunchBlocked ||
				r.Code == CodeDrainMax || r.Code == CodePaused
		})
		// Degraded nodes may heal; they are counted so long.
		hope := plan.Capacity.Pending + plan.Capacity.Degraded + launches
		if available+hope < plan.Capacity.MinAvailable && !excused {
			t.Fatalf("available %d + %d < %d: %s", available, hope, plan.Capacity.MinAvailable, plan.Explain())
		}
		for _, a := range effects(plan) {
			if a.Kind == ActionDrain && a.Cause == DrainScaleIn && (available < plan.Capacity.MinAvailable || launches > 0 && !refills(plan)) {
				t.Fatalf("%s drained with %d available of %d and %d launched", a.NodeID, available, plan.Capacity.MinAvailable, launches)
			}
		}
	})
}

func TestUndrainComesBeforeLaunch(t *testing.T) {
	forAll(t, func(t *rapid.T, s Snapshot, p Policy, plan Plan) {
		launches := slices.ContainsFunc(effects(plan), func(a Action) bool {
			return a.Kind == ActionStart || a.Kind == ActionLaunch && a.Reason.Code != CodeWarmRefill
		})
		if !launches || plan.Capacity.Available+plan.Capacity.Pending >= plan.Capacity.MinAvailable {
			return
		}
		acted := map[string]bool{}
		for _, a := range effects(plan) {
			acted[a.NodeID] = true
		}
		for _, n := range s.Nodes {
			i := slices.IndexFunc(plan.Pools, func(a Assignment) bool { return a.NodeID == n.ID })
			kept := n.DrainCause == DrainOperator || n.DrainCause == DrainReclaim
			if n.State == Draining && !kept && !acted[n.ID] && i >= 0 && plan.Pools[i].Pool.Available() {
				t.Fatalf("launched while %s could be taken back: %s", n.ID, plan.Explain())
			}
		}
	})
}

func TestReplayGivesTheSameBytes(t *testing.T) {
	forAll(t, func(t *rapid.T, s Snapshot, p Policy, plan Plan) {
		stored, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var again Snapshot
		if err := json.Unmarshal(stored, &again); err != nil {
			t.Fatal(err)
		}
		slices.Reverse(again.Nodes)
		one, _ := json.Marshal(plan)
		two, _ := json.Marshal(Decide(again, p, noon.In(time.FixedZone("elsewhere", 7200))))
		if !bytes.Equal(one, two) {
			t.Fatalf("another plan:\n%s\n%s", one, two)
		}
		if back, _ := json.Marshal(s); !bytes.Equal(back, stored) {
			t.Fatal("Decide changed its snapshot")
		}
	})
}

func TestTrafficAboveTheSessionRateNeverLaunches(t *testing.T) {
	forAll(t, func(t *rapid.T, s Snapshot, p Policy, plan Plan) {
		greedy := s
		greedy.Nodes = slices.Clone(s.Nodes)
		rate := int64(p.sessionBps())
		for i := range greedy.Nodes {
			n := &greedy.Nodes[i]
			n.Sessions = slices.Clone(n.Sessions)
			for k := range n.Sessions {
				if more := n.Sessions[k].RateBps * 3; n.Sessions[k].RateBps >= rate {
					n.Usage.SendBps += more
					n.Sessions[k].RateBps += more
				}
			}
			// Others keep the node from being called full by rates that no cap allows.
			n.Usage.SendCapBps, n.Usage.ReceiveCapBps = 1e9, 1e9
		}
		slow := slices.ContainsFunc(s.Nodes, func(n Node) bool {
			return slices.ContainsFunc(n.Sessions, func(x Session) bool { return x.RateBps < rate })
		})
		if slow {
			return // those are truly held back by the greedy ones, and may count for more
		}
		if more := Decide(greedy, p, noon); launchesOf(more) > launchesOf(plan) {
			t.Fatalf("launches %d instead of %d: %s", launchesOf(more), launchesOf(plan), more.Explain())
		}
	})
}

func launchesOf(p Plan) int {
	n := 0
	for _, a := range effects(p) {
		n += a.Count
	}
	return n
}

func TestHistoryStaysShortAndInOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := drawPolicy(t)
		p.ScaleInWindowS = rapid.IntRange(0, 86400).Draw(t, "window")
		var h []Sample
		at := noon
		var all []Sample
		for range rapid.IntRange(1, 400).Draw(t, "samples") {
			at = at.Add(time.Duration(rapid.Int64Range(1, 120).Draw(t, "gap")) * time.Second)
			s := Sample{At: at, Send: rapid.Float64Range(0, 9).Draw(t, "send")}
			all = append(all, s)
			h = Remember(h, s, p)
		}
		if len(h) > 2*historySlots+8 {
			t.Fatalf("%d samples", len(h))
		}
		if !slices.IsSortedFunc(h, func(a, b Sample) int { return a.At.Compare(b.At) }) {
			t.Fatal("out of order")
		}
		var peak, kept float64
		for _, s := range all {
			if at.Sub(s.At) < p.scaleInWindow() {
				peak = max(peak, s.Send)
			}
		}
		for _, s := range h {
			kept = max(kept, s.Send)
		}
		if kept < peak {
			t.Fatalf("the window's peak %g is forgotten: %g", peak, kept)
		}
	})
}
