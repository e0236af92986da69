package cluster_test

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/statestore"
)

var simCrash = flag.Int("sim.crash", 0, "the one history of the crash sweep to replay: 1000 × its number + the call at which the manager dies")

// plot is a small history without any fault: what is there when it begins, what
// then happens, and what must be there in the end.
type plot struct {
	name          string
	policy        func(*policy.Policy)
	begin         func(*world) bool // true once the scene is set
	event         func(*world)
	running, warm int
	// mixed: there are two clouds.
	mixed bool
	done  func(*world) bool // settled, if nil
}

func settledAt(running, warm int) func(*world) bool {
	return func(w *world) bool {
		return len(w.in(statestore.NodeRunning)) == running && len(w.in(statestore.NodeStopped)) == warm && len(w.db.living()) == running+warm
	}
}

func override(n int) func(*world) { return func(w *world) { w.db.cluster.DesiredOverride = &n } }

func (w *world) orderFirst(order statestore.NodeOrder) {
	row := w.in(statestore.NodeRunning)[0]
	row.OrderAction, row.OrderBy = order, "olga"
}

var plots = []plot{
	{name: "the first nodes are launched", begin: settledAt(0, 0), event: func(*world) {}, running: 2},
	{name: "a node more by hand", begin: settledAt(2, 0), event: override(3), running: 3},
	{
		name: "a node less is drained and ended", begin: func(w *world) bool { override(3)(w); return settledAt(3, 0)(w) },
		event: func(w *world) { w.db.cluster.DesiredOverride = nil }, running: 2,
	},
	{
		name: "a node less is drained and stopped", begin: func(w *world) bool { override(3)(w); return settledAt(3, 0)(w) },
		event: func(w *world) {
			w.db.cluster.DesiredOverride = nil
			w.policyNow(func(p *policy.Policy) { p.WarmNodes = 1 })
		},
		running: 2, warm: 1,
	},
	{
		name: "a warm node is started", policy: func(p *policy.Policy) { p.WarmNodes = 1 },
		begin: func(w *world) bool { override(3)(w); return settledAt(3, 1)(w) },
		event: func(w *world) { override(4)(w); w.policyNow(func(p *policy.Policy) { p.WarmNodes = 0 }) }, running: 4,
	},
	{
		name: "a warm node is ended", policy: func(p *policy.Policy) { p.WarmNodes = 1 },
		begin: func(w *world) bool { override(3)(w); return settledAt(3, 1)(w) },
		event: func(w *world) { w.policyNow(func(p *policy.Policy) { p.WarmNodes = 0 }) }, running: 3,
	},
	{
		name: "a new version is rolled out", begin: settledAt(2, 0), running: 2,
		event: func(w *world) { w.release(false); w.rollOut(w.policy.Rollout) }, done: rolledOut(statestore.RolloutDone, 2, 2),
	},
	{
		name: "a sick version is rolled back", begin: settledAt(2, 0), running: 2,
		policy: func(p *policy.Policy) { p.Rollout.MaxFailures, p.LaunchTimeoutS = 1, 200 },
		event:  func(w *world) { w.release(true); w.rollOut(w.policy.Rollout) }, done: rolledOut(statestore.RolloutRolledBack, 1, 2),
	},
	{name: "an operator ends a node", begin: settledAt(2, 0), event: func(w *world) { w.orderFirst(statestore.OrderTerminate) }, running: 2},
	{name: "an operator kills a node", begin: settledAt(2, 0), event: func(w *world) { w.orderFirst(statestore.OrderKill) }, running: 2},
	{
		name: "an instance dies", begin: settledAt(2, 0), running: 2,
		event: func(w *world) {
			i := w.cloud.instances[w.in(statestore.NodeRunning)[0].InstanceID]
			i.dead, i.State = true, provisioner.Stopped
			w.nodeDies(i)
		},
	},
	{
		name: "the cloud refuses at first", begin: settledAt(0, 0), running: 2,
		event: func(w *world) {
			w.cloud.refuse, w.cloud.refuseUntil = provisioner.Capacity, w.now.Add(20*time.Second)
		},
	},
	{name: "the second cloud has what the first has not", mixed: true, begin: settledAt(0, 0), running: 2, event: func(w *world) {
		w.cloud.refuse, w.cloud.refuseUntil = provisioner.Capacity, w.now.Add(time.Hour)
	}},
	{name: "one fits at the first cloud, the others go to the second", mixed: true, begin: settledAt(0, 0), running: 3, event: func(w *world) {
		w.cloud.quota = 1
		override(3)(w)
	}},
	{
		name: "nodes of two clouds are ended", mixed: true, running: 2,
		begin: func(w *world) bool { w.cloud.quota = 2; override(4)(w); return settledAt(4, 0)(w) },
		event: func(w *world) { w.db.cluster.DesiredOverride = nil },
	},
}

