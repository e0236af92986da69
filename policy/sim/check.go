package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/godwit/godwit/policy"
)

// Violation is a broken promise.
type Violation struct {
	Promise string
	At      time.Time
	Detail  string
}

// check holds the promises against what happens.
type check struct {
	w          *world
	m          *manager
	violations []Violation
	// excused is when something last happened that excuses that a floor does not
	// hold.
	excused time.Time
	// below is, for each node that the floor asks for, when as many last were
	// available or not asked for. Each counts by itself: when the floor rises while
	// one is on its way, the others' launches begin then, and not with its.
	below []time.Time
	// busyUntil is when the last session was seen.
	busyUntil time.Time
	// drained is when a node was last drained for want of load.
	drained         time.Time
	available, high int
	// refilled counts the launches for the warm pool since load and faults ended,
	// without those that failed and those that replace a started node.
	refilled int
	demands  []demand
	// crowded is since when a node has been crowded that others could relieve.
	crowded map[string]time.Time
	// atRest is since when nothing has been left to do; zero: something is.
	atRest time.Time
}

type demand struct {
	at    time.Time
	nodes float64
}

func (k *check) broken(promise, format string, args ...any) {
	v := Violation{Promise: promise, At: k.w.now, Detail: fmt.Sprintf(format, args...)}
	k.w.story.add(k.w.now, "BROKEN: %s: %s", promise, v.Detail)
	k.violations = append(k.violations, v)
}

func (k *check) excuse() { k.excused = k.w.now }

// plan checks a plan before it is carried out, against what is really there.
func (k *check) plan(s policy.Snapshot, p policy.Plan) {
	if len(p.Reasons) == 0 {
		k.broken("every plan has reasons", "none")
	}
	for _, a := range p.Actions {
		if a.Reason.Text == "" {
			k.broken("every action has a reason", "%s %s has none", a.Kind, a.NodeID)
		}
		if a.Kind == policy.ActionTerminate || a.Kind == policy.ActionStop {
			k.terminates(a)
		}
		if a.Kind == policy.ActionDrain && a.Cause == policy.DrainScaleIn {
			k.drained = k.w.now
		}
	}
	k.moves(p)
	k.balance(p)
	k.floor(p)
	k.flapping(p)
	k.window(p)
	k.warm(p)
	k.rollout(p)
	if k.w.c.Shape == Greedy && k.w.c.Faults.quiet() && len(k.w.c.Policy.Schedules) == 0 {
		k.greedy(p)
	}
	if k.w.c.ReplayAll {
		k.again(s, p)
	}
	if k.w.rand.IntN(150) == 0 {
		k.replay(s, p)
	}
}

// terminates: no decision ends a live session. A drain deadline may, for those
// that cannot move; a lost node serves nobody as far as anyone can know.
func (k *check) terminates(a policy.Action) {
	i, row := k.w.instance(a.NodeID), k.m.row(a.NodeID)
	if i == nil || !i.serves() || row.State == policy.Lost {
		return
	}
	live := 0
	for _, c := range i.clients {
		if c.connected(k.w.now) {
			live++
		}
	}
	if live == 0 || a.Kind == policy.ActionTerminate && row.State == policy.Draining && !k.w.now.Before(row.DrainDeadline) {
		return
	}
	k.broken("no live session is ended by a decision", "%s (%s) has %d at its %s: %s", a.NodeID, row.State, live, a.Kind, a.Reason.Text)
}

