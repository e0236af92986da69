package policy

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write golden files anew")

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC) // a Monday

// scene builds snapshots: a healthy cluster that has known its demand for long.
type scene struct {
	Snapshot
	p Policy
}

func newScene(nodes ...Node) *scene {
	return &scene{Snapshot: Snapshot{Nodes: nodes, ListeningSince: noon.Add(-time.Hour)}, p: Default()}
}

// seen fills the history with the same demand for the past span.
func (s *scene) seen(span time.Duration, sample Sample) *scene {
	for at := noon.Add(-span); at.Before(noon); at = at.Add(5 * time.Second) {
		sample.At = at
		s.History = Remember(s.History, sample, s.p)
	}
	return s
}

func (s *scene) with(change func(*scene)) *scene {
	change(s)
	return s
}

// node is running, healthy and just heard, with a cap of 1 Gb/s each way.
func node(id string, change ...func(*Node)) Node {
	n := Node{
		ID: id, State: Running, Since: noon.Add(-50 * time.Minute), RequestedAt: noon.Add(-52 * time.Minute),
		ReportedAt: noon.Add(-time.Second), ServicesHealthy: true,
		Usage: Usage{SendCapBps: 1e9, ReceiveCapBps: 1e9},
	}
	for _, c := range change {
		c(&n)
	}
	return n
}

// sending puts n sessions of the given rate in Mb/s on the node, ten minutes old.
func sending(n int, rate float64) func(*Node) {
	return func(node *Node) {
		for i := range n {
			node.Sessions = append(node.Sessions, Session{
				ID: fmt.Sprintf("%s-%d", node.ID, i), Direction: Send, WantedBps: 0, RateBps: int64(rate * 1e6),
				Since: noon.Add(-10 * time.Minute),
			})
			node.Usage.SendBps += int64(rate * 1e6)
		}
	}
}

func movable(n *Node) {
	for i := range n.Sessions {
		n.Sessions[i].Movable = true
	}
}

func inState(s State, ago time.Duration) func(*Node) {
	return func(n *Node) { n.State, n.Since = s, noon.Add(-ago) }
}

func drainingFor(cause DrainCause, ago time.Duration) func(*Node) {
	return func(n *Node) { n.State, n.Since, n.DrainCause = Draining, noon.Add(-ago), cause }
}

func pendingNode(id string, s State, ago time.Duration) Node {
	return Node{ID: id, State: s, Since: noon.Add(-ago), RequestedAt: noon.Add(-ago)}
}

func silentFor(d time.Duration) func(*Node) { return func(n *Node) { n.ReportedAt = noon.Add(-d) } }

func wasIn(pool Pool, ago time.Duration) func(*Node) {
	return func(n *Node) { n.Last = Assignment{Pool: pool, Since: noon.Add(-ago), At: noon.Add(-5 * time.Second)} }
}

// asked says that the last plan but some moved so many of the node's sessions.
func asked(sessions int, ago time.Duration) func(*Node) {
	return func(n *Node) { n.Last.MovedAt, n.Last.Moved = noon.Add(-ago), sessions }
}

// wants makes sessions say what they want, in Mb/s.
func wants(rate float64) func(*Node) {
	return func(n *Node) {
		for i := range n.Sessions {
			n.Sessions[i].WantedBps = int64(rate * 1e6)
		}
	}
}

func named(s *scene) {
	for i := range s.Nodes {
		s.Nodes[i].Name = "studio-" + s.Nodes[i].ID
	}
}

func sick(n *Node) { n.ServicesHealthy = false }

type namedScene struct {
	name  string
	scene *scene
}

