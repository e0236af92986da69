package cluster_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/godwit/godwit/cluster"
	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/statestore"
)

// quiet returns a world without faults and load, in which one manager leads.
func quiet(t *testing.T, change func(*policy.Policy)) *world {
	t.Helper()
	return calm(t, newWorld(1), change)
}

func calm(t *testing.T, w *world, change func(*policy.Policy)) *world {
	t.Helper()
	w.quiet = true
	w.policy.MinAvailable = 2
	if change != nil {
		change(&w.policy)
	}
	w.begin()
	t.Cleanup(func() {
		w.stop()
		for _, fault := range w.faults {
			t.Error(fault)
		}
		if t.Failed() {
			t.Log("\n" + w.ending(80))
		}
	})
	return w
}

// until steps until a condition holds, at most for so long.
func (w *world) until(t *testing.T, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	for end := w.now.Add(limit); !holds(); w.step() {
		if w.now.After(end) {
			t.Fatalf("%s: not within %s", what, limit)
		}
	}
}

func (w *world) pass(d time.Duration) {
	for end := w.now.Add(d); w.now.Before(end); {
		w.step()
	}
}

func (w *world) in(state statestore.NodeState) []*statestore.Node {
	var rows []*statestore.Node
	for _, row := range w.db.living() {
		if row.State == state {
			rows = append(rows, row)
		}
	}
	return rows
}

func (w *world) running(n int) func() bool {
	return func() bool { return len(w.in(statestore.NodeRunning)) == n && len(w.db.living()) == n }
}

func TestFloorsAreFilledAndFactsRecorded(t *testing.T) {
	t.Parallel()
	w := quiet(t, nil)
	w.until(t, 5*time.Minute, "two nodes", w.running(2))
	w.pass(15 * time.Second)
	for _, row := range w.in(statestore.NodeRunning) {
		if row.TransferPort != 4433 || row.CertSHA256 != "pin" || row.PublicAddress != "192.0.2.1" ||
			row.Pool != statestore.PoolIdle || row.LastReportAt == nil {
			t.Errorf("row lacks facts: %+v", *row)
		}
	}
}

func TestPausedClusterDecidesAndDoesNothing(t *testing.T) {
	t.Parallel()
	w := quiet(t, nil)
	w.db.cluster.Paused = true
	w.pass(time.Minute)
	if rows := w.db.living(); len(rows) != 0 {
		t.Errorf("%d rows in a paused cluster", len(rows))
	}
	var plan policy.Plan
	if w.db.decision == nil || json.Unmarshal(w.db.decision.Plan, &plan) != nil || len(plan.Withheld) == 0 {
		t.Fatalf("the decision does not say what the pause holds back: %+v", w.db.decision)
	}
	w.db.cluster.Paused = false
	w.until(t, 5*time.Minute, "two nodes after the pause", w.running(2))
}

func TestDrainOfABootingNodeCancelsIt(t *testing.T) {
	t.Parallel()
	w := quiet(t, nil)
	w.until(t, time.Minute, "a booting node", func() bool { return len(w.in(statestore.NodeBooting)) > 0 })
	row := w.in(statestore.NodeBooting)[0]
	row.OrderAction, row.OrderBy = statestore.OrderDrain, "olga"
	w.until(t, 2*time.Minute, "its end", func() bool { return row.State == statestore.NodeTerminated })
	if row.OrderAction != statestore.OrderNone {
		t.Errorf("the order stays: %q", row.OrderAction)
	}
	w.until(t, 5*time.Minute, "its replacement", w.running(2))
}

func TestDrainOfAnOperatorIsNotTakenBackByPolicy(t *testing.T) {
	t.Parallel()
	w := quiet(t, nil)
	w.until(t, 5*time.Minute, "two nodes", w.running(2))
	node := w.sortedNodes()[0]
	client := &simClient{id: "s", wanted: 50e6, left: 1e12, node: node, since: w.now}
	w.clients, node.sessions = append(w.clients, client), append(node.sessions, client)
	w.pass(10 * time.Second)
	row := w.db.rows[node.id]
	row.OrderAction, row.OrderBy = statestore.OrderDrain, "olga"
	w.until(t, time.Minute, "draining", func() bool { return row.State == statestore.NodeDraining && node.draining })
	w.pass(2 * time.Minute)
	if row.State != statestore.NodeDraining || client.node != node {
		t.Fatalf("with a live session it is %s", row.State)
	}
	row.OrderAction = statestore.OrderUndrain
	w.until(t, time.Minute, "un-drain by the operator", func() bool { return row.State == statestore.NodeRunning && !node.draining })
	row.OrderAction = statestore.OrderDrain
	w.until(t, 7*time.Minute, "end at the deadline", func() bool { return row.State == statestore.NodeTerminated })
}

