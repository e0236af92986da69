package cluster_test

import (
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/cluster"
	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/statestore"
)

// three returns a quiet world in which three nodes serve.
func three(t *testing.T, change func(*policy.Policy)) *world {
	t.Helper()
	w := quiet(t, func(p *policy.Policy) {
		p.MinAvailable = 3
		if change != nil {
			change(p)
		}
	})
	w.until(t, 10*time.Minute, "three nodes", w.running(3))
	return w
}

func TestARolloutReplacesEveryNodeAndThreeServeAllAlong(t *testing.T) {
	t.Parallel()
	w := three(t, nil)
	w.release(false)
	w.pass(time.Minute)
	if len(w.db.living()) != 3 {
		t.Fatalf("%d rows, though nobody started a rollout", len(w.db.living()))
	}
	w.rollOut(w.policy.Rollout)
	done := rolledOut(statestore.RolloutDone, 2, 3)
	w.until(t, 30*time.Minute, "the rollout", func() bool {
		if there := len(w.db.living()) - len(w.in(statestore.NodeTerminating)); w.serving() < 3 || there > 4 {
			t.Fatalf("%d serve of %d", w.serving(), there)
		}
		return done(w)
	})
	if r := w.newestRollout(); r.Total != 3 || r.Remaining != 0 || r.FromVersion != 1 || r.Size != 3 || r.Reason == "" {
		t.Errorf("%+v", r)
	}
}

func TestASickVersionIsRolledBackAndTheOldNodesGoOn(t *testing.T) {
	t.Parallel()
	w := three(t, nil)
	before := w.sortedNodes()
	w.release(true)
	w.rollOut(w.policy.Rollout)
	back := rolledOut(statestore.RolloutRolledBack, 1, 3)
	w.until(t, 40*time.Minute, "the way back", func() bool {
		if len(w.in(statestore.NodeDraining)) > 0 || w.serving() != 3 {
			t.Fatalf("%d serve, %d drain", w.serving(), len(w.in(statestore.NodeDraining)))
		}
		return back(w)
	})
	if after := w.sortedNodes(); len(after) != 3 || after[0] != before[0] || after[2] != before[2] {
		t.Error("other nodes serve than before")
	}
	if r := w.newestRollout(); r.Failures != 3 || !strings.Contains(r.Reason, "3 new nodes came to nothing") {
		t.Errorf("%+v", r)
	}
	w.pass(time.Minute)
	c, told := w.db.open["rollout_rolled_back/"]
	if !told || !strings.Contains(c.Text, "launched from version 1") {
		t.Errorf("the operator is told %+v", c)
	}
	// Whatever is launched now is of the version that works.
	override(4)(w)
	w.until(t, 10*time.Minute, "a fourth node", func() bool { return w.versionsOf()[1] == 4 })
	// A corrected version is free to go, and nobody is told of the sick one any more.
	w.release(false)
	w.rollOut(w.policy.Rollout)
	w.until(t, 30*time.Minute, "the corrected version", rolledOutIn(w, statestore.RolloutDone, 3, 4))
	w.until(t, 2*time.Minute, "the end of the condition", func() bool { _, open := w.db.open["rollout_rolled_back/"]; return !open })
}

func rolledOutIn(w *world, state statestore.RolloutState, version int64, running int) func() bool {
	is := rolledOut(state, version, running)
	return func() bool { return is(w) }
}

func TestAPauseHoldsARolloutAndItGoesOnAfterwards(t *testing.T) {
	t.Parallel()
	w := three(t, nil)
	w.release(false)
	w.rollOut(w.policy.Rollout)
	w.until(t, 10*time.Minute, "the first new node", func() bool { return w.versionsOf()[2] == 1 })
	w.steer(statestore.RolloutPaused)
	w.pass(5 * time.Minute)
	of := w.versionsOf()
	w.pass(20 * time.Minute) // beyond the scale-in window: the surge stays
	if now := w.versionsOf(); now[1] != of[1] || now[2] != of[2] || of[1]+of[2] < 3 {
		t.Errorf("versions %v became %v in a pause", of, now)
	}
	if text := w.newestRollout().Doing; !strings.Contains(text, "paused with") {
		t.Errorf("it says %q", text)
	}
	w.steer(statestore.RolloutRolling)
	w.until(t, 30*time.Minute, "the rest", rolledOutIn(w, statestore.RolloutDone, 2, 3))
}

