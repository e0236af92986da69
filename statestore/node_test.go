package statestore_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godwit/godwit/statestore"
)

var (
	requested = []statestore.NodeState{statestore.NodeRequested}
	running   = []statestore.NodeState{statestore.NodeRunning}
)

// live walks a node to running.
func (w world) live(t *testing.T) statestore.Node {
	t.Helper()
	n := w.node(t)
	for _, to := range []statestore.NodeState{statestore.NodeLaunching, statestore.NodeBooting, statestore.NodeRunning} {
		n = must(w.Nodes.Transition(t.Context(), w.term, n.ID, []statestore.NodeState{n.State}, to, "step", nil))(t)
	}
	return n
}

func TestNodeRowRoundTrips(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ticking)
	n := w.node(t)
	n = must(w.Nodes.Transition(t.Context(), w.term, n.ID, requested, statestore.NodeLaunching, "launch", func(n *statestore.Node) {
		n.InstanceID, n.InstanceType, n.Spot, n.OnDemand, n.Region, n.Zone = "local-1", "small", true, true, "here", "a"
		n.PublicAddress, n.PrivateAddress, n.ControlAddr, n.TransferPort = "203.0.113.9", "10.0.0.9", "10.0.0.9:444", 33001
		n.CertSHA256, n.SoftwareVersion = "ab", "1.0"
		n.TemplateVersion, n.ConfigVersion, n.Generation = 1, 2, 3
		n.DrainReason, n.FailureReason = "none", "none"
		n.JoinedAt, n.LastReportAt = pointer(w.Now()), pointer(w.Now())
	}))(t)
	wantEqual(t, must(w.Nodes.Get(t.Context(), n.ID))(t), n)
	wantEqual(t, must(w.Nodes.ByInstance(t.Context(), "local", "local-1"))(t), n)
	if n.Provider != "local" || n.InstanceID != "local-1" || n.LaunchedAt == nil || !n.LaunchedAt.Equal(n.StateSince) || n.LaunchToken == "" {
		t.Errorf("row %+v", n)
	}
	if n.RequestedAt.Location() != time.UTC {
		t.Errorf("times in %v", n.RequestedAt.Location())
	}
}

// What is launched somewhere is ended there.
func TestProviderIsSettledOnceThereIsAnInstance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.node(t)
	launching := []statestore.NodeState{statestore.NodeRequested, statestore.NodeLaunching}
	at := func(provider, offering, instance string) statestore.Node {
		return must(w.Nodes.Transition(t.Context(), w.term, n.ID, launching, statestore.NodeLaunching, "launch", func(n *statestore.Node) {
			n.Provider, n.Offering, n.InstanceID = provider, offering, instance
		}))(t)
	}
	at("aws", "big", "")
	if n := at("gcp", "other", "i-1"); n.Provider != "gcp" || n.Offering != "other" {
		t.Errorf("refused at the first, the node is at %s %s", n.Provider, n.Offering)
	}
	if n := at("aws", "big", "i-1"); n.Provider != "gcp" || n.Offering != "other" {
		t.Errorf("launched at gcp, the node is at %s %s", n.Provider, n.Offering)
	}
	if n := must(w.Nodes.Update(t.Context(), w.node(t).ID, func(n *statestore.Node) { n.Provider = "x" }))(t); n.Provider != "local" {
		t.Errorf("a fact of a node moved it to %s", n.Provider)
	}
}

func TestTransitionStartsOnlyFromAnExpectedState(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.node(t)
	_, err := w.Nodes.Transition(t.Context(), w.term, n.ID, running, statestore.NodeDraining, "drain", nil)
	wantErr(t, err, statestore.ErrState)
	wantEqual(t, must(w.Nodes.Get(t.Context(), n.ID))(t), n)
	_, err = w.Nodes.Transition(t.Context(), w.term, "nobody", running, statestore.NodeDraining, "drain", nil)
	wantErr(t, err, statestore.ErrNotFound)
	_, err = w.Nodes.Transition(t.Context(), w.term+1, n.ID, requested, statestore.NodeLaunching, "launch", nil)
	wantErr(t, err, statestore.ErrFenced)
}