func TestOverrideScalesByHand(t *testing.T) {
	t.Parallel()
	w := quiet(t, nil)
	four := 4
	w.db.cluster.DesiredOverride = &four
	w.until(t, 6*time.Minute, "four nodes by hand", w.running(4))
	w.pass(5 * time.Minute)
	if !w.running(4)() {
		t.Error("policy took back what was ordered by hand")
	}
	w.db.cluster.DesiredOverride = nil
	w.until(t, 15*time.Minute, "back to the minimum", w.running(2))
}

func TestQuotaTakesWhatFitsAndIsNotHammered(t *testing.T) {
	t.Parallel()
	w := quiet(t, func(p *policy.Policy) { p.MinAvailable = 4 })
	w.cloud.quota = 2
	w.pass(10 * time.Minute)
	if n := len(w.in(statestore.NodeRunning)); n != 2 {
		t.Errorf("%d nodes run, want the two that fit", n)
	}
	if c := w.db.open["quota_reached/sim"]; c.Text == "" {
		t.Errorf("no condition tells of the quota: %v", w.db.open)
	}
	// 30 s, doubled up to 5 min: six rounds in ten minutes, not a hundred.
	if asked := w.met["quota"]; asked > 12 {
		t.Errorf("the provider was asked %d times", asked)
	}
	w.cloud.quota = 10
	w.until(t, 10*time.Minute, "four nodes", w.running(4))
	w.pass(time.Minute)
	if len(w.db.open) != 0 {
		t.Errorf("conditions stay open: %v", w.db.open)
	}
}

func TestAnotherTemplateIsTriedAtOnce(t *testing.T) {
	t.Parallel()
	for _, class := range []provisioner.Class{provisioner.InvalidTemplate, provisioner.NotFound, provisioner.Quota} {
		t.Run(string(class), func(t *testing.T) {
			t.Parallel()
			w := quiet(t, nil)
			w.cloud.refuse, w.cloud.refuseUntil = class, w.now.Add(24*time.Hour)
			asked := func() int { return w.met[string(class)] }
			// Some strikes, so that the block lasts.
			w.until(t, 15*time.Minute, "three refusals", func() bool { return asked() >= 6 })
			w.pass(10 * time.Second)
			before := asked()
			w.pass(30 * time.Second)
			if asked() != before {
				t.Fatal("it is not held back")
			}
			// Another template at the same version: refused as well, and held back anew.
			w.db.cluster.TemplateID, w.db.template.ID = "t2", "t2"
			w.until(t, 20*time.Second, "the other template is tried", func() bool { return asked() > before })
			w.pass(5 * time.Second)
			before = asked()
			w.pass(20 * time.Second)
			if asked() != before {
				t.Errorf("the other template is not held back: asked %d times more", asked()-before)
			}
			w.db.cluster.TemplateID, w.db.template.ID, w.cloud.refuseUntil = "t3", "t3", time.Time{}
			w.until(t, 4*time.Minute, "two nodes of the third", w.running(2))
			for _, row := range w.in(statestore.NodeRunning) {
				if row.TemplateID != "t3" {
					t.Errorf("%s was launched from %s, its row says %s", row.Name, "t3", row.TemplateID)
				}
			}
			w.pass(time.Minute)
			if len(w.db.open) != 0 {
				t.Errorf("conditions stay open: %v", w.db.open)
			}
		})
	}
}

func TestADecisionThatCannotBeFoldedHasItsSnapshot(t *testing.T) {
	t.Parallel()
	w := quiet(t, nil)
	w.until(t, 5*time.Minute, "two nodes", w.running(2))
	w.pass(2 * time.Minute)
	w.db.decision = nil // its row was forgotten
	w.until(t, time.Minute, "another row", func() bool { return w.db.decision != nil })
	if d := w.db.decision; w.met["unfolded"] != 1 || d.Snapshot == nil {
		t.Fatalf("%d decisions could not be folded; then %+v", w.met["unfolded"], d)
	}
	w.check.replay(*w.db.decision)
}

func TestBackoffSurvivesTheManager(t *testing.T) {
	t.Parallel()
	w := quiet(t, nil)
	w.cloud.quota = 0
	w.pass(6 * time.Minute)
	before := w.met["quota"]
	for range 10 {
		w.elect()
		w.step()
	}
	if asked := w.met["quota"] - before; asked > 2 {
		t.Errorf("ten restarts asked the provider %d times", asked)
	}
}

