package policy

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestBestIsTheLeastLoadedAvailableNode(t *testing.T) {
	t.Parallel()
	s := newScene(node("n1", sending(5, 100)), node("n2", sending(2, 100)), node("n3", sending(4, 100)),
		node("n4", sick), node("n5", drainingFor(DrainOperator, time.Minute)), node("n6", silentFor(20*time.Second)))
	ranked := Rank(s.Snapshot, s.p, noon)
	var got []string
	for _, r := range ranked {
		got = append(got, r.NodeID)
	}
	if strings.Join(got, " ") != "n2 n3 n1" {
		t.Errorf("got %v", got)
	}
}

func TestBestCountsSessionsThatAreOnTheirWay(t *testing.T) {
	t.Parallel()
	s := newScene(node("n1", func(n *Node) { n.Expected = 3 }), node("n2", sending(2, 100)))
	best, err := Best(s.Snapshot, s.p, noon)
	if err != nil || best.NodeID != "n2" {
		t.Errorf("got %+v, %v; three clients were just sent to n1", best, err)
	}
}

func TestBestKeepsTheIdleReserveForLast(t *testing.T) {
	t.Parallel()
	s := newScene(node("n1", sending(5, 100)), node("n2"), node("n3"))
	s.p.MinIdle = 1
	if best, _ := Best(s.Snapshot, s.p, noon); best.NodeID != "n2" {
		t.Errorf("got %s, want the idle node beyond the reserve", best.NodeID)
	}
	s.p.MinIdle = 2
	if best, _ := Best(s.Snapshot, s.p, noon); best.NodeID != "n1" {
		t.Errorf("got %s, want the busy node: both idle ones are the reserve", best.NodeID)
	}
	s.Nodes[0] = node("n1", sending(9, 100))
	if best, _ := Best(s.Snapshot, s.p, noon); best.Pool != Idle {
		t.Errorf("got %+v, want the reserve: nothing else is available", best)
	}
}

func TestAtMaxHighNodesServeUpToTheirSessionLimit(t *testing.T) {
	t.Parallel()
	s := newScene(node("n1", sending(12, 80)), node("n2", sending(10, 95)), pendingNode("n3", Booting, time.Minute))
	s.p.MaxSessions = 11
	best, err := Best(s.Snapshot, s.p, noon)
	if err != nil || best.NodeID != "n2" || !best.Overflow {
		t.Fatalf("got %+v, %v; want n2 beyond its threshold", best, err)
	}
	s.Nodes[1].Expected = 1
	_, err = Best(s.Snapshot, s.p, noon)
	var refused *Refusal
	if !errors.As(err, &refused) || refused.RetryAfter != retryAfter {
		t.Fatalf("got %v, want a refusal with a time to retry", err)
	}
	if want := "no node can take a session: 2 running nodes at the limit of 11 sessions, 1 on the way"; refused.Text != want {
		t.Errorf("got %q, want %q", refused.Text, want)
	}
}

func TestARefusalSaysWhatKeepsEachNode(t *testing.T) {
	t.Parallel()
	unheard := func(n *Node) { n.ReportedAt, n.ServicesHealthy = time.Time{}, false }
	for want, nodes := range map[string][]Node{
		"no node can take a session: 2 running nodes not heard from yet":                                                 {node("n1", unheard), node("n2", unheard)},
		"no node can take a session: 1 running node unhealthy, 1 running node silent, 1 running node not heard from yet": {node("n1", sick), node("n2", silentFor(20*time.Second)), node("n3", unheard)},
		"no node can take a session: 1 running node at the limit of 11 sessions, 1 running node unhealthy, 2 on the way": {
			node("n1", sending(11, 80)), node("n2", sick), pendingNode("n3", Booting, time.Minute), pendingNode("n4", Booting, time.Minute),
		},
	} {
		s := newScene(nodes...)
		s.p.MaxSessions = 11
		if _, err := Best(s.Snapshot, s.p, noon); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestNoNodeAtAllIsARefusal(t *testing.T) {
	t.Parallel()
	if _, err := Best(Snapshot{}, Default(), noon); err == nil || err.Error() != "no node is running" {
		t.Errorf("got %v", err)
	}
}

func TestAmongFullNodesTheOneWithFewestPromisesServes(t *testing.T) {
	t.Parallel()
	s := newScene(node("n1", sending(40, 25)), node("n2", sending(12, 83)))
	for _, tc := range []struct {
		expected int
		want     string
	}{{0, "n2"}, {27, "n2"}, {29, "n1"}} {
		s.Nodes[1].Expected = tc.expected
		if best, err := Best(s.Snapshot, s.p, noon); err != nil || best.NodeID != tc.want || !best.Overflow {
			t.Errorf("with %d on their way to n2: got %+v, %v; want %s", tc.expected, best, err, tc.want)
		}
	}
}
