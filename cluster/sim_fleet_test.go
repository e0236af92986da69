package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/godwit/godwit/cluster"
	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/statestore"
)

const nodeBps = int64(1e9)

// simNode is the software on an instance that has joined.
type simNode struct {
	id, instance string
	draining     bool
	deaf         bool      // its commands are lost
	silentUntil  time.Time // its reports and commands are lost
	sickUntil    time.Time
	sessions     []*simClient
	report       *cluster.Report
	reportedAt   time.Time
	lag          time.Duration // of its reports
	underway     []underway
	skew         time.Duration // of its clock
	unapplied    bool          // a part of its configuration waits
}

// simClient has bytes to move; it asks for a node, connects, and asks again
// when it is sent away.
type simClient struct {
	id       string
	wanted   int64 // bits per second
	left     float64
	movable  bool
	node     *simNode
	goingTo  string // node that it was sent to
	arrives  time.Time
	askAgain time.Time
	moveAt   time.Time
	since    time.Time
	from     string // node that asked it to leave
	asked    time.Time
}

// nodeJoins: the row must still want it, as the real join demands.
func (w *world) nodeJoins(i *simInstance) {
	row := w.db.rows[i.NodeID]
	joinable := row != nil && slices.Contains([]statestore.NodeState{
		statestore.NodeLaunching, statestore.NodeBooting, statestore.NodeRunning, statestore.NodeDraining, statestore.NodeLost,
		statestore.NodeStarting, statestore.NodeStopped, statestore.NodeStopping, // these by the key of its first join
	}, row.State)
	if !joinable || w.retired[i.NodeID] {
		w.tell("%s is refused to join as %s", i.ID, i.NodeID)
		return
	}
	n := &simNode{id: i.NodeID, instance: i.ID}
	if w.chance(20) {
		n.skew = 3 * time.Hour
	}
	w.nodes[i.NodeID] = n
	w.tell("%s joins as %s", i.ID, i.NodeID)
}

// nodeDies breaks its sessions; their clients ask again.
func (w *world) nodeDies(i *simInstance) {
	if n := w.nodes[i.NodeID]; n != nil && n.instance == i.ID {
		w.breaks(n)
	}
}

func (w *world) breaks(n *simNode) {
	for _, c := range n.sessions {
		c.node, c.askAgain = nil, w.now.Add(5*time.Second)
	}
	n.sessions = nil
	delete(w.nodes, n.id)
}

