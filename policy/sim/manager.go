package sim

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/godwit/godwit/policy"
)

// manager is what a manager keeps: rows, the last reports and what it stored
// with its decisions. Nothing else survives from one evaluation to the next.
type manager struct {
	w         *world
	rows      []*policy.Node
	assigned  map[string][]assignment // by node: clients sent there, not yet reported
	history   []policy.Sample
	launches  []time.Time
	errors    []policy.LaunchError
	listening time.Time
	awayUntil time.Time
	serial    int
	lastText  string
	// template is the newest version, wanted the one that is launched, made that of
	// each node.
	template, wanted int
	made             map[string]int
	rollouts         *rollouts
	ck               *check
}

type assignment struct {
	client string
	at     time.Time
}

func (m *manager) row(id string) *policy.Node {
	for _, r := range m.rows {
		if r.ID == id {
			return r
		}
	}
	return nil
}

func (w *world) instance(id string) *instance {
	for _, i := range w.instances {
		if i.id == id {
			return i
		}
	}
	return nil
}

// observe takes in reports and what the provider says.
func (m *manager) observe() {
	w := m.w
	for _, r := range slices.Clone(m.rows) {
		i := w.instance(r.ID)
		switch {
		case r.State == policy.Terminating && i == nil:
			m.rows = slices.DeleteFunc(m.rows, func(o *policy.Node) bool { return o == r })
			continue
		case r.State == policy.Launching:
			m.set(r, policy.Booting)
		case r.State == policy.Requested:
			m.set(r, policy.Launching)
		case r.State == policy.Stopping && i != nil && i.stopped:
			m.set(r, policy.Stopped)
		}
		if i == nil || !i.serves() || w.now.Before(i.silent) || w.now.Before(w.silentAll) {
			continue
		}
		if r.State == policy.Stopping || r.State == policy.Stopped {
			continue
		}
		if r.State == policy.Booting || r.State == policy.Starting {
			m.set(r, policy.Running)
		}
		m.report(r, i)
	}
}

func (m *manager) set(r *policy.Node, s policy.State) { r.State, r.Since = s, m.w.now }

func (m *manager) report(r *policy.Node, i *instance) {
	w := m.w
	r.ReportedAt = w.now
	r.ServicesHealthy = !w.now.Before(i.sick)
	capacity := int64(w.c.NodeMbps * 1e6)
	r.Usage = policy.Usage{SendCapBps: capacity, ReceiveCapBps: capacity, Buffer: 0.1}
	r.Sessions = nil
	for _, c := range i.clients {
		if !c.connected(w.now) {
			continue
		}
		s := policy.Session{ID: c.id, Direction: c.direction, RateBps: int64(c.rate), Since: c.since, Movable: c.movable}
		if c.says {
			s.WantedBps = int64(c.wanted)
			s.RemainingBytes = int64(c.left)
		}
		r.Sessions = append(r.Sessions, s)
		if c.direction == policy.Send {
			r.Usage.SendBps += s.RateBps
		} else {
			r.Usage.ReceiveBps += s.RateBps
		}
	}
	r.Usage.CPU = 0.05 + 0.6*float64(r.Usage.SendBps+r.Usage.ReceiveBps)/float64(2*capacity)
	m.assigned[r.ID] = slices.DeleteFunc(m.assigned[r.ID], func(a assignment) bool {
		return w.now.Sub(a.at) > 30*time.Second ||
			slices.ContainsFunc(r.Sessions, func(s policy.Session) bool { return s.ID == a.client })
	})
	r.Expected = len(m.assigned[r.ID])
	if w.c.Sums {
		r.Movers = nil
		r.Sum(w.c.Policy, w.now)
	}
}

func (m *manager) snapshot() policy.Snapshot {
	s := policy.Snapshot{
		RecentLaunches: m.launches, LaunchErrors: m.errors, History: m.history, ListeningSince: m.listening,
		CanStop: m.w.c.CanStop,
	}
	if r := m.rollouts.now; r != nil {
		copied := *r
		s.Rollout = &copied
	}
	for _, r := range m.rows {
		n := *r
		n.Stale = m.made[r.ID] != m.wanted && r.State != policy.Requested
		s.Nodes = append(s.Nodes, n)
	}
	for _, c := range m.w.clients {
		// Only a client that was refused stands in the queue.
		if c.on == nil && c.waits.Before(m.w.now) {
			q := policy.Waiting{Direction: c.direction, Since: c.waits}
			if c.says {
				q.WantedBps = int64(c.wanted)
			}
			s.Queue = append(s.Queue, q)
		}
	}
	return s
}

// carryOut stores the plan and acts.
func (m *manager) carryOut(p policy.Plan) {
	w := m.w
	m.history = policy.Remember(m.history, p.Sample, w.c.Policy)
	for _, a := range p.Pools {
		m.row(a.NodeID).Last = a
	}
	m.launches = slices.DeleteFunc(m.launches, func(at time.Time) bool { return w.now.Sub(at) > 10*time.Minute })
	m.errors = slices.DeleteFunc(m.errors, func(e policy.LaunchError) bool { return w.now.Sub(e.At) > time.Minute })
	for _, a := range p.Actions {
		m.act(a)
	}
	m.rollouts.settle(p)
	if text := p.Key(); text != m.lastText || len(p.Actions) > 0 {
		w.story.add(w.now, "plan: %s", p.Explain())
		m.lastText = text
	}
}