func TestAnAbortedRolloutLeavesTheOldVersionWanted(t *testing.T) {
	t.Parallel()
	w := three(t, nil)
	w.release(false)
	w.rollOut(w.policy.Rollout)
	w.until(t, 10*time.Minute, "a new node on its way", func() bool { return len(w.in(statestore.NodeBooting)) == 1 })
	booting := w.in(statestore.NodeBooting)[0]
	w.steer(statestore.RolloutAborted)
	w.until(t, 10*time.Minute, "its end", func() bool { return booting.State == statestore.NodeTerminated })
	override(4)(w)
	w.until(t, 10*time.Minute, "a fourth node of the old version", func() bool { return w.versionsOf()[1] == 4 })
}

func TestARolloutGoesOnToANewerVersion(t *testing.T) {
	t.Parallel()
	w := three(t, nil)
	w.release(true)
	w.rollOut(w.policy.Rollout)
	w.pass(time.Minute)
	w.release(false) // corrected before it was given up
	w.until(t, 30*time.Minute, "the corrected version", rolledOutIn(w, statestore.RolloutDone, 3, 3))
	if first := w.db.rollouts[0]; first.State != statestore.RolloutSuperseded || w.newestRollout().FromVersion != 1 {
		t.Errorf("%+v, then %+v", first, w.newestRollout())
	}
}

// The version to go back to is one that served, not the one that most nodes were asked
// for when nothing had been seen of it yet.
func TestARolloutGoesBackToWhatServes(t *testing.T) {
	t.Parallel()
	w := three(t, nil)
	override(7)(w)
	w.release(true)
	w.until(t, 10*time.Minute, "four nodes of a sick version on their way", func() bool { return len(w.in(statestore.NodeBooting)) == 4 })
	w.release(true)
	w.rollOut(w.policy.Rollout)
	w.until(t, 40*time.Minute, "the way back", func() bool { return w.newestRollout().State == statestore.RolloutRolledBack })
	if r := w.newestRollout(); r.FromVersion != 1 || w.serving() != 3 {
		t.Errorf("%+v, and %d nodes serve", r, w.serving())
	}
}

// A rollout that begins while no node is there is not over before one serves, and says
// so if none ever does.
func TestARolloutThatReplacesNothingIsOverWhenANodeServes(t *testing.T) {
	t.Parallel()
	for _, sick := range []bool{false, true} {
		w := quiet(t, func(p *policy.Policy) { p.MinAvailable = 1 })
		w.release(sick)
		w.rollOut(w.policy.Rollout)
		w.until(t, 40*time.Minute, "the end", func() bool {
			ended := !w.newestRollout().State.UnderWay()
			if ended && !sick && w.serving() == 0 {
				t.Fatal("it is over and nothing serves")
			}
			return ended
		})
		want := map[bool]statestore.RolloutState{false: statestore.RolloutDone, true: statestore.RolloutRolledBack}[sick]
		if r := w.newestRollout(); r.State != want || r.FromVersion != r.ToVersion {
			t.Errorf("sick %v: %+v", sick, r)
		}
	}
}

func TestARolloutBeginsByItselfWhereThePolicySaysSo(t *testing.T) {
	t.Parallel()
	w := three(t, func(p *policy.Policy) { p.Rollout.Automatic = true })
	w.release(false)
	w.until(t, 30*time.Minute, "the rollout", rolledOutIn(w, statestore.RolloutDone, 2, 3))
	if w.newestRollout().Author != "policy" {
		t.Errorf("%+v", w.newestRollout())
	}
	// What was rolled back is not tried again by itself.
	w.release(true)
	w.until(t, 40*time.Minute, "the way back", rolledOutIn(w, statestore.RolloutRolledBack, 2, 3))
	w.pass(10 * time.Minute)
	if len(w.db.rollouts) != 2 {
		t.Errorf("%d rollouts", len(w.db.rollouts))
	}
}

