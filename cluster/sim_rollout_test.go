package cluster_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/statestore"
)

// simRollouts are the versions of the template and the rollouts of a history.
type simRollouts struct {
	rand     *rand.Rand // of its own: other histories stay what they were
	versions map[int64]json.RawMessage
	rollouts []statestore.Rollout // by generation, from 1
	on       bool                 // versions are rolled out now and then
}

func newSimRollouts(seed uint64, first json.RawMessage) simRollouts {
	return simRollouts{
		rand: rand.New(rand.NewPCG(seed, 0x5011)), on: seed%3 == 0, //nolint:gosec // a simulation must be repeatable
		versions: map[int64]json.RawMessage{1: first},
	}
}

// release gives the template another version. Nodes of a sick one never join.
func (w *world) release(sick bool) {
	s := w.db
	s.template.Version++
	s.template.Spec = mustJSON(map[string]any{"image": s.template.Version, "sick": sick})
	s.versions[s.template.Version] = s.template.Spec
	w.tell("version %d of the template (sick: %v)", s.template.Version, sick)
}

// rollOut starts a rollout as an operator does.
func (w *world) rollOut(p policy.RolloutPolicy) {
	s := w.db
	if n := len(s.rollouts); n > 0 && s.rollouts[n-1].State.UnderWay() {
		return // it goes on to the newer version by itself
	}
	s.begin(statestore.Rollout{
		ClusterID: "c", State: statestore.RolloutRolling, Surge: p.Surge, SurgePercent: p.SurgePercent, MaxUnavailable: p.MaxUnavailable,
		MaxFailures: p.MaxFailures, ToTemplate: "t", ToVersion: s.template.Version, Author: "olga",
	})
}

func (s *simStore) begin(r statestore.Rollout) statestore.Rollout {
	r.Generation = int64(len(s.rollouts) + 1)
	r.ID, r.StartedAt, r.UpdatedAt = fmt.Sprint("r", r.Generation), s.w.now, s.w.now
	r.Taken, r.Size, r.Total, r.Remaining, r.Failures, r.Doing, r.Reason = false, 0, 0, 0, 0, "", ""
	s.rollouts = append(s.rollouts, r)
	s.w.tell("rollout %d to version %d", r.Generation, r.ToVersion)
	return r
}

// steer is what an operator does to the rollout under way.
func (w *world) steer(to statestore.RolloutState) {
	s := w.db
	if n := len(s.rollouts); n > 0 && s.rollouts[n-1].State.UnderWay() {
		s.rollouts[n-1].State = to
		w.tell("rollout %d is %s", n, to)
	}
}

func (w *world) newestRollout() statestore.Rollout {
	if n := len(w.db.rollouts); n > 0 {
		return w.db.rollouts[n-1]
	}
	return statestore.Rollout{}
}

// rollsNow lets versions and operators come by.
func (w *world) rollsNow() {
	s := w.db
	newest := w.newestRollout()
	if newest.State.UnderWay() {
		w.check.loadUntil = w.now
	}
	// Nothing that is launched meanwhile can serve, nor where nothing ran before that a
	// rollout could go back to.
	back := newest.State == statestore.RolloutRolledBack && newest.FromVersion != newest.ToVersion
	stuck := w.db.sick(newest.ToVersion) && !back
	if stuck {
		w.trouble(w.now)
	}
	if !s.on || w.calm() {
		switch {
		case !s.on:
		case newest.State == statestore.RolloutPaused:
			w.steer(statestore.RolloutRolling)
		case stuck && newest.State == statestore.RolloutRolledBack:
			w.release(false) // an operator has to mend it
			w.rollOut(w.policy.Rollout)
		}
		return
	}
	switch s.rand.IntN(240) {
	case 0, 1:
		w.release(s.rand.IntN(3) == 0)
		w.rollOut(w.policy.Rollout)
		w.meet("rollout")
	case 2:
		w.steer(statestore.RolloutPaused)
	case 3, 4:
		w.steer(statestore.RolloutRolling)
	case 5:
		w.steer(statestore.RolloutAborted)
		w.trouble(w.now) // what was on its way goes with it
	}
}

func (s *simStore) sick(version int64) bool {
	var spec struct {
		Sick bool `json:"sick"`
	}
	_ = json.Unmarshal(s.versions[version], &spec) // written by release
	return spec.Sick
}

func (s storeOf) TemplateVersion(_ context.Context, _ string, version int64) (statestore.TemplateVersion, error) {
	spec, ok := s.versions[version]
	if !ok {
		return statestore.TemplateVersion{}, statestore.ErrNotFound
	}
	return statestore.TemplateVersion{TemplateID: "t", Version: version, Spec: spec}, nil
}

func (s storeOf) Rollout(context.Context, string) (statestore.Rollout, error) {
	if s.away() {
		return statestore.Rollout{}, statestore.ErrUnavailable
	}
	if len(s.rollouts) == 0 {
		return statestore.Rollout{}, statestore.ErrNotFound
	}
	return s.rollouts[len(s.rollouts)-1], nil
}

