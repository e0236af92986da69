package policy

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func stopped(id string, ago time.Duration, change ...func(*Node)) Node {
	return node(id, append([]func(*Node){inState(Stopped, ago)}, change...)...)
}

// warmed wants n warm nodes of a provider that can stop them.
func warmed(n int) func(*scene) {
	return func(s *scene) { s.CanStop, s.p.WarmNodes = true, n }
}

func stale(n *Node) { n.Stale = true }

func spot(n *Node) { n.NoStop = "aws does not stop spot instances" }

func startFailed(ago time.Duration) func(*Node) {
	return func(n *Node) { n.StartFailedAt = noon.Add(-ago) }
}

func budget(n int) func(*scene) { return func(s *scene) { s.p.DisruptionBudget = n } }

var warmScenes = []namedScene{
	{"warm nodes start before any is launched", newScene(node("n1", sending(9, 100)), stopped("n2", time.Hour), stopped("n3", 10*time.Minute)).with(warmed(2))},
	{"what the warm pool lacks is launched", newScene(stopped("n2", time.Hour)).with(warmed(2))},
	{"a drained node that can be taken back comes first", newScene(node("n1", sending(9, 100)), node("n2", drainingFor(DrainScaleIn, time.Minute), sending(1, 10)), stopped("n3", time.Hour)).
		with(warmed(2))},
	{"a warm node needs a place under max", newScene(node("n1", sending(9, 100)), stopped("n2", time.Hour)).with(warmed(1)).
		with(func(s *scene) { s.p.MaxNodes, s.p.MinAvailable = 1, 1 })},
	{"a start that failed is served by a launch", newScene(node("n1"), stopped("n2", time.Hour, startFailed(time.Minute))).with(warmed(1))},
	{"a start that failed long ago is tried again", newScene(node("n1"), stopped("n2", time.Hour, startFailed(6*time.Minute))).with(warmed(1))},
	{"a start that takes too long is given up and served by a launch", newScene(node("n1"), node("n2", inState(Starting, 11*time.Minute))).with(warmed(1))},
	{"a drained node is stopped while warm ones are missing", newScene(node("n1"), node("n2"), node("n3", drainingFor(DrainScaleIn, time.Minute)), node("n4", drainingFor(DrainScaleIn, time.Minute))).
		with(warmed(1)).seen(time.Hour, Sample{})},
	{"a drained node ends where the provider cannot stop", newScene(node("n1"), node("n2"), node("n3", drainingFor(DrainScaleIn, time.Minute))).
		with(warmed(1)).with(func(s *scene) { s.CanStop = false }).seen(time.Hour, Sample{})},
	{"a drained node that cannot be stopped ends, and says why", newScene(node("n1"), node("n2"), node("n3", spot, drainingFor(DrainScaleIn, time.Minute))).
		with(warmed(1)).seen(time.Hour, Sample{})},
	{"a node that cannot be stopped does not count as one that fills the warm pool", newScene(node("n1"), node("n2"), node("n3", spot, drainingFor(DrainScaleIn, time.Minute), sending(1, 10))).
		with(warmed(1)).seen(time.Hour, Sample{})},
	{"of equals the one drains that can be stopped", newScene(node("n1", spot), node("n2"), node("n3", spot)).with(warmed(1)).seen(time.Hour, Sample{})},
	{"nothing is launched for the warm pool that could not be stopped", newScene(node("n1", spot), node("n2", spot)).with(warmed(1)).
		with(func(s *scene) { s.NoRefill = "all that the template offers is spot, which aws does not stop" }).seen(time.Hour, Sample{})},
	{"a repaired node does not become warm", newScene(node("n1"), node("n2"), node("n3", drainingFor(DrainRepair, time.Minute))).with(warmed(1)).seen(time.Hour, Sample{})},
	{"a stale node does not become warm", newScene(node("n1"), node("n2"), node("n3", stale, drainingFor(DrainScaleIn, time.Minute)), stopped("n4", time.Hour)).
		with(warmed(1)).seen(time.Hour, Sample{})},
	{"the warm pool is filled when nothing else is to do", newScene(node("n1"), node("n2")).with(warmed(2)).seen(time.Hour, Sample{})},
	{"the warm pool waits while launches fail", newScene(node("n1"), node("n2")).with(warmed(1)).
		with(func(s *scene) { s.LaunchErrors = []LaunchError{{At: noon.Add(-time.Minute), Kind: "capacity"}} }).seen(time.Hour, Sample{})},
	{"the warm pool waits for demand to be known", newScene(node("n1"), node("n2")).with(warmed(2))},
	{"surplus nodes fill the warm pool", newScene(node("n1"), node("n2"), node("n3"), node("n4")).with(warmed(2)).seen(time.Hour, Sample{})},
	{"nodes that drain fill the warm pool", newScene(node("n1"), node("n2"), node("n3", drainingFor(DrainScaleIn, time.Minute), sending(1, 10))).with(warmed(1)).seen(time.Hour, Sample{})},
	{"max leaves no place to fill the warm pool", newScene(node("n1"), node("n2")).with(warmed(1)).with(func(s *scene) { s.p.MaxNodes = 2 }).seen(time.Hour, Sample{})},
	{"warm nodes of another template version are replaced", newScene(node("n1"), node("n2"), stopped("n3", time.Hour, stale), stopped("n4", time.Hour)).
		with(warmed(2)).seen(time.Hour, Sample{})},
	{"more warm nodes than wanted end, the longest stopped first", newScene(node("n1"), node("n2"), stopped("n3", time.Minute), stopped("n4", time.Hour)).
		with(warmed(1)).seen(time.Hour, Sample{})},
	{"a node that does not stop is ended", newScene(node("n1"), node("n2"), node("n3", inState(Stopping, 11*time.Minute))).with(warmed(1)).seen(time.Hour, Sample{})},
	{"the disruption budget withholds drains for want of load", newScene(node("n1"), node("n2"), node("n3"), node("n4"), node("n5"), node("n6"), node("n7"), node("n8"),
		node("n9", drainingFor(DrainScaleIn, time.Minute), sending(1, 10))).with(budget(2)).seen(time.Hour, Sample{})},
	{"the disruption budget withholds repairs", newScene(node("n1", sick, wasIn(Degraded, time.Minute)), node("n2"), node("n3"), node("n4"), node("n5"),
		node("n6", drainingFor(DrainScaleIn, time.Minute), sending(1, 10))).with(budget(1))},
	{"the disruption budget does not withhold what max or an operator wants", newScene(node("n1"), node("n2"), node("n3"), node("n4", drainingFor(DrainOperator, time.Minute), sending(1, 10))).
		with(budget(1)).with(func(s *scene) { s.p.MaxNodes = 1; s.p.MinAvailable = 1 })},
}

