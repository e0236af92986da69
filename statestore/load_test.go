package statestore_test

import (
	"testing"
	"time"

	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/statestore/storetest"
)

func TestLoadChunksGrowAndAreFoundByTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, at := w.cluster.ID, w.Now().Truncate(time.Minute)
	put := func(begin time.Time, samples int, data string) {
		t.Helper()
		c := statestore.LoadChunk{ClusterID: id, At: begin, Until: begin.Add(time.Duration(samples) * time.Second), Samples: samples, Data: []byte(data)}
		if err := w.Loads.Put(t.Context(), w.term, c); err != nil {
			t.Fatal(err)
		}
	}
	if from, to, err := w.Loads.Span(t.Context(), id); from != nil || to != nil || err != nil {
		t.Fatalf("span of nothing: %v, %v, %v", from, to, err)
	}
	put(at, 60, "one")
	put(at, 120, "one and more")
	put(at, 60, "an echo of before") // a chunk never shrinks
	put(at.Add(10*time.Minute), 60, "two")
	chunks := must(w.Loads.Between(t.Context(), id, at.Add(time.Minute), at.Add(time.Hour)))(t)
	if len(chunks) != 2 || string(chunks[0].Data) != "one and more" || chunks[0].Samples != 120 || string(chunks[1].Data) != "two" {
		t.Fatalf("%+v", chunks)
	}
	if early := must(w.Loads.Between(t.Context(), id, at, at.Add(10*time.Minute)))(t); len(early) != 1 {
		t.Errorf("the end is not part of the span: %+v", early)
	}
	from, to, err := w.Loads.Span(t.Context(), id)
	if err != nil || !from.Equal(at) || !to.Equal(at.Add(11*time.Minute)) {
		t.Errorf("span %v to %v, %v", from, to, err)
	}
	wantErr(t, w.Loads.Put(t.Context(), w.term+1, chunks[0]), statestore.ErrFenced)
	if n := must(w.Loads.Forget(t.Context(), at.Add(5*time.Minute)))(t); n != 1 {
		t.Errorf("forgot %d", n)
	}
}

func TestForecastIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.Forecasts.Get(t.Context(), w.cluster.ID)
	wantErr(t, err, statestore.ErrNotFound)
	for _, data := range []string{"first", "second"} {
		if err := w.Forecasts.Put(t.Context(), w.term, w.cluster.ID, []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	f := must(w.Forecasts.Get(t.Context(), w.cluster.ID))(t)
	if string(f.Data) != "second" || f.UpdatedAt.IsZero() {
		t.Errorf("%+v", f)
	}
	wantErr(t, w.Forecasts.Put(t.Context(), w.term+1, w.cluster.ID, nil), statestore.ErrFenced)
}

// A manager whose clock was hours ahead wrote; then another one leads.
func TestTimesOfTheFutureAreBroughtToNow(t *testing.T) {
	t.Parallel()
	clk := newFakeClock()
	w := newWorld(t, on(clk))
	n := w.node(t)
	deadline := w.Now().Add(10 * time.Minute)
	must(w.Nodes.Transition(t.Context(), w.term, n.ID, []statestore.NodeState{statestore.NodeRequested}, statestore.NodeDraining, "", func(n *statestore.Node) {
		n.DrainDeadline = &deadline
	}))(t)
	d := statestore.Decision{ClusterID: w.cluster.ID, Kind: statestore.DecisionNoop, CollapseKey: "k", Snapshot: []byte(`{}`), Plan: raw(`{}`), Reasons: raw(`["r"]`)}
	must(w.Decisions.Append(t.Context(), w.term, d))(t)

	clk.advance(-3 * time.Hour)
	term := w.term
	if n := must(w.Nodes.NoFuture(t.Context(), term))(t); n != 1 {
		t.Errorf("%d nodes were of the future", n)
	}
	row, now := must(w.Nodes.Get(t.Context(), n.ID))(t), w.Now()
	if !row.StateSince.Equal(now) || !row.RequestedAt.Equal(now) || !row.DrainingAt.Equal(now) || !row.DrainDeadline.Equal(now.Add(10*time.Minute)) {
		t.Errorf("%+v at %s", row, now)
	}
	if n := must(w.Nodes.NoFuture(t.Context(), term))(t); n != 0 {
		t.Errorf("again: %d", n)
	}
	_, err := w.Nodes.NoFuture(t.Context(), term+1)
	wantErr(t, err, statestore.ErrFenced)

	// The ids of the next leader's decisions sort before those of the future.
	term = storetest.Term(t, w.Store)
	for want := range int64(3) {
		d.At = w.Now()
		if made := must(w.Decisions.Append(t.Context(), term, d))(t); made.Count != want+1 {
			t.Errorf("decision %d is one of %d", want+1, made.Count)
		}
		d.Snapshot = nil // as the reconciler does: the first has it
	}
}
