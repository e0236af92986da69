package cluster_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/statestore"
)

// checker holds the promises against what happens. Time limits count only while
// a manager with a store was there to act: down() starts them anew.
type checker struct {
	w        *world
	lastDown time.Time
	orphan   map[string]time.Time
	// rested rows end from the warm pool: they don't run while they do.
	rested map[string]bool
	// shortSince is since when the floor is broken and nothing else to blame, and
	// ran how many nodes did by then.
	shortSince time.Time
	ran        int
	backHome   bool
	loadUntil  time.Time
	// drained are the times of drains for want of load.
	draining []string
	drained  []time.Time
}

// down notes that nobody could act just now.
func (k *checker) down() { k.lastDown = k.w.now }

// acted is for how long managers have been able to act without a break.
func (k *checker) acted(since time.Time) time.Duration {
	if k.lastDown.After(since) {
		since = k.lastDown
	}
	return k.w.now.Sub(since)
}

// count: rows that may have an instance never exceed the maximum, and they are
// not requested faster than the launch limit allows, whoever leads.
func (k *checker) count() {
	recent := 0
	for _, row := range k.w.db.rows {
		if k.w.now.Sub(row.RequestedAt) < time.Duration(k.w.policy.LaunchLimit.PerSeconds)*time.Second {
			recent++
		}
	}
	if recent > k.w.policy.LaunchLimit.Count {
		k.w.fault("%d launches within %d s, limit %d", recent, k.w.policy.LaunchLimit.PerSeconds, k.w.policy.LaunchLimit.Count)
	}
	rows := 0
	for _, row := range k.w.db.living() {
		if policy.State(row.State).Counts() && !k.rested[row.ID] {
			rows++
		}
	}
	if rows > k.most() {
		k.w.fault("%d rows, maximum %d", rows, k.most())
	}
}

// launched: one node, one machine; none without a row that asked for it.
func (k *checker) launched(q provisioner.LaunchRequest) {
	row := k.w.db.rows[q.NodeID]
	if row == nil {
		k.w.fault("an instance for %s was made before its row", q.NodeID)
		return
	}
	same := 0
	for _, i := range k.w.instances() {
		if i.NodeID == q.NodeID && i.exists() {
			same++
		}
	}
	if same > 1 {
		k.w.fault("%d instances of %s", same, q.NodeID)
	}
	k.running()
}

// running: instances that run never exceed the maximum.
func (k *checker) running() {
	all := 0
	for _, i := range k.w.instances() {
		row := k.w.db.rows[i.NodeID]
		// Twins are the cloud's own doing; what a late answer wakes is put back to
		// rest.
		if i.exists() && i.ClientToken != "" && i.State != provisioner.Stopped && row.State != statestore.NodeStopped && !k.rested[i.NodeID] {
			all++
		}
	}
	if all > k.most() {
		k.w.fault("%d instances, maximum %d", all, k.most())
	}
}

// ends: no decision ends a live session; only a drain deadline may, or a node
// that nobody hears. Losing its credentials ends a node as well.
func (k *checker) ends(n *simNode) {
	if len(n.sessions) == 0 {
		return
	}
	row := k.w.db.rows[n.id]
	late := row.DrainDeadline != nil && !k.w.now.Before(*row.DrainDeadline)
	if !late && row.FailureReason == "" {
		k.w.fault("%s is ended with %d live sessions; its row: %s, drain %q until %v",
			n.id, len(n.sessions), row.State, row.DrainReason, row.DrainDeadline)
	}
}

// asked: only who can move is asked, and nobody twice within a report timeout.
func (k *checker) asked(n *simNode, c *simClient) {
	window := time.Duration(k.w.policy.ReportTimeoutS) * time.Second
	if !c.movable {
		k.w.fault("%s is asked to leave %s and cannot", c.id, n.id)
	}
	// An order may be up to two slow calls old when it arrives.
	if !c.asked.IsZero() && k.w.now.Sub(c.asked) < window-20*time.Second {
		k.w.fault("%s is asked to move twice within %s", c.id, k.w.now.Sub(c.asked))
	}
	c.asked = k.w.now
}

// arrived: who was asked to leave does not come back at once while others serve.
func (k *checker) arrived(n *simNode, c *simClient) {
	if c.from == "" {
		return
	}
	k.w.meet("moved by request")
	if c.from == n.id {
		k.w.meet("came back")
	}
}