func TestWarmPoolAndBudgetReasons(t *testing.T) {
	t.Parallel()
	golden(t, "warm.golden", tell(warmScenes))
}

// refills says that the plan launches for the warm pool.
func refills(p Plan) bool {
	return slices.ContainsFunc(effects(p), func(a Action) bool { return a.Reason.Code == CodeWarmRefill })
}

func TestWarmNodesStartBeforeAnyIsLaunched(t *testing.T) {
	forAll(t, func(t *rapid.T, s Snapshot, p Policy, plan Plan) {
		acted := map[string]ActionKind{}
		starts, launches := 0, 0
		for _, a := range effects(plan) {
			acted[a.NodeID] = a.Kind
			launches += a.Count
			if a.Kind == ActionStart {
				starts++
			}
		}
		for _, n := range s.Nodes {
			ready := n.State == Stopped && !n.Stale && s.CanStop && noon.Sub(n.StartFailedAt) >= startAgain
			if ready && launches > 0 && acted[n.ID] != ActionStart && !refills(plan) {
				t.Fatalf("launched while %s could be started: %s", n.ID, plan.Explain())
			}
			if acted[n.ID] == ActionStart && !ready {
				t.Fatalf("%s is started: %s", n.ID, plan.Explain())
			}
			if acted[n.ID] == ActionStop && n.NoStop != "" {
				t.Fatalf("%s is stopped, which cannot be: %s", n.ID, plan.Explain())
			}
		}
		if starts > 0 && refills(plan) {
			t.Fatalf("starts and fills the pool at once: %s", plan.Explain())
		}
	})
}

func TestTheWarmPoolNeverGrowsBeyondItsSize(t *testing.T) {
	forAll(t, func(t *rapid.T, s Snapshot, p Policy, plan Plan) {
		target := 0
		if s.CanStop {
			target = p.WarmNodes
		}
		warm, stops := 0, 0
		for _, n := range s.Nodes {
			if n.State.warm() && !n.Stale {
				warm++
			}
		}
		for _, a := range effects(plan) {
			if a.Kind == ActionStop {
				stops++
			}
		}
		if stops > 0 && warm+stops > target {
			t.Fatalf("%d warm, %d stopped, %d wanted: %s", warm, stops, target, plan.Explain())
		}
		for _, n := range s.Nodes {
			ends := slices.ContainsFunc(effects(plan), func(a Action) bool { return a.NodeID == n.ID && a.Kind == ActionTerminate })
			if n.State == Stopped && n.Stale && !ends {
				t.Fatalf("%s stays with an old template: %s", n.ID, plan.Explain())
			}
		}
	})
}

func TestTheDisruptionBudgetBoundsDrainsOfOnesOwnWill(t *testing.T) {
	forAll(t, func(t *rapid.T, s Snapshot, p Policy, plan Plan) {
		if p.DisruptionBudget == 0 {
			return
		}
		draining, more := 0, 0
		for _, n := range s.Nodes {
			if n.State == Draining && n.DrainCause.voluntary() {
				draining++
			}
		}
		for _, a := range effects(plan) {
			switch {
			case a.Kind == ActionDrain && a.Cause.voluntary():
				more++
			case a.Kind == ActionTerminate || a.Kind == ActionStop || a.Kind == ActionLost || a.Kind == ActionUndrain:
				if i := slices.IndexFunc(s.Nodes, func(n Node) bool { return n.ID == a.NodeID }); s.Nodes[i].State == Draining && s.Nodes[i].DrainCause.voluntary() {
					draining--
				}
			}
		}
		if more > 0 && draining+more > p.DisruptionBudget {
			t.Fatalf("%d drain, %d more, budget %d: %s", draining, more, p.DisruptionBudget, plan.Explain())
		}
	})
}