var scenes = []namedScene{
	{"an empty cluster launches its minimum", newScene()},
	{"the minimum is on its way", newScene(pendingNode("n1", Booting, time.Minute), pendingNode("n2", Launching, time.Second))},
	{"quiet at the minimum", newScene(node("n1"), node("n2")).seen(time.Hour, Sample{})},
	{"two of three are high and the launch limit is used up", newScene(
		node("n1", sending(9, 100)), node("n2", sending(9, 100)), node("n3", sending(1, 50))).
		with(func(s *scene) {
			s.p.LaunchLimit = LaunchLimit{Count: 2, PerSeconds: 60}
			s.RecentLaunches = []time.Time{noon.Add(-20 * time.Second)}
		})},
	{"one greedy client fills a node and nothing happens", newScene(node("n1", sending(1, 980)), node("n2")).
		seen(time.Hour, Sample{Send: 0.1})},
	{"contention: promised more than the cap", newScene(node("n1", sending(14, 71)), node("n2", sending(14, 71)))},
	{"a draining node is taken back before one is launched", newScene(
		node("n1", sending(9, 100)), node("n2", sending(8, 100)),
		node("n3", drainingFor(DrainScaleIn, 3*time.Minute), sending(2, 80)))},
	{"a node that an operator drains is not taken back", newScene(
		node("n1", sending(9, 100)), node("n2", sending(1, 100)),
		node("n3", drainingFor(DrainOperator, 3*time.Minute), sending(2, 80)))},
	{"max is reached and clients wait", newScene(node("n1", sending(10, 100)), node("n2", sending(10, 100))).
		with(func(s *scene) {
			s.p.MaxNodes = 2
			s.Queue = []Waiting{{Since: noon.Add(-4 * time.Second)}, {Since: noon.Add(-2 * time.Second)}}
		})},
	{"a lost node gives up its place under max", newScene(node("n1", sending(9, 100)), node("n2", inState(Lost, 20*time.Second), silentFor(time.Minute))).
		with(func(s *scene) { s.p.MaxNodes = 2 })},
	{"scale-in waits for its window", newScene(node("n1"), node("n2"), node("n3")).
		seen(time.Hour, Sample{Send: 2})},
	{"scale-in drains the node that empties first", newScene(
		node("n1", sending(3, 50)), node("n2", sending(2, 50), movable), node("n3", sending(2, 50)), node("n4", sending(4, 20))).
		with(func(s *scene) { s.p.MinAvailable = 1 }).seen(time.Hour, Sample{Send: 0.6})},
	{"scale-in waits for a new manager to know demand", newScene(node("n1"), node("n2"), node("n3"))},
	{"a drained node ends", newScene(node("n1"), node("n2"), node("n3", drainingFor(DrainScaleIn, time.Minute))).seen(time.Hour, Sample{})},
	{"a drain deadline passes", newScene(node("n1"), node("n2"), node("n3", drainingFor(DrainScaleIn, 31*time.Minute), sending(1, 20))).seen(time.Hour, Sample{})},
	{"a node falls silent", newScene(node("n1", silentFor(40*time.Second), sending(4, 100)), node("n2")).seen(time.Hour, Sample{Send: 0.4})},
	{"all nodes fall silent at once", newScene(node("n1", silentFor(40*time.Second)), node("n2", silentFor(41*time.Second)), node("n3", silentFor(42*time.Second)))},
	{"a lost node reports again", newScene(node("n1", inState(Lost, time.Minute)), node("n2"))},
	{"a degraded node is replaced after its grace", newScene(node("n1", sick, wasIn(Degraded, time.Minute)), node("n2"))},
	{"a degraded node may heal", newScene(node("n1", sick, wasIn(Degraded, 5*time.Second)), node("n2")).seen(time.Hour, Sample{})},
	{"launches time out and fail", newScene(node("n1"), pendingNode("n2", Booting, 11*time.Minute), pendingNode("n3", Failed, time.Minute)).
		with(func(s *scene) {
			s.LaunchErrors = []LaunchError{{At: noon.Add(-time.Minute), Offering: "c7gn.large in eu-central-1a", Kind: "capacity"}}
		})},
	{"no offering can be had", newScene(node("n1")).
		with(func(s *scene) {
			s.Blocked = &Block{Until: noon.Add(2 * time.Minute), Cause: "quota of 8 vCPUs reached"}
		})},
	{"a schedule raises the minimum", newScene(node("n1"), node("n2")).
		with(func(s *scene) {
			s.p.Schedules = []Schedule{{Name: "office hours", Cron: "0 9 * * 1-5", TimeZone: "Europe/Berlin", DurationS: 9 * 3600, MinAvailable: 4, MinIdle: 1}}
		})},
	{"an operator scales by hand", newScene(node("n1"), node("n2")).with(func(s *scene) { s.Override = &Override{Nodes: 5} })},
	{"an operator scales below the minimum", newScene(node("n1"), node("n2"), node("n3")).with(func(s *scene) { s.Override = &Override{Nodes: 1} })},
	{"paused", newScene(node("n1", sending(9, 100))).with(func(s *scene) { s.Paused = true })},
	{"max is lowered", newScene(node("n1", sending(2, 50)), node("n2"), node("n3")).with(func(s *scene) { s.p.MaxNodes = 2 })},
	{"a crowd comes", newScene(node("n1", sending(30, 10)), node("n2", sending(30, 10)), node("n3", sending(30, 10))).
		seen(time.Hour, Sample{Send: 0.2})},
	{"high until it falls to the min threshold", newScene(node("n1", sending(6, 100), wasIn(High, time.Minute)), node("n2"), node("n3")).seen(time.Hour, Sample{Send: 0.6})},
	{"sessions that cannot move keep a node open", newScene(
		node("n1", sending(1, 10), func(n *Node) { n.Sessions[0].Since = noon.Add(-5 * time.Hour) }),
		node("n2", sending(1, 10), func(n *Node) { n.Sessions[0].Since = noon.Add(-6 * time.Hour) })).
		with(func(s *scene) { s.p.MinAvailable = 1 }).seen(time.Hour, Sample{Send: 0.1})},
	{"crowded sessions move to nodes with room", newScene(node("n1", sending(14, 71), movable), node("n2", sending(12, 83), movable), node("n3"), node("n4")).
		with(named)},
	{"pulls move where pulls have room", newScene(
		node("n1", sending(12, 83), movable), node("n2", sending(7, 100), func(n *Node) { turn(n, Receive) }), node("n3", sending(4, 100)))},
	{"the idle reserve is no place to move to", newScene(node("n1", sending(12, 83), movable), node("n2")).
		with(func(s *scene) { s.p.MinIdle = 1 })},
	{"crowded sessions that cannot move stay", newScene(node("n1", sending(12, 83)), node("n2"), node("n3"))},
	{"crowded sessions that have only come stay", newScene(node("n1", sending(12, 83), movable, func(n *Node) {
		for i := range n.Sessions {
			n.Sessions[i].Since = noon.Add(-8 * time.Second)
		}
	}), node("n2"), node("n3"))},
	{"a node that was asked is left alone for a while", newScene(node("n1", sending(12, 83), movable, asked(3, 20*time.Second)), node("n2"), node("n3"))},
	{"those who were asked arrive first", newScene(
		node("n1", sending(9, 100), movable, asked(3, 4*time.Second)), node("n2", sending(12, 83), movable), node("n3"), node("n4"))},
	{"a little too much is no reason to move", newScene(node("n1", sending(17, 50), movable, wants(50)), node("n2", sending(10, 50), wants(50)), node("n3"))},
	{"scale-in keeps the room that a move needs", newScene(node("n1", sending(12, 83), movable), node("n2"), node("n3"), node("n4"), node("n5")).
		with(func(s *scene) { s.p.MinAvailable = 1 }).seen(time.Hour, Sample{Send: 0.9})},
	{"demand must last for the scale-out window", newScene(node("n1", sending(7, 100)), node("n2", sending(7, 100))).
		with(func(s *scene) { s.p.ScaleOutWindowS = 60; s.p.MinAvailable = 1 }).seen(time.Hour, Sample{Send: 0.5})},
}