// moved checks a row's step.
func (k *checker) moved(old *statestore.Node, to statestore.NodeState) {
	if old.State == statestore.NodeStopped && to == statestore.NodeTerminating {
		k.rested[old.ID] = true
	}
	if to == statestore.NodeDraining {
		k.draining = append(k.draining, old.ID)
	}
	if to != statestore.NodeTerminated {
		return
	}
	asked := old.State == statestore.NodeTerminating
	if asked && !k.w.retired[old.ID] {
		k.w.fault("%s is closed and its credentials are good", old.ID)
	}
	for _, i := range k.w.instances() {
		if i.NodeID == old.ID && i.exists() && !k.w.now.Before(i.listedAt) && i.ID == old.InstanceID {
			k.w.fault("the row of %s is closed and %s exists", old.ID, i.ID)
		}
	}
}

// replay: the stored decision, made again, is the same to the byte.
func (k *checker) replay(d statestore.Decision) {
	var s policy.Snapshot
	if err := json.Unmarshal(d.Snapshot, &s); err != nil {
		k.w.fault("stored snapshot: %v", err)
		return
	}
	k.w.meet("replayed decision")
	if again := mustJSON(policy.Decide(s, k.w.policy, d.At)); !bytes.Equal(again, d.Plan) {
		k.w.fault("replay differs:\n%s\n%s", again, d.Plan)
	}
}

// limits are how long a row may stay in a state while managers act.
func (k *checker) limit(row *statestore.Node) time.Duration {
	p := k.w.policy
	const slack = 100 * time.Second // backoff of an effect and its delay
	switch row.State {
	case statestore.NodeRequested, statestore.NodeLaunching, statestore.NodeBooting, statestore.NodeStopping, statestore.NodeStarting:
		return time.Duration(p.LaunchTimeoutS)*time.Second + slack
	case statestore.NodeDraining:
		return time.Duration(p.DrainTimeoutS)*time.Second + slack
	case statestore.NodeLost:
		return time.Duration(p.LostGraceS)*time.Second + slack
	case statestore.NodeTerminating:
		return 2*time.Minute + slack
	case statestore.NodeFailed:
		return slack
	}
	return 0
}

// launchTime is the longest that a launch takes where all obey: the way to the
// provider in slow calls, and the boot.
const launchTime = 90*time.Second + 3*time.Minute

// floor: while the provider obeys, fewer nodes than wanted are available for no
// longer than a launch takes and two evaluations. Load may take each node that comes:
// then the next one has that time.
func (k *checker) floor() {
	w := k.w
	available, counted, before := 0, 0, k.ran
	k.ran = 0
	for _, row := range w.db.living() {
		if policy.State(row.State).Counts() {
			counted++
		}
		if row.State == statestore.NodeRunning {
			k.ran++
		}
		if row.State == statestore.NodeRunning && policy.Pool(row.Pool).Available() {
			available++
		}
	}
	if available >= w.policy.MinAvailable || counted >= w.policy.MaxNodes {
		k.shortSince = time.Time{}
		return
	}
	if k.shortSince.IsZero() || k.shortSince.Before(w.troubledAt) || k.ran > before {
		k.shortSince = w.now
		if w.troubledAt.After(w.now) {
			k.shortSince = w.troubledAt
		}
	}
	short := w.now.Sub(k.shortSince)
	w.met["longest below minimum, s"] = max(w.met["longest below minimum, s"], int(short.Seconds()))
	if short > launchTime+2*stepTime {
		w.fault("%d of %d nodes are available for %s", available, w.policy.MinAvailable, short)
	}
}

// home: when the load is over the cluster is back at its minimum within the
// scale-in window and the drain timeout, and what was on its way by then is done.
func (k *checker) home() {
	w := k.w
	if w.quiet || !w.calm() || k.backHome {
		return
	}
	if len(w.clients) > 0 {
		k.loadUntil = w.now
	}
	over := min(w.now.Sub(k.loadUntil), w.now.Sub(w.start)-loadTime)
	open := 0
	for _, row := range w.db.living() {
		switch row.State {
		case statestore.NodeStopped, statestore.NodeStopping, statestore.NodeTerminating:
		default:
			open++
		}
	}
	if open == w.policy.MinAvailable {
		k.backHome = true
		w.met["longest way home, s"] = max(w.met["longest way home, s"], int(over.Seconds()))
		return
	}
	p := w.policy
	if over > time.Duration(p.ScaleInWindowS+p.DrainTimeoutS)*time.Second+k.homeSlack() {
		w.fault("%d nodes %s after the load is over; minimum %d", open, over, p.MinAvailable)
	}
}