func (s storeOf) BeginRollout(_ context.Context, term statestore.Term, r statestore.Rollout, supersedes, why string) (statestore.Rollout, error) {
	s.m.touch()
	if err := s.writable(term); err != nil {
		return r, err
	}
	if n := len(s.rollouts); n > 0 && s.rollouts[n-1].State.UnderWay() {
		old := &s.rollouts[n-1]
		if supersedes != old.ID {
			return r, statestore.ErrConflict
		}
		r.State, old.State, old.Reason = old.State, statestore.RolloutSuperseded, why
		s.w.meet("rollout superseded")
	} else if supersedes != "" {
		return r, &statestore.StateError{Object: supersedes}
	}
	r = s.begin(r)
	s.m.touch()
	return r, nil
}

func (s storeOf) AdvanceRollout(_ context.Context, term statestore.Term, r statestore.Rollout) (statestore.Rollout, error) {
	s.m.touch()
	if err := s.writable(term); err != nil {
		return r, err
	}
	row := &s.rollouts[r.Generation-1]
	if !row.State.UnderWay() {
		return r, &statestore.StateError{Object: r.ID, Found: string(row.State)}
	}
	if r.State.UnderWay() {
		r.State, r.Reason = row.State, row.Reason
	} else {
		s.w.tell("rollout %d %s: %s", r.Generation, r.State, r.Reason)
		s.w.meet("rollout " + string(r.State))
		s.w.check.concluded(r)
	}
	r.UpdatedAt = s.w.now
	*row = r
	s.m.touch()
	return r, nil
}

func (s storeOf) RolloutFailures(_ context.Context, _ string, generation int64) ([]statestore.Failure, error) {
	var rows []*statestore.Node
	for _, n := range s.rows {
		repaired := strings.HasPrefix(n.DrainReason, "repair:")
		if n.Generation == generation && (n.FailureReason != "" || repaired) && !strings.HasPrefix(n.DrainReason, "reclaim:") {
			rows = append(rows, n)
		}
	}
	slices.SortFunc(rows, func(a, b *statestore.Node) int {
		return cmp.Or(a.StateSince.Compare(b.StateSince), strings.Compare(a.ID, b.ID))
	})
	found := make([]statestore.Failure, len(rows))
	for i, n := range rows {
		found[i] = statestore.Failure{Name: n.Name, Reason: n.FailureReason + n.DrainReason}
	}
	return found, nil
}

// concluded: a sick version is never done, one that is not leaves no node behind,
// and none is rolled back for less than the failures that its policy tolerates.
func (k *checker) concluded(r statestore.Rollout) {
	switch r.State {
	case statestore.RolloutDone:
		if k.w.db.sick(r.ToVersion) && k.w.policy.MinAvailable > 0 {
			k.w.fault("a sick version is rolled out: %+v", r)
		}
		for _, row := range k.w.db.living() {
			behind := row.TemplateVersion != r.ToVersion && row.State != statestore.NodeRequested
			if behind && row.State != statestore.NodeTerminating && row.State != statestore.NodeFailed {
				k.w.fault("a rollout is done and %s is %s of version %d", row.ID, row.State, row.TemplateVersion)
			}
		}
	case statestore.RolloutRolledBack:
		if r.Failures < r.MaxFailures {
			k.w.fault("a rollout is rolled back for %d failures of %d: %s", r.Failures, r.MaxFailures, r.Reason)
		}
	}
}

// most is how many instances there may be.
func (k *checker) most() int {
	surge := 0
	if k.w.newestRollout().Generation > 0 {
		p := k.w.policy
		surge = max(p.Rollout.Surge, (p.Rollout.SurgePercent*p.MaxNodes+99)/100)
	}
	return k.w.policy.MaxNodes + surge
}

// serving is how many nodes really serve and are told to.
func (w *world) serving() int {
	n := 0
	for _, row := range w.in(statestore.NodeRunning) {
		if w.nodes[row.ID] != nil {
			n++
		}
	}
	return n
}

// versionsOf counts running nodes by the version that they were made from.
func (w *world) versionsOf() map[int64]int {
	of := map[int64]int{}
	for _, row := range w.in(statestore.NodeRunning) {
		of[row.TemplateVersion]++
	}
	return of
}

// rolledOut says that the rollout has ended so, and all nodes are of a version.
func rolledOut(state statestore.RolloutState, version int64, running int) func(*world) bool {
	return func(w *world) bool {
		return w.newestRollout().State == state && w.versionsOf()[version] == running && settledAt(running, 0)(w)
	}
}

// rolloutPolicy is that of a history with rollouts.
func rolloutPolicy(seed uint64) policy.RolloutPolicy {
	r := rand.New(rand.NewPCG(seed, 0x5012)) //nolint:gosec // a simulation must be repeatable
	p := policy.Default().Rollout
	p.Surge, p.SurgePercent = r.IntN(3), []int{0, 50}[r.IntN(2)]
	p.MaxFailures = 1 + r.IntN(3)
	if p.Surge+p.SurgePercent == 0 {
		p.MaxUnavailable = 1
	}
	return p
}
