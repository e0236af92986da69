package policy

import (
	"slices"
	"sync"
	"time"
)

// Decide says what the cluster shall do now, and why. It never changes s; the
// order of s.Nodes does not matter. A policy that Validate refuses gives a plan
// that does nothing but say so.
//
// What every plan keeps: instances never exceed max_nodes by a launch; a node
// with live sessions is terminated only after its drain deadline (lost ones
// excepted: they serve nobody); a drain never breaks a floor; what is launched
// never waits for what is drained.
func Decide(s Snapshot, p Policy, now time.Time) Plan {
	if err := p.Validate(); err != nil {
		return Plan{
			Actions: []Action{},
			Reasons: []Reason{{Code: CodeInvalidPolicy, Text: "nothing is done: " + err.Error()}},
			Pools:   []Assignment{},
			Sample:  Sample{At: now.UTC()},
		}
	}
	m := memories.Get().(*memory) //nolint:forcetypeassert // only these are kept
	defer memories.Put(m)
	d := &decision{s: &s, p: p, now: now.UTC(), memory: *m}
	plan := d.run()
	*m = d.memory
	m.pools = nil // they are the caller's now
	m.asks = m.asks[:0]
	return plan
}

// memories keep what decisions over thousands of nodes would else allocate anew
// every few seconds.
var memories = sync.Pool{New: func() any { return &memory{} }}

func (d *decision) run() Plan {
	d.observe()
	d.size()
	d.takeRollout()
	d.explainState()
	d.scaleOut()
	d.repair()
	d.rebalance()
	d.rollOut()
	d.scaleIn()
	d.keepWarm()
	return d.plan()
}

// decision is one run of Decide.
type decision struct {
	s   *Snapshot
	p   Policy
	now time.Time

	nodes    []*view // by id
	floors   floors
	capacity Capacity
	sample   Sample
	sizing   sizing
	// hopeful counts nodes that the floors count beside the available ones:
	// degraded within their grace.
	hopeful int
	blind   bool
	// available and idle follow the drains and un-drains of this decision.
	available, idle int
	// low counts the running low nodes while nodes are chosen for a drain.
	low int
	// warm counts the warm pool as this decision leaves it, stops included.
	warm int
	// drains is how many drains of its own will the disruption budget leaves.
	drains int
	// lacking says that floors or demand miss nodes: then nothing is drained
	// for want of load.
	lacking bool
	rolling rolling

	recover, lost, terminate, stop, undrain, start, launch, move, drain []Action

	state, held []Reason // what is, and what is not done

	// terse leaves out reasons of what is and of what is not done.
	terse bool
	memory
}

// view is a node as this decision sees it.
type view struct {
	*Node
	at     int   // its place in the snapshot
	state  State // after this decision's own recover, lost and terminate
	load   Load
	worth  worth
	last   Assignment
	silent time.Duration
	grace  bool // degraded, but not for long enough to count it out
	// recovered nodes are left alone until the next decision: one action each.
	recovered bool
	// crowded nodes serve more than they should; asked of their sessions are to
	// move. receives is how many come to this one, extra what they add to its
	// utilization.
	crowded         bool
	asked, receives int
	extra           float64
}

// name is what reasons call the node.
func (n *Node) name() string {
	if n.Name != "" {
		return n.Name
	}
	return n.ID
}

// open says that new sessions go, or will go, to the node.
func (v *view) open() bool {
	return v.state.Pending() || v.state == Running && (v.last.Pool != Degraded || v.grace)
}

func (v *view) available() bool { return v.state == Running && v.last.Pool.Available() }

func (d *decision) observe() {
	d.line()
	d.floors = d.p.floorsAt(d.now)
	d.listen()
	d.stock()
	d.budget()
	for _, v := range d.nodes {
		d.assess(v)
		d.live(v)
		d.count(v)
	}
	d.capacity.MinAvailable, d.capacity.MinIdle = d.floors.available, d.floors.idle
	d.capacity.Queued = len(d.s.Queue)
	if n := d.capacity.Running; n > 0 {
		d.capacity.Utilization = round(d.capacity.Utilization / float64(n))
	}
	d.available, d.idle = d.capacity.Available, d.capacity.Idle
	d.sum()
}

// line puts the views in order, side by side in memory: everything below walks
// along them.
func (d *decision) line() {
	order := slices.Grow(d.order[:0], len(d.s.Nodes))
	for i := range d.s.Nodes {
		if n := &d.s.Nodes[i]; n.State != Terminated {
			order = append(order, entry{n.ID, i})
		}
	}
	if !slices.IsSortedFunc(order, entry.compare) {
		slices.SortFunc(order, entry.compare)
	}
	d.order = order
	d.views = slices.Grow(d.views[:0], len(order))[:len(order)]
	d.nodes = slices.Grow(d.list[:0], len(order))[:len(order)]
	d.list = d.nodes
	for i, e := range order {
		n := &d.s.Nodes[e.at]
		d.views[i] = view{Node: n, at: e.at, state: n.State}
		d.nodes[i] = &d.views[i]
	}
}

// assess measures a serving node and puts it into its pool.
func (d *decision) assess(v *view) {
	if v.state != Running && v.state != Draining && v.state != Lost {
		return
	}
	v.load = v.Node.load(&d.p, d.now)
	late := v.silent > d.p.reportTimeout()/2
	v.last, v.worth = v.assign(v.load, &d.p, d.now, late)
	if v.last.Pool == Degraded {
		v.grace = d.now.Sub(v.last.Since) < d.p.degradedGrace() || d.blind
	}
}