// floor: never below min available for longer than a launch and two evaluations
// while launches succeed and there is room for them.
func (k *check) floor(p policy.Plan) {
	c := p.Capacity
	excused := len(p.Actions) > 0 && slices.ContainsFunc(p.Actions, func(a policy.Action) bool {
		return a.Kind == policy.ActionLost || a.Kind == policy.ActionTerminate && a.Reason.Code != policy.CodeDrained
	}) || len(k.m.errors) > 0 || c.Degraded > 0 || c.Instances >= k.w.c.Policy.MaxNodes ||
		slices.ContainsFunc(p.Reasons, func(r policy.Reason) bool { return r.Code == policy.CodeLaunchLimited }) ||
		slices.ContainsFunc(k.w.instances, func(i *instance) bool { return i.joinsAt.IsZero() || i.dead || k.unheard(i) }) ||
		// Lost to load or a fault just now, perhaps the moment it joined: the launch begins now.
		c.Available < k.available || c.High > k.high
	k.available, k.high = c.Available, c.High
	if excused {
		k.excuse()
	}
	for len(k.below) < c.MinAvailable {
		k.below = append(k.below, k.w.now.Add(-k.w.c.Step)) // not asked for until the last evaluation
	}
	k.below = k.below[:c.MinAvailable]
	for n := range min(c.Available, c.MinAvailable) {
		k.below[n] = k.w.now
	}
	limit := k.w.c.Faults.BootMax + 2*k.w.c.Step + 2*k.w.c.Step // two evaluations, and two reports on the way
	for _, since := range k.below {
		if below := min(k.w.now.Sub(since), k.w.now.Sub(k.excused)); below > limit {
			k.broken("min available holds again within a launch and two evaluations",
				"%d of %d available for %v (limit %v): %s", c.Available, c.MinAvailable, below, limit, p.Explain())
			return
		}
	}
}

// window: a node goes only when, all through the scale-in window, demand would
// have fitted onto those that stay.
func (k *check) window(p policy.Plan) {
	leaves := p.Capacity.Running
	for _, a := range p.Actions {
		if a.Kind == policy.ActionDrain && a.Cause == policy.DrainScaleIn {
			leaves--
		}
	}
	k.demands = append(k.demands, demand{k.w.now, p.Capacity.Demand})
	from := k.w.now.Add(-seconds(k.w.c.Policy.ScaleInWindowS))
	k.demands = slices.DeleteFunc(k.demands, func(d demand) bool { return !d.at.After(from) })
	if leaves == p.Capacity.Running {
		return
	}
	for _, d := range k.demands {
		if d.nodes > float64(leaves)*k.w.c.Policy.MaxThreshold {
			k.broken("scale-in waits for its window", "%d nodes stay, but demand was worth %.2f at %s: %s",
				leaves, d.nodes, k.w.story.clock(d.at), p.Explain())
			return
		}
	}
}

// unheard: the node has joined, but its first report is lost.
func (k *check) unheard(i *instance) bool {
	r := k.m.row(i.id)
	return i.joined && r != nil && r.State.Pending()
}

// flapping: load that oscillates around a threshold launches nothing within ten
// minutes of a node drained for want of load.
func (k *check) flapping(p policy.Plan) {
	c := k.w.c
	if c.Shape != Oscillation || !c.Faults.quiet() || p.Launches() == 0 || k.drained.IsZero() || len(c.Policy.Schedules) > 0 {
		return
	}
	// The window is the operator's: one shorter than the load's period is asked to
	// flap. So is a reserve of idle nodes, which every client that wakes one breaks.
	if c.Policy.ScaleInWindowS < 600 || c.Policy.MinIdle > 0 || k.w.now.Sub(k.drained) > 10*time.Minute {
		return
	}
	k.broken("no flapping", "a launch %v after a drain for want of load: %s", k.w.now.Sub(k.drained), p.Explain())
}

// greedy: one client never causes a launch beyond the floors of an empty cluster
// (min available, plus min idle since it keeps one node from being idle).
func (k *check) greedy(p policy.Plan) {
	if k.m.serial+p.Launches() > max(p.Capacity.MinAvailable, p.Capacity.MinIdle+1, 1)+k.warmNodes() {
		k.broken("one greedy client launches nothing", "launch %d: %s", k.m.serial+p.Launches(), p.Explain())
	}
}

func (f Faults) quiet() bool {
	return f.LaunchFails+f.NeverJoins+f.StartFails == 0 && f.Death+f.Silence+f.Sickness+f.Capacity+f.Restart+f.Outage+f.Renewal == 0
}

// again: the same snapshot in another order gives the same plan. It draws nothing
// from the world's chance, so that a history is the same with and without it.
func (k *check) again(s policy.Snapshot, p policy.Plan) {
	nodes := slices.Clone(s.Nodes)
	slices.Reverse(nodes)
	s.Nodes = nodes
	if again := policy.Decide(s, k.w.c.Policy, k.w.now); !reflect.DeepEqual(p, again) {
		k.broken("replay", "\n%+v\n%+v", p, again)
	}
}