func TestManyTransitionsGoTogetherWithoutTheOvertaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, second, ended := w.node(t), w.node(t), w.node(t)
	must(w.Nodes.Transition(t.Context(), w.term, ended.ID, requested, statestore.NodeTerminated, "gone", nil))(t)
	var moves []statestore.Transition
	for _, id := range []string{second.ID, "nobody", ended.ID, first.ID} {
		moves = append(moves, statestore.Transition{
			ID: id, From: requested, To: statestore.NodeLaunching, Why: "launch",
			Change: func(n *statestore.Node) { n.Region = "here" },
		})
	}
	_, err := w.Nodes.TransitionAll(t.Context(), w.term+1, moves)
	wantErr(t, err, statestore.ErrFenced)
	rows := must(w.Nodes.TransitionAll(t.Context(), w.term, moves))(t)
	if len(rows) != 2 {
		t.Fatalf("%d rows moved: %+v", len(rows), rows)
	}
	for _, id := range []string{first.ID, second.ID} {
		n := must(w.Nodes.Get(t.Context(), id))(t)
		if n.State != statestore.NodeLaunching || n.Region != "here" || n.LaunchedAt == nil {
			t.Errorf("%+v", n)
		}
		wantEqual(t, rows[id], n)
		if steps := must(w.Nodes.Events(t.Context(), id, statestore.Page{}))(t).Items; len(steps) != 2 || steps[1].Reason != "launch" {
			t.Errorf("time line %+v", steps)
		}
	}
}

func TestOfManyTransitionsAtOnceOneWins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.node(t)
	var won atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			_, err := w.Nodes.Transition(t.Context(), w.term, n.ID, requested, statestore.NodeLaunching, "launch", nil)
			if err == nil {
				won.Add(1)
			} else {
				wantErrIn(t, err, statestore.ErrState)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Fatalf("%d won", won.Load())
	}
}

func TestTerminatedIsFinal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.node(t)
	must(w.Nodes.Transition(t.Context(), w.term, n.ID, requested, statestore.NodeTerminated, "gone", nil))(t)
	_, err := w.Nodes.Transition(t.Context(), w.term, n.ID, []statestore.NodeState{statestore.NodeTerminated}, statestore.NodeRunning, "back", nil)
	wantErr(t, err, statestore.ErrState)
	_, err = w.Nodes.Update(t.Context(), n.ID, func(n *statestore.Node) { n.PublicAddress = "1.2.3.4" })
	wantErr(t, err, statestore.ErrState)
	if alive := must(w.Nodes.Alive(t.Context(), ""))(t); len(alive) != 0 {
		t.Errorf("alive: %v", alive)
	}
}

func TestUndrainForgetsTheDrain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ticking)
	n := w.live(t)
	first := *n.RunningAt
	n = must(w.Nodes.Transition(t.Context(), w.term, n.ID, running, statestore.NodeDraining, "scale in", func(n *statestore.Node) {
		n.DrainReason, n.DrainDeadline = "scale in", pointer(w.Now())
	}))(t)
	if n.DrainingAt == nil || n.DrainReason != "scale in" || n.DrainDeadline == nil {
		t.Fatalf("drain not noted: %+v", n)
	}
	n = must(w.Nodes.Transition(t.Context(), w.term, n.ID, []statestore.NodeState{statestore.NodeDraining}, statestore.NodeRunning, "load is back", nil))(t)
	if n.DrainingAt != nil || n.DrainReason != "" || n.DrainDeadline != nil || !n.RunningAt.Equal(first) {
		t.Fatalf("drain not forgotten: %+v", n)
	}
}

func TestNodeTimeLineTellsEveryStepInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.live(t)
	must(w.Nodes.Transition(t.Context(), w.term, n.ID, running, statestore.NodeRunning, "no step", func(n *statestore.Node) { n.Pool = statestore.PoolHigh }))(t)
	events := walk(t, 3, func(p statestore.Page) (statestore.List[statestore.NodeEvent], error) {
		return w.Nodes.Events(t.Context(), n.ID, p)
	})
	var steps []string
	for _, e := range events {
		steps = append(steps, string(e.FromState+" → "+e.ToState)+": "+e.Reason)
	}
	wantEqual(t, steps, []string{
		" → requested: min available 1", "requested → launching: step", "launching → booting: step", "booting → running: step",
	})
	if events[0].Term != w.term {
		t.Errorf("term %d", events[0].Term)
	}
}

func TestUpdateCannotMoveTheState(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.node(t)
	got := must(w.Nodes.Update(t.Context(), n.ID, func(n *statestore.Node) {
		n.State, n.ID, n.ClusterID, n.LaunchToken = statestore.NodeRunning, "x", "y", "z"
		n.PublicAddress = "203.0.113.7"
	}))(t)
	n.PublicAddress = "203.0.113.7"
	wantEqual(t, got, n)
}

func TestReportTimesNeverGoBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.node(t), w.node(t)
	at := w.Now()
	for _, m := range []map[string]time.Time{
		{a.ID: at, b.ID: at, "unknown": at},
		{a.ID: at.Add(-time.Second), b.ID: at.Add(time.Second)},
		{},
	} {
		if err := w.Nodes.Reported(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	wantEqual(t, must(w.Nodes.Get(t.Context(), a.ID))(t).LastReportAt, &at)
	wantEqual(t, must(w.Nodes.Get(t.Context(), b.ID))(t).LastReportAt, pointer(at.Add(time.Second)))
}

func TestOrdersAreNotedAndTakenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := must(w.Nodes.Order(t.Context(), w.node(t).ID, statestore.OrderDrain, "user:ada"))(t)
	if n.OrderAction != statestore.OrderDrain || n.OrderBy != "user:ada" || n.OrderAt == nil {
		t.Fatalf("%+v", n)
	}
	n = must(w.Nodes.Order(t.Context(), n.ID, statestore.OrderNone, "user:ada"))(t)
	if n.OrderAction != "" || n.OrderBy != "" || n.OrderAt != nil {
		t.Fatalf("%+v", n)
	}
	_, err := w.Nodes.Order(t.Context(), n.ID, "dance", "user:ada")
	wantErr(t, err, statestore.ErrInvalid)
}

func TestNodesPageByFilterNewestFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var want []string
	for range 7 {
		want = append([]string{w.node(t).ID}, want...)
	}
	must(w.Nodes.Transition(t.Context(), w.term, want[3], requested, statestore.NodeFailed, "no", nil))(t)
	ids := func(f statestore.NodeFilter) (out []string) {
		for _, n := range walk(t, 2, func(p statestore.Page) (statestore.List[statestore.Node], error) {
			return w.Nodes.List(t.Context(), f, p)
		}) {
			out = append(out, n.ID)
		}
		return out
	}
	wantEqual(t, ids(statestore.NodeFilter{ClusterID: w.cluster.ID}), want)
	wantEqual(t, ids(statestore.NodeFilter{States: []statestore.NodeState{statestore.NodeFailed}}), want[3:4])
	wantEqual(t, ids(statestore.NodeFilter{ClusterID: "other"}), nil)
	_, err := w.Nodes.List(t.Context(), statestore.NodeFilter{}, statestore.Page{Cursor: "rubbish"})
	wantErr(t, err, statestore.ErrInvalid)
	l := must(w.Nodes.List(t.Context(), statestore.NodeFilter{}, statestore.Page{Limit: 1}))(t)
	_, err = w.Templates.List(t.Context(), statestore.Page{Cursor: l.Next})
	wantErr(t, err, statestore.ErrInvalid)
}