func (w *world) sortedNodes() []*simNode {
	var nodes []*simNode
	for _, n := range w.nodes {
		nodes = append(nodes, n)
	}
	slices.SortFunc(nodes, func(a, b *simNode) int { return compare(a.id, b.id) })
	return nodes
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// advance moves everything outside the managers by one step.
func (w *world) advance() {
	for _, c := range w.clouds() {
		c.advance()
	}
	w.arrive()
	for _, n := range w.sortedNodes() {
		w.serve(n)
	}
	for _, c := range w.clients {
		w.seek(c)
	}
	w.clients = slices.DeleteFunc(w.clients, func(c *simClient) bool { return c.left <= 0 })
	if w.chance(400) {
		w.db.awayUntil = w.now.Add(w.between(4*time.Second, time.Minute))
		w.tell("the store is away for %s", w.db.awayUntil.Sub(w.now))
		w.trouble(w.db.awayUntil)
		w.meet("store away")
		w.check.down()
	}
	if w.chance(150) {
		w.order()
	}
	if w.chance(100) {
		w.db.template.Version++
		w.db.template.Spec = w.spec()
		w.db.versions[w.db.template.Version] = w.db.template.Spec
		w.db.cluster.Name = fmt.Sprint("sim ", w.db.template.Version)
		w.tell("an operator edits the template and renames the cluster")
	}
	if w.chance(300) {
		w.db.cluster.Paused = true
		w.meet("pause")
	}
	if w.db.cluster.Paused {
		w.check.down()
		w.trouble(w.now)
		if !w.quiet && (w.calm() || w.rng.IntN(30) == 0) {
			w.db.cluster.Paused = false
		}
	}
}

// order is an operator who drains and un-drains as he pleases.
func (w *world) order() {
	rows := w.db.living()
	if len(rows) == 0 || w.db.away() {
		return
	}
	row := rows[w.rng.IntN(len(rows))]
	row.OrderAction = []statestore.NodeOrder{statestore.OrderDrain, statestore.OrderUndrain, statestore.OrderTerminate}[w.rng.IntN(3)]
	row.OrderBy = "olga"
	w.tell("order: %s %s", row.OrderAction, row.ID)
	w.trouble(w.now)
	w.meet("order")
}

// arrive brings clients in waves of a few minutes.
func (w *world) arrive() {
	if w.calm() {
		if !w.quiet && w.now.Sub(w.start)-loadTime < stepTime {
			w.leave()
		}
		return
	}
	phase := int(w.now.Sub(w.start)/(4*time.Minute)) % 3
	for range 8 {
		if w.rng.IntN(100) < []int{12, 45, 2}[phase] {
			w.serial++
			w.clients = append(w.clients, &simClient{
				id: fmt.Sprintf("s%04d", w.serial), wanted: int64(20+w.rng.IntN(300)) * 1e6,
				left: float64(1+w.rng.IntN(200)) * 5e6, movable: w.rng.IntN(3) > 0, askAgain: w.now,
			})
		}
	}
}

// leave: those who wait go home, the others have little left to do.
func (w *world) leave() {
	for _, c := range w.clients {
		c.left = min(c.left, 200e6)
		if c.node == nil {
			c.left = 0
		}
	}
}

// serve shares the node's rate and lets movable clients go when it drains.
func (w *world) serve(n *simNode) {
	if w.chance(600) {
		n.silentUntil = w.now.Add(w.between(5*time.Second, 2*time.Minute))
		w.tell("%s is cut off for %s", n.id, n.silentUntil.Sub(w.now))
		w.trouble(n.silentUntil)
		w.meet("silent")
	}
	if w.chance(900) {
		n.sickUntil = w.now.Add(w.between(5*time.Second, 2*time.Minute))
		w.tell("%s is degraded", n.id)
		w.trouble(n.sickUntil)
	}
	share := nodeBps / int64(max(len(n.sessions), 1))
	for _, c := range slices.Clone(n.sessions) {
		c.left -= float64(min(c.wanted, share)) / 8 * stepTime.Seconds()
		move := (n.draining || c.from == n.id) && c.movable
		if move && c.moveAt.IsZero() {
			c.moveAt = w.now.Add(w.between(0, 10*time.Second))
		}
		if move && !w.now.Before(c.moveAt) {
			w.meet("session moved")
			c.node, c.askAgain, c.moveAt = nil, w.now, time.Time{}
		}
		if c.left <= 0 {
			w.meet("session done")
			c.node = nil
		}
	}
	n.sessions = slices.DeleteFunc(n.sessions, func(c *simClient) bool { return c.node != n })
	if !w.now.Before(n.silentUntil) && !w.retired[n.id] {
		w.reports(n)
	}
}

func (w *world) reports(n *simNode) {
	r := &cluster.Report{
		NodeID: n.id, At: w.now, Healthy: !w.now.Before(n.sickUntil), Draining: n.draining, Port: 4433, CertSHA256: "pin",
		Usage: policy.Usage{SendCapBps: nodeBps, ReceiveCapBps: nodeBps},
	}
	share := nodeBps / int64(max(len(n.sessions), 1))
	for _, c := range n.sessions {
		rate := min(c.wanted, share)
		r.Usage.SendBps += rate
		r.Sessions = append(r.Sessions, policy.Session{
			ID: c.id, Direction: policy.Send, WantedBps: c.wanted, RateBps: rate, Since: c.since, Movable: c.movable,
			RemainingBytes: int64(c.left),
		})
	}
	r.Skew, r.Unapplied = n.skew, n.unapplied
	if w.chance(400) {
		n.lag = w.between(5*time.Second, 25*time.Second)
		w.tell("reports of %s take %s", n.id, n.lag)
		w.meet("reports late")
	}
	if n.lag > 0 && (w.calm() || w.rng.IntN(12) == 0) {
		n.lag = 0
	}
	n.underway = append(n.underway, underway{w.now.Add(n.lag), r})
	n.deliver(w.now)
}

// underway is a report that has not arrived yet; what it says is as old as its
// way was long.
type underway struct {
	at     time.Time
	report *cluster.Report
}

// deliver takes in what has arrived; a report never overtakes another.
func (n *simNode) deliver(now time.Time) {
	for len(n.underway) > 0 && !now.Before(n.underway[0].at) {
		n.report, n.reportedAt = n.underway[0].report, now
		n.report.At = now
		n.underway = n.underway[1:]
	}
}

// seek: a client without a node asks the leading manager and travels there.
func (w *world) seek(c *simClient) {
	if c.node != nil || c.left <= 0 || w.now.Before(c.askAgain) {
		return
	}
	if c.goingTo == "" {
		m := w.lead
		if m.r == nil || w.now.Before(m.upAt) || w.db.away() {
			c.askAgain = w.now.Add(4 * time.Second)
			return
		}
		var without []string
		if c.from != "" {
			without = append(without, c.from)
		}
		found, err := m.r.Best(context.Background(), "c", 1, without...)
		var refused *policy.Refusal
		if errors.As(err, &refused) {
			c.askAgain = w.now.Add(refused.RetryAfter)
			return
		}
		if err != nil || len(found) != 1 {
			w.fault("best: %v, %v", found, err)
			return
		}
		c.goingTo, c.arrives = found[0].NodeID, w.now.Add(w.between(0, 3*time.Second))
		return
	}
	if w.now.Before(c.arrives) {
		return
	}
	n := w.nodes[c.goingTo]
	c.goingTo = ""
	if n == nil || n.draining || len(n.sessions) >= w.policy.MaxSessions {
		c.askAgain = w.now.Add(2 * time.Second)
		return
	}
	w.check.arrived(n, c)
	c.node, c.since, c.from = n, w.now, ""
	n.sessions = append(n.sessions, c)
}

// fleetOf is the fleet as one manager sees it.
type fleetOf struct {
	w *world
	m *simManager
}

func (f fleetOf) Reports() []*cluster.Report {
	var reports []*cluster.Report
	for _, n := range f.w.sortedNodes() {
		// A manager hears only what is said after it came.
		if n.report != nil && !n.reportedAt.Before(f.m.upAt) {
			reports = append(reports, n.report)
		}
	}
	return reports
}

func (f fleetOf) command(id string) (*simNode, error) {
	f.m.touch()
	n := f.w.nodes[id]
	if n == nil || n.deaf || f.w.now.Before(n.silentUntil) || f.w.chance(8) {
		f.w.meet("drain command lost")
		return nil, errors.New("node does not answer")
	}
	return n, nil
}

func (f fleetOf) Drain(_ context.Context, id, _ string) error {
	n, err := f.command(id)
	if err == nil && !n.draining {
		n.draining = true
		f.w.meet("drained")
	}
	return err
}

func (f fleetOf) Undrain(_ context.Context, id string) error {
	n, err := f.command(id)
	if err == nil && n.draining {
		n.draining = false
		f.w.meet("undrained")
	}
	return err
}

func (f fleetOf) Move(_ context.Context, id string, sessions []string, _ string) (int, error) {
	n, err := f.command(id)
	if err != nil {
		return 0, err
	}
	asked := 0
	for _, c := range n.sessions {
		if slices.Contains(sessions, c.id) {
			f.w.check.asked(n, c)
			c.from = n.id
			asked++
		}
	}
	f.w.meet("asked to move")
	f.m.touch()
	return asked, nil
}

func (f fleetOf) Forget(string) {}