// replay: the stored snapshot gives the same plan, bit for bit, in any order of
// its nodes.
func (k *check) replay(s policy.Snapshot, p policy.Plan) {
	stored, err := json.Marshal(s)
	if err != nil {
		k.broken("replay", "snapshot: %v", err)
		return
	}
	var again policy.Snapshot
	if err := json.Unmarshal(stored, &again); err != nil {
		k.broken("replay", "snapshot: %v", err)
		return
	}
	k.w.rand.Shuffle(len(again.Nodes), func(i, j int) { again.Nodes[i], again.Nodes[j] = again.Nodes[j], again.Nodes[i] })
	one, _ := json.Marshal(p)
	two, _ := json.Marshal(policy.Decide(again, k.w.c.Policy, k.w.now))
	if !bytes.Equal(one, two) {
		k.broken("replay", "\n%s\n%s", one, two)
	}
}

// after checks what is there once the plan is carried out.
func (k *check) after(p policy.Plan) {
	exist := 0
	for _, r := range k.m.rows {
		// One that ends out of the warm pool does not run on its way.
		i := k.w.instance(r.ID)
		if r.State.Counts() && (r.State != policy.Terminating || i != nil && !i.stopped) {
			exist++
		}
	}
	if n := max(exist, k.w.up()); n > k.w.c.Policy.MaxNodes+k.surge() {
		k.broken("max is never exceeded", "%d nodes of %d: %s", n, k.w.c.Policy.MaxNodes, p.Explain())
	}
	recent := 0
	limit := k.w.c.Policy.LaunchLimit
	for _, at := range k.m.launches {
		if k.w.now.Sub(at) < time.Duration(limit.PerSeconds)*time.Second {
			recent++
		}
	}
	if recent > limit.Count {
		k.broken("the launch limit holds", "%d in %d s", recent, limit.PerSeconds)
	}
	if len(k.w.clients) > 0 || k.w.calm() {
		k.busyUntil = k.w.now
		return
	}
	settle := seconds(k.w.c.Policy.ScaleInWindowS+k.w.c.Policy.DrainTimeoutS) + 4*k.w.c.Step
	floor := max(k.minimum(), p.Capacity.MinAvailable)
	if p.Capacity.MinAvailable > k.minimum() {
		k.busyUntil, k.atRest = k.w.now, time.Time{} // a schedule is load too
		return
	}
	serving := p.Capacity.Running + p.Capacity.Pending + p.Capacity.Draining
	if refills(p) {
		k.busyUntil = k.w.now // they become idle, drain and stop
	}
	if serving > floor || len(p.Actions) > 0 || len(k.m.rows)-k.stopped() != p.Capacity.Running {
		k.atRest = time.Time{}
	} else if k.atRest.IsZero() {
		k.atRest = k.w.now
	}
	if k.w.now.Sub(k.busyUntil) > settle && serving > floor {
		k.broken("back at minimum after the load", "%d nodes serve, minimum %d: %s", serving, floor, p.Explain())
	}
}

func (k *check) settled() bool {
	return !k.atRest.IsZero() && k.w.now.Sub(k.atRest) > seconds(k.w.c.Policy.ScaleInWindowS)+10*time.Minute
}

func (k *check) minimum() int {
	return max(k.w.c.Policy.MinAvailable, k.w.c.Policy.MinIdle)
}

// end checks what a run leaves behind.
func (k *check) end() {
	if len(k.violations) > 0 {
		return
	}
	if n := len(k.w.clients); n > 0 {
		k.broken("everyone is served in the end", "%d clients are not", n)
	}
	if k.m.rollouts.now != nil {
		k.broken("every rollout ends", "one of version %d began at %s", k.m.wanted, k.w.story.clock(k.m.rollouts.began))
	}
	if warm := k.stopped(); k.settled() && k.w.c.Policy.MaxNodes > len(k.m.rows)-warm && warm != k.warmNodes() {
		k.broken("the warm pool is full in the end", "%d stopped, %d wanted", warm, k.warmNodes())
	}
	for _, r := range k.m.rows {
		if r.State == policy.Stopped {
			continue
		}
		age := k.w.now.Sub(r.Since)
		if r.State != policy.Running && age > 2*time.Minute && age > seconds(k.w.c.Policy.DrainTimeoutS) {
			k.broken("no row is stuck", "%s is %s since %s", r.ID, r.State, k.w.story.clock(r.Since))
		}
	}
}
