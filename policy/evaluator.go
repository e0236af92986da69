package policy

import (
	"strings"
	"time"
)

// Evaluator makes many decisions under one policy, one after another: the same
// as [Decide], for simulations of days. It reuses its memory and says only why
// something is done. Not for concurrent use.
type Evaluator struct {
	p Policy
	m memory
	d decision
	q queues
}

// NewEvaluator returns an Evaluator for p, or the error of [Policy.Validate].
func NewEvaluator(p Policy) (*Evaluator, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	return &Evaluator{p: p}, nil
}

// Decide returns the plan of [Decide] without Reasons. Plan and snapshot belong
// to the evaluator until the next call; then the plan's Pools are overwritten.
func (e *Evaluator) Decide(s *Snapshot, now time.Time) Plan {
	e.d = decision{s: s, p: e.p, now: now.UTC(), terse: true, memory: e.m}
	plan := e.d.run()
	e.m = e.d.memory
	e.q.filled = false
	return plan
}

// Remember is [Remember] within the memory of history, which it changes.
func (e *Evaluator) Remember(history []Sample, s Sample) []Sample {
	return remember(history, s, e.p)
}

// Place returns the node, as its index in the snapshot last decided on, that
// [Best] would choose there for a new session once the plan is carried out; ok
// is false where it would refuse. The session counts there from now on as one
// that is expected, until the next decision.
func (e *Evaluator) Place() (node int, ok bool) {
	if !e.q.filled {
		e.q.fill(&e.d)
	}
	q := &e.q
	from := &q.low
	switch free := len(q.idle) > e.d.floors.idle; {
	case len(q.low) > 0 && free:
		if q.idle[0].before(q.low[0]) {
			from = &q.idle
		}
	case len(q.low) == 0 && len(q.idle) > 0:
		from = &q.idle
	case len(q.low) == 0:
		from = &q.high
	}
	if len(*from) == 0 {
		return 0, false
	}
	c := from.pop()
	c.expected++
	q.file(&e.d, c)
	return c.v.at, true
}

// memory is what decisions may reuse.
type memory struct {
	order []entry
	views []view
	list  []*view
	pools []Assignment
	// asks outlast a decision only where the next one has the same policy.
	asks asks
}

type entry struct {
	id string
	at int
}

func (e entry) compare(o entry) int { return strings.Compare(e.id, o.id) }

// queues hold the nodes that may take a session, best first, as Rank orders them.
type queues struct {
	filled          bool
	low, idle, high candidates
}

// candidate is a node and how Rank sees it.
type candidate struct {
	v                     *view
	expected              int
	utilization, pressure float64
}

func (q *queues) fill(d *decision) {
	q.filled = true
	q.low, q.idle, q.high = q.low[:0], q.idle[:0], q.high[:0]
	for _, v := range d.nodes {
		if v.state == Running {
			q.file(d, candidate{v: v})
		}
	}
}

// file puts a candidate where its pool belongs.
func (q *queues) file(d *decision, c candidate) {
	n := c.v.Node
	pool, l := c.v.last.Pool, c.v.load
	c.utilization = c.v.last.Utilization
	if c.expected > 0 {
		rate := int64(float64(c.expected) * d.p.sessionBps())
		l.Sessions += c.expected
		l.SendBps += rate
		l.ReceiveBps += rate
		l.ReturningBps += 2 * rate
		// As assign does it, with CPU and buffer as smoothed a moment ago.
		_, most := n.worth(l, &d.p, c.v.last.CPU, c.v.last.Buffer).largest(d.p.Signals)
		c.utilization = round(min(most, 1))
		pool = n.pool(pool, l, c.utilization, &d.p, pool == Degraded)
	}
	if l.Sessions >= d.p.MaxSessions {
		return
	}
	c.pressure = n.pressure(l, &d.p)
	switch pool {
	case Low:
		q.low.push(c)
	case Idle:
		q.idle.push(c)
	case High:
		q.high.push(c)
	case Degraded:
	}
}

func (c candidate) before(o candidate) bool {
	switch {
	case c.utilization != o.utilization:
		return c.utilization < o.utilization
	case c.pressure != o.pressure:
		return c.pressure < o.pressure
	}
	return c.v.ID < o.v.ID
}

// candidates is a binary heap, the best on top.
type candidates []candidate

func (h *candidates) push(c candidate) {
	*h = append(*h, c)
	for i := len(*h) - 1; i > 0; {
		up := (i - 1) / 2
		if !(*h)[i].before((*h)[up]) {
			return
		}
		(*h)[i], (*h)[up] = (*h)[up], (*h)[i]
		i = up
	}
}

func (h *candidates) pop() candidate {
	top := (*h)[0]
	last := len(*h) - 1
	(*h)[0] = (*h)[last]
	*h = (*h)[:last]
	for i := 0; ; {
		next := i
		for _, k := range []int{2*i + 1, 2*i + 2} {
			if k < last && (*h)[k].before((*h)[next]) {
				next = k
			}
		}
		if next == i {
			return top
		}
		(*h)[i], (*h)[next] = (*h)[next], (*h)[i]
		i = next
	}
}