// policyNow edits the policy as an operator does: a new version.
func (w *world) policyNow(edit func(*policy.Policy)) {
	edit(&w.policy)
	w.db.policy.Version++
	w.db.policy.Policy = mustJSON(w.policy)
	w.db.cluster.PolicyVersion = w.db.policy.Version
}

// perform plays a plot; the manager dies at the given call after the event, 0:
// never. It returns the world and how many calls the plot took.
func (p plot) perform(crashAt int) (*world, int) {
	w := newWorld(1)
	w.quiet, w.mixed = true, p.mixed
	w.policy.MinAvailable, w.policy.ScaleInWindowS, w.policy.MaxNodes = 2, 30, 4
	if p.policy != nil {
		p.policy(&w.policy)
	}
	w.begin()
	defer w.stop()
	for end := w.now.Add(30 * time.Minute); !p.begin(w) && len(w.faults) == 0; w.step() {
		if w.now.After(end) {
			w.fault("the scene of %q is never set", p.name)
		}
	}
	before := w.touches
	if crashAt > 0 {
		w.crashAt = before + crashAt
	}
	p.event(w)
	calls := 0
	done := p.done
	if done == nil {
		done = settledAt(p.running, p.warm)
	}
	for end := w.now.Add(15 * time.Minute); len(w.faults) == 0; w.step() {
		if calls == 0 && w.now.After(end.Add(-14*time.Minute)) && done(w) {
			calls = w.touches - before
		}
		if calls > 0 && done(w) && w.touches > w.crashAt+200 {
			break
		}
		if w.now.After(end) {
			w.fault("not settled: %d running and %d stopped of %d rows", len(w.in(statestore.NodeRunning)), len(w.in(statestore.NodeStopped)), len(w.db.living()))
		}
	}
	for _, i := range w.instances() {
		if row := w.db.rows[i.NodeID]; i.exists() && (row.InstanceID != i.ID || row.State == statestore.NodeTerminated) {
			w.fault("in the end %s of %s is leaked", i.ID, i.NodeID)
		}
	}
	return w, calls
}

// TestCrashSweep lets the manager die before and after every write to the store
// and every call of a provider or a node, one after the other, in histories that
// cover a node's life: the next manager brings each to the same end, with no
// instance leaked or doubled and no row stuck.
func TestCrashSweep(t *testing.T) {
	t.Parallel()
	if *simCrash != 0 {
		w, _ := plots[*simCrash/1000].perform(*simCrash % 1000)
		t.Log(w.story())
		for _, fault := range w.faults {
			t.Error(fault)
		}
		return
	}
	// All of them with the thousand seeds of make sim, else a sample.
	stride := max(1, 500 / *simSeeds)
	for number, p := range plots {
		whole, calls := p.perform(0)
		if len(whole.faults) > 0 || calls < 10 {
			t.Fatalf("%s: %d calls, without a crash: %v\n%s", p.name, calls, whole.faults, whole.ending(40))
		}
		crashed := 0
		for k := 1 + number%stride; k <= min(calls, 999); k += stride {
			t.Run(fmt.Sprint(1000*number+k), func(t *testing.T) {
				w, _ := p.perform(k)
				crashed += w.met["crash"]
				if len(w.faults) > 0 {
					t.Errorf("%s: %s\n…\n%s\nreplay: go test ./cluster -run TestCrashSweep -v -sim.crash=%d",
						p.name, w.faults[0], w.ending(60), 1000*number+k)
				}
			})
		}
		if crashed < calls/stride/2 {
			t.Errorf("%s: %d crashes in %d calls", p.name, crashed, calls)
		}
	}
}