func (d *decision) count(v *view) {
	c := &d.capacity
	if v.state.Counts() {
		c.Instances++
	}
	switch {
	case v.state.Pending():
		c.Pending++
	case v.state == Running:
		c.Running++
		c.Utilization += v.last.Utilization
		switch v.last.Pool {
		case Idle:
			c.Idle++
		case Low:
			c.Low++
		case High:
			c.High++
		case Degraded:
			c.Degraded++
			if v.grace {
				d.hopeful++
			}
		}
		if v.available() {
			c.Available++
		}
	case v.state == Draining:
		c.Draining++
	case v.state == Lost:
		c.Lost++
	case v.state.warm():
		c.Warm++
	}
	if v.state == Running || v.state == Draining {
		c.Sessions += v.load.Sessions
		c.Held += v.load.Held
	}
}

// sum adds up promised demand in nodes' worth. Of a draining node only that
// counts which comes back elsewhere; of a lost one all does, until its clients
// have had a minute to turn up on another node.
func (d *decision) sum() {
	var total worth
	var capSend, capReceive float64
	nodes, landing := 0, d.landing()
	for _, v := range d.nodes {
		switch {
		case v.state == Running:
			// What an idle node burns is no demand: it would keep itself alive.
			if v.load.Sessions > 0 {
				total = total.plus(v.worth)
			}
			// Those who move stand in two places for a moment.
			if twice := min(landing, v.Expected); twice > 0 {
				landing -= twice
				total = total.plus(v.share(d.p.anyone(), Load{}, worth{}, &d.p).times(-float64(twice)))
			}
			capSend += capBps(d.p.Signals.Send, v.Usage.SendCapBps)
			capReceive += capBps(d.p.Signals.Receive, v.Usage.ReceiveCapBps)
			nodes++
		case v.state == Draining:
			total = total.plus(v.worth.times(v.returning()))
		case v.state == Lost && (v.Node.State != Lost || d.now.Sub(v.Since) < trendSpan):
			total = total.plus(v.worth)
		}
	}
	total = total.plus(d.queued(capSend, capReceive, nodes))
	d.sample = Sample{
		At: d.now, Send: round(total.send), Receive: round(total.receive),
		CPU: round(total.cpu), Buffer: round(total.buffer), Sessions: round(total.sessions), High: d.capacity.High,
	}
}

// returning is the share of a draining node's load that comes back elsewhere.
func (v *view) returning() float64 {
	return min(ratio(float64(v.load.ReturningBps), float64(v.load.SendBps+v.load.ReceiveBps)), 1)
}

// queued is the worth of the clients that wait. With no running node to measure
// against, one whose caps the policy does not name counts as full by sessions.
func (d *decision) queued(capSend, capReceive float64, nodes int) worth {
	if len(d.s.Queue) == 0 {
		return worth{}
	}
	perNode := func(sum float64, s Signal) float64 {
		if nodes > 0 {
			return sum / float64(nodes)
		}
		return capBps(s, 0)
	}
	send, receive := perNode(capSend, d.p.Signals.Send), perNode(capReceive, d.p.Signals.Receive)
	var w worth
	for _, q := range d.s.Queue {
		want := d.p.sessionBps()
		if q.WantedBps > 0 {
			want = min(want, float64(q.WantedBps))
		}
		if q.Direction != Receive {
			w.send += want
		}
		if q.Direction != Send {
			w.receive += want
		}
	}
	return worth{
		send:     ratio(w.send, send),
		receive:  ratio(w.receive, receive),
		sessions: ratio(float64(len(d.s.Queue)), orElse(d.p.Signals.Sessions.Cap, float64(d.p.MaxSessions))),
	}
}

func (d *decision) plan() Plan {
	if d.pools == nil {
		d.pools = []Assignment{} // in JSON a list, not null
	}
	p := Plan{
		Actions:  []Action{},
		Pools:    slices.Grow(d.pools[:0], d.capacity.Running+d.capacity.Draining),
		Capacity: d.capacity,
		Sample:   d.sample,
		Rollout:  d.rolling.out,
	}
	p.Capacity.Demand = round(d.sizing.demand)
	p.Capacity.Signal = d.sizing.signal
	p.Capacity.Wanted = d.sizing.now
	for _, v := range d.nodes {
		if v.state == Running || v.state == Draining {
			if v.asked > 0 && !d.s.Paused {
				v.last.MovedAt, v.last.Moved = d.now, v.asked
			}
			p.Pools = append(p.Pools, v.last)
		}
	}
	// A pause holds back effects, not the truth about who is there.
	p.Actions = append(append(p.Actions, d.recover...), d.lost...)
	effects := slices.Concat(d.terminate, d.stop, d.undrain, d.start, d.launch, d.move, d.drain)
	if d.s.Paused {
		p.Withheld = effects
		p.Sample.Drained = 0
		d.held = append(d.held, pausedReason(effects))
	} else {
		p.Actions = append(p.Actions, effects...)
	}
	d.pools = p.Pools
	if !d.terse {
		p.Reasons = slices.Concat(d.state, summarize(p.Actions), d.held)
	}
	return p
}
