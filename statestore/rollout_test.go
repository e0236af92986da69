package statestore_test

import (
	"testing"

	"github.com/godwit/godwit/statestore"
)

func (w world) rollout(t *testing.T) statestore.Rollout {
	t.Helper()
	return must(w.Rollouts.Start(t.Context(), statestore.Rollout{
		ClusterID: w.cluster.ID, State: statestore.RolloutRolling, Surge: 1, MaxFailures: 3, ToTemplate: w.cluster.TemplateID, ToVersion: 2, Author: "olga",
	}))(t)
}

func TestAClusterHasOneRolloutUnderWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ticking)
	_, err := w.Rollouts.Newest(t.Context(), w.cluster.ID)
	wantErr(t, err, statestore.ErrNotFound)
	first := w.rollout(t)
	_, err = w.Rollouts.Start(t.Context(), statestore.Rollout{ClusterID: w.cluster.ID, State: statestore.RolloutPaused})
	wantErr(t, err, statestore.ErrConflict)
	must(w.Rollouts.Steer(t.Context(), first.ID, statestore.RolloutAborted, "not now"))(t)
	_, err = w.Rollouts.Steer(t.Context(), first.ID, statestore.RolloutRolling, "")
	wantErr(t, err, statestore.ErrState)
	second := w.rollout(t)
	if second.Generation <= first.Generation {
		t.Errorf("generation %d after %d", second.Generation, first.Generation)
	}
	wantEqual(t, must(w.Rollouts.Newest(t.Context(), w.cluster.ID))(t), second)
	list := walk(t, 1, func(p statestore.Page) (statestore.List[statestore.Rollout], error) {
		return w.Rollouts.List(t.Context(), w.cluster.ID, p)
	})
	if len(list) != 2 || list[0].ID != second.ID || list[1].State != statestore.RolloutAborted || list[1].EndedAt == nil || list[1].Reason != "not now" {
		t.Errorf("%+v", list)
	}
	wantEqual(t, must(w.Rollouts.AllNewest(t.Context()))(t), []statestore.Rollout{second})
}

func TestTheLeaderDoesNotUndoAPause(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.rollout(t)
	must(w.Rollouts.Steer(t.Context(), r.ID, statestore.RolloutPaused, "by olga"))(t)
	r.Taken, r.Size, r.Total, r.Remaining, r.Doing = true, 3, 3, 2, "drains" // as read before the pause
	got := must(w.Rollouts.Advance(t.Context(), w.term, r))(t)
	if got.State != statestore.RolloutPaused || got.Reason != "by olga" || got.Remaining != 2 || !got.Taken || got.EndedAt != nil {
		t.Errorf("%+v", got)
	}
	_, err := w.Rollouts.Advance(t.Context(), w.term+1, r)
	wantErr(t, err, statestore.ErrFenced)
	r.State, r.Reason = statestore.RolloutRolledBack, "three failed"
	if got = must(w.Rollouts.Advance(t.Context(), w.term, r))(t); got.State != statestore.RolloutRolledBack || got.EndedAt == nil || got.Reason != "three failed" {
		t.Errorf("%+v", got)
	}
	_, err = w.Rollouts.Advance(t.Context(), w.term, r)
	wantErr(t, err, statestore.ErrState)
}

func TestARolloutThatSupersedesStaysPaused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.rollout(t)
	must(w.Rollouts.Steer(t.Context(), r.ID, statestore.RolloutPaused, ""))(t)
	next := r
	next.ToVersion = 3
	_, err := w.Rollouts.Begin(t.Context(), w.term+1, next, r.ID, "")
	wantErr(t, err, statestore.ErrFenced)
	got := must(w.Rollouts.Begin(t.Context(), w.term, next, r.ID, "version 3 came"))(t)
	if got.State != statestore.RolloutPaused || got.ToVersion != 3 || got.ID == r.ID {
		t.Errorf("%+v", got)
	}
	old := must(w.Rollouts.List(t.Context(), w.cluster.ID, statestore.Page{}))(t).Items[1]
	if old.State != statestore.RolloutSuperseded || old.Reason != "version 3 came" {
		t.Errorf("%+v", old)
	}
}

func TestFailuresOfARolloutAreThoseOfItsNodes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ticking)
	r := w.rollout(t)
	node := func(generation int64, to statestore.NodeState, change func(*statestore.Node)) {
		t.Helper()
		n := must(w.Nodes.Create(t.Context(), w.term, statestore.Node{ClusterID: w.cluster.ID, Provider: "local", Generation: generation}, "rollout"))(t)
		must(w.Nodes.Transition(t.Context(), w.term, n.ID, []statestore.NodeState{n.State}, to, "", change))(t)
	}
	failed := func(why string) func(*statestore.Node) {
		return func(n *statestore.Node) { n.FailureReason = why }
	}
	node(r.Generation, statestore.NodeTerminated, failed("no such image"))
	node(r.Generation, statestore.NodeDraining, func(n *statestore.Node) { n.DrainReason = "repair: degraded" })
	node(r.Generation, statestore.NodeFailed, func(n *statestore.Node) { n.FailureReason, n.DrainReason = "ended", "reclaim: spot" })
	node(r.Generation, statestore.NodeRunning, nil)
	node(r.Generation+1, statestore.NodeFailed, failed("of another"))
	node(0, statestore.NodeFailed, failed("of none"))
	got := must(w.Rollouts.Failures(t.Context(), w.cluster.ID, r.Generation))(t)
	if len(got) != 2 || got[0].Reason != "no such image" || got[1].Reason != "repair: degraded" || got[0].Name == "" {
		t.Errorf("%+v", got)
	}
}