// TestReasons: the texts are the product; a change of one is reviewed as a diff.
func TestReasons(t *testing.T) {
	t.Parallel()
	golden(t, "reasons.golden", tell(scenes))
}

// tell writes what is decided in each scene, and why.
func tell(scenes []namedScene) string {
	var b strings.Builder
	for _, sc := range scenes {
		plan := Decide(sc.scene.Snapshot, sc.scene.p, noon)
		fmt.Fprintf(&b, "# %s\n", sc.name)
		for _, a := range plan.Actions {
			what := a.NodeID
			if a.Kind == ActionLaunch {
				what = fmt.Sprint(a.Count)
			}
			if a.Kind == ActionMove {
				what += " " + strings.Join(a.Sessions, " ")
			}
			fmt.Fprintf(&b, "! %s %s\n", a.Kind, what)
		}
		for _, a := range plan.Withheld {
			fmt.Fprintf(&b, "(%s %s)\n", a.Kind, a.NodeID)
		}
		for _, r := range plan.Reasons {
			fmt.Fprintf(&b, "  %s: %s\n", r.Code, r.Text)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// TestPlanJSON pins the stored form of a plan.
func TestPlanJSON(t *testing.T) {
	t.Parallel()
	s := scenes[3].scene
	out, err := json.MarshalIndent(Decide(s.Snapshot, s.p, noon), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "plan.json", string(out)+"\n")
	out, err = json.MarshalIndent(Default(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "default.json", string(out)+"\n")
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update writes it anew):\n%s", path, diff)
	}
}