// homeSlack is what faults just before the end still take.
func (k *checker) homeSlack() time.Duration {
	if k.w.obedient {
		return 2 * stepTime
	}
	return time.Duration(k.w.policy.LostGraceS)*time.Second + time.Minute
}

func (k *checker) step() {
	w := k.w
	for _, id := range k.draining {
		if strings.HasPrefix(w.db.rows[id].DrainReason, string(policy.DrainScaleIn)) {
			k.drained = append(k.drained, w.db.rows[id].StateSince)
		}
	}
	k.draining = nil
	k.floor()
	k.home()
	if w.lead.r == nil || w.now.Before(w.lead.upAt) || w.db.away() {
		k.down()
	}
	for _, c := range w.clouds() {
		if w.now.Before(c.listsFail) || w.now.Before(c.throttled) {
			k.down()
		}
	}
	for _, row := range w.db.living() {
		if limit := k.limit(row); limit > 0 && k.acted(row.StateSince) > limit {
			w.fault("%s is stuck: %s for %s (%s)", row.ID, row.State, w.now.Sub(row.StateSince), row.FailureReason)
		}
	}
	if k.orphan == nil {
		k.orphan = map[string]time.Time{}
	}
	for _, i := range w.instances() {
		row := w.db.rows[i.NodeID]
		wanted := row != nil && row.State != statestore.NodeTerminated && (row.InstanceID == "" || row.InstanceID == i.ID)
		if wanted || !i.exists() {
			delete(k.orphan, i.ID)
			continue
		}
		since, known := k.orphan[i.ID]
		if !known {
			// What the cloud does not list nobody can end: a twin may be hidden for
			// longer than the list lag, and only a list tells of it.
			since = w.now
			if i.listedAt.After(since) {
				since = i.listedAt
			}
			k.orphan[i.ID] = since
			w.meet("orphan")
		}
		if k.acted(since) > 30*time.Second+100*time.Second {
			w.fault("%s of %s has been leaking for %s", i.ID, i.NodeID, w.now.Sub(since))
		}
	}
}

// settled: there is nothing left to wait for.
func (k *checker) settled() bool {
	w := k.w
	for _, c := range w.db.open {
		if c.Kind != "clock_wrong" && c.Kind != "rollout_rolled_back" {
			return false
		}
	}
	return k.backHome && !w.newestRollout().State.UnderWay() && settledAt(w.policy.MinAvailable, w.policy.WarmNodes)(w) && len(w.clients) == 0
}

// end: load and faults are over, and all has settled or had the time to.
func (k *checker) end() {
	w := k.w
	rows, exist, warm := 0, 0, 0
	for _, row := range w.db.living() {
		rows++
		switch row.State {
		case statestore.NodeRunning:
		case statestore.NodeStopped:
			warm++
			if i := w.instanceOf(row); i == nil || i.State != provisioner.Stopped {
				w.fault("at the end %s is stopped and its instance is not", row.ID)
			}
		default:
			w.fault("at the end %s is %s", row.ID, row.State)
		}
	}
	for _, i := range w.instances() {
		if !i.exists() {
			continue
		}
		exist++
		if row := w.db.rows[i.NodeID]; row == nil || row.InstanceID != i.ID {
			w.fault("at the end %s of %s is leaked", i.ID, i.NodeID)
		}
	}
	if rows != exist || rows-warm != w.policy.MinAvailable || warm != w.policy.WarmNodes {
		w.fault("at the end %d rows, %d of them stopped, %d instances; minimum %d, warm %d", rows, warm, exist, w.policy.MinAvailable, w.policy.WarmNodes)
	}
	if r := w.newestRollout(); r.State.UnderWay() {
		w.fault("at the end rollout %d is %s: %s", r.Generation, r.State, r.Doing)
	}
	if len(w.clients) > 0 {
		w.fault("at the end %d clients are not done", len(w.clients))
	}
	for kind, c := range w.db.open {
		if c.Kind != "clock_wrong" && c.Kind != "rollout_rolled_back" { // clock and template stay as they are
			w.fault("at the end condition %s is open: %s", kind, c.Text)
		}
	}
}
