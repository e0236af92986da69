package sim

import (
	"math/rand/v2"
	"time"

	"github.com/godwit/godwit/policy"
)

// Result is what came of a run.
type Result struct {
	// Violations are broken promises, at most one of each kind.
	Violations []Violation
	// Story is what happened, line by line, with plans and their reasons.
	Story []string
	// Evaluations, Launches, Drains and Undrains count decisions and actions.
	Evaluations, Launches, Drains, Undrains int
	// Starts and Stops are nodes that left, and went into, the warm pool.
	Starts, Stops int
	// Moved counts the sessions that were asked to move.
	Moved int
	// RolledOut and RolledBack count rollouts by how they ended.
	RolledOut, RolledBack int
	// Peak and Final are running nodes as the manager knew them.
	Peak, Final int
	NodeHours   float64
	// SessionSeconds and Under are the time that sessions lasted, and the part
	// of it in which they waited or got less than they were promised.
	SessionSeconds, Under float64
}

// Run plays a history to its end, to the first violation, or until a cluster
// without load has been at its minimum for the scale-in window and ten minutes.
func Run(c Config) Result {
	start := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	st := &story{start: start}
	w := &world{c: c, rand: rand.New(rand.NewPCG(c.Seed, 2)), start: start, now: start, story: st}
	m := &manager{w: w, assigned: map[string][]assignment{}, made: map[string]int{}, listening: start}
	m.rollouts = newRollouts(m)
	ck := &check{w: w, m: m, excused: start, busyUntil: start}
	m.ck = ck
	r := Result{}
	for w.now.Sub(start) < c.Length && len(ck.violations) == 0 && !ck.settled() {
		w.now = w.now.Add(c.Step)
		w.advance()
		if w.calm() && w.happens(c.Faults.Restart) {
			m.awayUntil = w.now.Add(time.Duration(10+w.rand.IntN(200)) * time.Second)
			m.listening = m.awayUntil
			st.add(w.now, "the manager is away until %s", st.clock(m.awayUntil))
		}
		if w.calm() && w.happens(c.Faults.Renewal) {
			m.rollouts.renew()
			st.add(w.now, "version %d of the template", m.template)
		}
		w.arrive()
		r.measure(w)
		if w.now.Before(m.awayUntil) {
			ck.excuse()
			continue
		}
		m.observe()
		m.rollouts.observe()
		s := m.snapshot()
		if c.Watch != nil {
			c.Watch(s, w.now)
		}
		p := policy.Decide(s, c.Policy, w.now)
		r.Evaluations++
		r.count(p)
		ck.plan(s, p)
		m.carryOut(p)
		ck.after(p)
		m.place()
	}
	ck.end()
	r.RolledOut, r.RolledBack = m.rollouts.done, m.rollouts.back
	r.Violations = ck.violations
	r.Story = st.lines
	for _, n := range m.rows {
		if n.State == policy.Running {
			r.Final++
		}
	}
	return r
}

func (r *Result) count(p policy.Plan) {
	r.Peak = max(r.Peak, p.Capacity.Running)
	r.Launches += p.Launches()
	for _, a := range p.Actions {
		switch a.Kind {
		case policy.ActionDrain:
			r.Drains++
		case policy.ActionUndrain:
			r.Undrains++
		case policy.ActionMove:
			r.Moved += len(a.Sessions)
		case policy.ActionStart:
			r.Starts++
		case policy.ActionStop:
			r.Stops++
		case policy.ActionLaunch, policy.ActionLost, policy.ActionRecover, policy.ActionTerminate:
		}
	}
}

func (r *Result) measure(w *world) {
	r.NodeHours += float64(w.up()) * w.c.Step.Hours()
	level := w.c.Policy.SessionRateMbps * 1e6
	for _, c := range w.clients {
		r.SessionSeconds += w.c.Step.Seconds()
		waits := c.on == nil && c.waits.Before(w.now)
		if waits || c.connected(w.now) && c.rate < 0.99*min(c.wanted, level) {
			r.Under += w.c.Step.Seconds()
		}
	}
}

// Add sums up the figures of another run into r; Peak becomes the larger one.
func (r *Result) Add(o Result) {
	r.Evaluations += o.Evaluations
	r.Launches += o.Launches
	r.Drains += o.Drains
	r.Undrains += o.Undrains
	r.Starts += o.Starts
	r.Stops += o.Stops
	r.Moved += o.Moved
	r.RolledOut += o.RolledOut
	r.RolledBack += o.RolledBack
	r.Peak = max(r.Peak, o.Peak)
	r.Final += o.Final
	r.NodeHours += o.NodeHours
	r.SessionSeconds += o.SessionSeconds
	r.Under += o.Under
}