func TestWarmNodesAreReplacedToo(t *testing.T) {
	t.Parallel()
	w := quiet(t, func(p *policy.Policy) { p.MinAvailable, p.WarmNodes, p.ScaleInWindowS = 2, 1, 30 })
	w.until(t, 40*time.Minute, "two nodes and a warm one", func() bool { return settledAt(2, 1)(w) })
	w.release(false)
	w.rollOut(w.policy.Rollout)
	w.until(t, 60*time.Minute, "the rollout and the warm pool", func() bool {
		return w.newestRollout().State == statestore.RolloutDone && settledAt(2, 1)(w) && w.in(statestore.NodeStopped)[0].TemplateVersion == 2
	})
}

func TestARolloutReplacesNodesThatCannotTakeTheirConfigurationOver(t *testing.T) {
	t.Parallel()
	w := three(t, nil)
	node := w.sortedNodes()[1]
	node.unapplied = true
	w.rollOut(w.policy.Rollout)
	row := w.db.rows[node.id]
	w.until(t, 20*time.Minute, "the rollout", func() bool { return w.newestRollout().State == statestore.RolloutDone })
	if row.State != statestore.NodeTerminated && row.State != statestore.NodeTerminating {
		t.Errorf("it is %s", row.State)
	}
	if r := w.newestRollout(); r.Total != 1 || r.FromVersion != r.ToVersion {
		t.Errorf("%+v", r)
	}
}

// A field that matters only while a node is launched replaces nobody.
func TestOnlyFieldsThatANodeHasForLifeMakeItStale(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		was, is string
		want    bool
	}{
		{`{"tags": {"team": "a"}, "image": "x"}`, `{"tags": {"team": "b"}, "image": "x"}`, false},
		{`{"tags": {"team": "a"}, "image": "x"}`, `{"image": "x"}`, false},
		{`{"image": "x"}`, `{"image": "y"}`, true},
		{`{"node": {"cap": 1}}`, `{"node": {"cap": 2}}`, true},
		{`{"node": {"cap": 1}}`, `{"node": {"cap": 1.0}}`, false},
		{`{"node": {"cap": 1}}`, `{}`, true},
		{`{"subnets": ["a", "b"]}`, `{"subnets": ["a"]}`, true},
	} {
		if got := cluster.Replaces("sim", c.was, c.is, ""); got != c.want {
			t.Errorf("%s to %s: %v", c.was, c.is, got)
		}
	}
	// Of a template with several offerings a node differs by its own only.
	was := `{"offerings": [{"provider": "sim", "image": "x", "price_per_hour": 1}, {"provider": "sky", "image": "x"}]}`
	is := `{"prefer": "balance", "offerings": [{"provider": "sim", "image": "x", "max": 3}, {"provider": "sky", "image": "y"}]}`
	for offering, want := range map[string]bool{"sim": false, "sky": true, "gone": true} {
		if got := cluster.Replaces("mixed", was, is, offering); got != want {
			t.Errorf("at %s: %v", offering, got)
		}
	}
	// Under another name it is what it was, if its provider offers just that.
	was = `{"offerings": [{"provider": "sim", "image": "x"}, {"provider": "sky", "image": "x"}]}`
	is = `{"offerings": [{"name": "new", "provider": "sim", "image": "y"}, {"name": "old", "provider": "sim", "image": "x", "tags": {"a": "b"}}, {"name": "up", "provider": "sky", "image": "y"}]}`
	for offering, want := range map[string]bool{"sim": false, "sky": true} {
		if got := cluster.Replaces("mixed", was, is, offering); got != want {
			t.Errorf("renamed, at %s: %v", offering, got)
		}
	}
}