func TestDeadInstanceIsReplacedBeforeItsSilenceTells(t *testing.T) {
	t.Parallel()
	w := quiet(t, nil)
	w.until(t, 5*time.Minute, "two nodes", w.running(2))
	row := w.in(statestore.NodeRunning)[0]
	i := w.cloud.instances[row.InstanceID]
	i.dead, i.State, i.Detail = true, provisioner.Stopped, "process 7 ended"
	w.nodeDies(i)
	died := w.now
	w.until(t, time.Minute, "a launch in its place", func() bool {
		return len(w.in(statestore.NodeRequested))+len(w.in(statestore.NodeLaunching))+len(w.in(statestore.NodeBooting)) > 0
	})
	if late := w.now.Sub(died); late >= time.Duration(w.policy.DegradedGraceS)*time.Second {
		t.Errorf("noticed after %s, no sooner than by silence", late)
	}
	w.until(t, 5*time.Minute, "two nodes again", w.running(2))
	if _, still := w.cloud.instances[i.ID]; still {
		t.Error("the dead instance is not cleared away")
	}
}

func TestPreviewSaysWhatAnEditWouldDoAndWritesNothing(t *testing.T) {
	t.Parallel()
	w := quiet(t, nil)
	w.until(t, 5*time.Minute, "two nodes", w.running(2))
	before := mustJSON([]any{w.db.living(), w.db.cluster, w.db.decision})
	edit := w.policy
	edit.MinAvailable = 3
	plan, err := w.lead.r.Preview(t.Context(), "c", edit)
	if err != nil || plan.Launches() != 1 {
		t.Errorf("preview: %d launches, %v; want 1", plan.Launches(), err)
	}
	edit.MinThreshold = 2
	var fields policy.FieldErrors
	if _, err := w.lead.r.Preview(t.Context(), "c", edit); !errors.As(err, &fields) {
		t.Errorf("preview of an invalid policy: %v", err)
	}
	if after := mustJSON([]any{w.db.living(), w.db.cluster, w.db.decision}); string(after) != string(before) {
		t.Error("the preview left traces")
	}
}

func TestBestSpreadsABurstBeforeAnyReport(t *testing.T) {
	t.Parallel()
	w := quiet(t, func(p *policy.Policy) { p.MinAvailable = 3 })
	_, err := w.lead.r.Best(t.Context(), "c", 1)
	var refused *policy.Refusal
	if !errors.As(err, &refused) || refused.RetryAfter <= 0 {
		t.Fatalf("without a node: %v", err)
	}
	w.until(t, 5*time.Minute, "three nodes", w.running(3))
	given := map[string]int{}
	for range 15 {
		found, err := w.lead.r.Best(t.Context(), "c", 1)
		if err != nil || len(found) != 1 {
			t.Fatalf("best: %v, %v", found, err)
		}
		if p := found[0]; p.Port != 4433 || p.Address != "192.0.2.1" || p.CertSHA256 != "pin" || p.Name == "" {
			t.Fatalf("placement lacks something: %+v", p)
		}
		given[found[0].NodeID]++
	}
	for id, n := range given {
		if n != 5 {
			t.Errorf("%s got %d of 15 clients; all: %v", id, n, given)
		}
	}
	for id := range w.nodes {
		found, err := w.lead.r.Best(t.Context(), "c", 1, id)
		if err != nil || found[0].NodeID == id {
			t.Errorf("without %s: %v, %v", id, found, err)
		}
	}
	striped, err := w.lead.r.Best(t.Context(), "c", 8)
	if err != nil || len(striped) != 3 {
		t.Errorf("to stripe: %d nodes, %v; want all three", len(striped), err)
	}
}

func TestStepUnderAnOldTermStops(t *testing.T) {
	t.Parallel()
	w := quiet(t, nil)
	w.until(t, 5*time.Minute, "two nodes", w.running(2))
	old := w.lead
	w.elect()
	for range 2 {
		if err := old.r.Step(t.Context(), old.term); !errors.Is(err, statestore.ErrFenced) {
			t.Errorf("step under an old term: %v", err)
		}
	}
}

func TestLeadReturnsWhenItsTermIsOver(t *testing.T) {
	t.Parallel()
	w := quiet(t, nil)
	err := w.lead.r.Lead(t.Context(), w.lead.term-1)
	if !errors.Is(err, statestore.ErrFenced) {
		t.Errorf("lead under an old term: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.lead.r.Lead(ctx, w.lead.term); !errors.Is(err, context.Canceled) {
		t.Errorf("lead under an ended context: %v", err)
	}
}

func TestConfigurationMustBeWhole(t *testing.T) {
	t.Parallel()
	if _, err := cluster.New(cluster.Config{}); err == nil {
		t.Error("a reconciler without a store was made")
	}
}