func (m *manager) act(a policy.Action) {
	w := m.w
	r := m.row(a.NodeID)
	switch a.Kind {
	case policy.ActionLaunch:
		for range a.Count {
			m.launch()
		}
	case policy.ActionDrain:
		if a.Cause == policy.DrainRepair {
			m.rollouts.lost(r, a.Reason.Text)
		}
		m.set(r, policy.Draining)
		r.DrainCause, r.DrainDeadline = a.Cause, a.Deadline
	case policy.ActionUndrain:
		m.set(r, policy.Running)
		r.DrainCause, r.DrainDeadline = "", time.Time{}
	case policy.ActionLost:
		m.rollouts.lost(r, a.Reason.Text)
		m.set(r, policy.Lost)
	case policy.ActionRecover:
		m.set(r, policy.Running)
		if r.DrainCause != "" {
			m.set(r, policy.Draining)
		}
	case policy.ActionMove:
		m.move(a)
	case policy.ActionStop:
		m.set(r, policy.Stopping)
		r.DrainCause, r.DrainDeadline = "", time.Time{}
		if i := w.instance(a.NodeID); i != nil {
			w.stop(i)
		}
	case policy.ActionStart:
		m.set(r, policy.Starting)
		m.ck.refilled--
		if i := w.instance(a.NodeID); i == nil || !w.wake(i) {
			m.set(r, policy.Stopped)
			r.StartFailedAt = w.now
			m.ck.excuse()
			w.story.add(w.now, "%s does not start", r.ID)
		}
	case policy.ActionTerminate:
		if r.State.Pending() {
			m.rollouts.lost(r, a.Reason.Text)
		}
		m.set(r, policy.Terminating)
		if i := w.instance(a.NodeID); i != nil {
			w.end(i)
		}
	}
}

// move asks clients to go on elsewhere. A node that is cut off does not hear it.
func (m *manager) move(a policy.Action) {
	w := m.w
	i := w.instance(a.NodeID)
	if i == nil || !i.serves() || w.now.Before(i.silent) || w.now.Before(w.silentAll) {
		return
	}
	for _, c := range i.clients {
		if slices.Contains(a.Sessions, c.id) && c.connected(w.now) {
			c.asked = w.now
		}
	}
}

// elsewhere is what a client is shown that was asked to leave its node.
func elsewhere(s policy.Snapshot, c *client) policy.Snapshot {
	if c.on == nil || c.asked.IsZero() {
		return s
	}
	nodes := s.Nodes
	s.Nodes = make([]policy.Node, 0, len(nodes))
	for _, n := range nodes {
		if n.ID != c.on.id {
			s.Nodes = append(s.Nodes, n)
		}
	}
	return s
}

func (m *manager) launch() {
	w := m.w
	m.serial++
	r := &policy.Node{ID: fmt.Sprintf("n%03d", m.serial), State: policy.Requested, Since: w.now, RequestedAt: w.now}
	m.rows = append(m.rows, r)
	m.made[r.ID] = m.wanted
	m.launches = append(m.launches, w.now)
	if !w.launch(r.ID, m.rollouts.sick[m.wanted]) {
		r.State = policy.Failed
		m.ck.refilled--
		m.errors = append(m.errors, policy.LaunchError{At: w.now, Offering: "the only one", Kind: "capacity"})
	}
}

// place finds nodes for the clients that have none, and moves those that can
// move off draining ones.
func (m *manager) place() {
	w := m.w
	s := m.snapshot()
	s.Queue = nil
	for _, c := range w.clients {
		moving := !c.asked.IsZero() && c.connected(w.now) && w.rand.IntN(3) > 0
		if c.connected(w.now) && c.movable && w.rand.IntN(3) == 0 {
			if r := m.row(c.on.id); r != nil && r.State == policy.Draining {
				moving = true
			}
		}
		if !moving && (c.on != nil || w.now.Before(c.retryAt)) {
			continue
		}
		best, err := policy.Best(elsewhere(s, c), w.c.Policy, w.now)
		if err != nil {
			var refused *policy.Refusal
			if !moving && errors.As(err, &refused) {
				c.retryAt = w.now.Add(refused.RetryAfter)
			}
			continue
		}
		i := w.instance(best.NodeID)
		m.assigned[best.NodeID] = append(m.assigned[best.NodeID], assignment{c.id, w.now})
		m.row(best.NodeID).Expected++
		for k := range s.Nodes {
			if s.Nodes[k].ID == best.NodeID {
				s.Nodes[k].Expected++
			}
		}
		if i == nil || !i.serves() {
			c.retryAt = w.now.Add(15 * time.Second) // nobody answers there
			continue
		}
		if moving {
			c.on.clients = slices.DeleteFunc(c.on.clients, func(o *client) bool { return o == c })
		}
		if !c.asked.IsZero() {
			m.ck.movedTo(c, i)
			c.asked = time.Time{}
		}
		c.on, c.rate = i, 0
		c.connectsAt = w.now.Add(time.Duration(1+w.rand.IntN(12)) * time.Second)
		c.since = c.connectsAt
		i.clients = append(i.clients, c)
	}
}
