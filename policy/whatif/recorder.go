package whatif

import (
	"math"
	"time"

	"github.com/godwit/godwit/policy"
)

const (
	// newcomer: the rate of a session that has come in the last seconds says
	// nothing of what it wants.
	newcomer = 10 * time.Second
	// fullAt is the share of a cap above which it is taken to hold sessions down.
	fullAt = 0.9
	// another: a session has changed what it wants when its rate differs by an
	// octave; less is the network's.
	another = perOctave
	// stay is how long sessions are taken to last where nodes report sums: the
	// recorder cannot see then who has come and who has gone.
	stay = 5 * time.Minute
)

// Recorder makes samples of one cluster's snapshots, one after another. The zero
// value is ready: its first sample has no arrivals. Not for concurrent use.
type Recorder struct {
	last     time.Time
	sessions map[string]key
	// rates are what the sessions of nodes that report sums want, by node.
	rates map[string]Rate
	// before and carry are what nodes reported as sums: sessions of each class,
	// and the part of one that is still to come.
	before map[key]int
	carry  map[key]float64
	cpu    int
	buffer int
}

type key struct {
	rate Rate
	way  way
}

// Observe returns the sample of s, the snapshot of a decision made at now.
func (r *Recorder) Observe(s policy.Snapshot, now time.Time) Sample {
	now = now.UTC().Truncate(time.Second)
	o := observation{r: r, s: Sample{At: now}, first: r.last.IsZero(), seen: make(map[string]key, len(r.sessions)), rates: map[string]Rate{}, sums: map[key]int{}}
	for i := range s.Nodes {
		o.node(&s.Nodes[i], now)
	}
	for _, q := range s.Queue {
		k := key{Unknown, wayOf(q.Direction)}
		if q.WantedBps > 0 {
			k.rate = rateOf(q.WantedBps)
		}
		o.class(k).Waiting++
	}
	for _, at := range s.RecentLaunches {
		if !o.first && at.After(r.last) {
			o.s.Launches++
		}
	}
	o.turnover(now)
	if n := int64(o.s.Running); n > 0 {
		o.s.SendCap, o.s.ReceiveCap = o.s.SendCap/n, o.s.ReceiveCap/n
	}
	o.cost()
	for k := range o.load {
		if c := o.load[k]; c.Sessions+c.Waiting+c.Arrived > 0 {
			o.s.Load = append(o.s.Load, c)
		}
	}
	r.sessions, r.rates, r.before, r.last = o.seen, o.rates, o.sums, now
	return o.s
}

type observation struct {
	r     *Recorder
	s     Sample
	first bool
	seen  map[string]key
	rates map[string]Rate
	sums  map[key]int
	load  [classes * int(ways)]Class
	// Of nodes that are busy: their CPU, buffer fill and traffic.
	busy                 int
	cpu, buffer, traffic float64
}

func (o *observation) class(k key) *Class {
	c := Class{Rate: k.rate, Direction: k.way.direction()}
	at := &o.load[c.key()]
	at.Rate, at.Direction = c.Rate, c.Direction
	return at
}

func (o *observation) node(n *policy.Node, now time.Time) {
	since := !o.first && n.Since.After(o.r.last)
	if n.State.Counts() {
		o.s.Instances++
	}
	switch n.State {
	case policy.Running:
		o.s.Running++
		o.s.SendCap += n.Usage.SendCapBps / 1000
		o.s.ReceiveCap += n.Usage.ReceiveCapBps / 1000
	case policy.Draining:
		o.s.Draining++
		if since {
			o.s.Drains++
		}
	case policy.Stopped, policy.Stopping:
		o.s.Warm++
		return
	case policy.Starting:
		if since {
			o.s.Starts++
		}
		return
	case policy.Requested, policy.Launching, policy.Booting, policy.Terminating, policy.Terminated, policy.Failed, policy.Lost:
		return
	}
	o.work(n.Usage)
	if len(n.Sessions) == 0 {
		o.sum(n)
		return
	}
	o.s.Held += int(math.Round(n.Last.Contention * float64(len(n.Sessions))))
	for i := range n.Sessions {
		o.session(n, &n.Sessions[i], now)
	}
}

// work notes what traffic costs a node that has some.
func (o *observation) work(u policy.Usage) {
	traffic, capacity := float64(u.SendBps+u.ReceiveBps), float64(max(u.SendCapBps, u.ReceiveCapBps))
	if traffic <= 0 || traffic < capacity/10 {
		return
	}
	o.busy++
	o.traffic += traffic / 1e6
	o.cpu += min(max(u.CPU, 0), 1)
	o.buffer += min(max(u.Buffer, 0), 1)
}

func (o *observation) cost() {
	if o.busy > 0 {
		o.r.cpu = int(math.Round(1e5 * o.cpu / o.traffic))
		o.r.buffer = int(math.Round(1e3 * o.buffer / float64(o.busy)))
	}
	o.s.CPU, o.s.Buffer = o.r.cpu, o.r.buffer
}

func (o *observation) session(n *policy.Node, s *policy.Session, now time.Time) {
	k := key{wants(n, s, now), wayOf(s.Direction)}
	known, old := o.r.sessions[s.ID]
	if old && known.way == k.way && known.rate != Unknown &&
		(k.rate == Unknown || known.rate < k.rate+another && k.rate < known.rate+another) {
		k.rate = known.rate
	}
	o.seen[s.ID] = k
	c := o.class(k)
	c.Sessions++
	if !old && !o.first {
		c.Arrived++
	}
	if s.Movable || s.Continuous {
		o.s.Movable++
	}
}

// wants is the class of what a session could use.
func wants(n *policy.Node, s *policy.Session, now time.Time) Rate {
	if s.WantedBps > 0 {
		return rateOf(s.WantedBps)
	}
	if now.Sub(s.Since) < newcomer {
		return Unknown
	}
	full := func(used, capacity int64) bool {
		return capacity > 0 && float64(used) >= fullAt*float64(capacity) &&
			float64(s.RateBps) >= 0.8*float64(capacity)/float64(len(n.Sessions))
	}
	if s.Direction != policy.Receive && full(n.Usage.SendBps, n.Usage.SendCapBps) ||
		s.Direction != policy.Send && full(n.Usage.ReceiveBps, n.Usage.ReceiveCapBps) {
		return Unknown
	}
	return rateOf(s.RateBps)
}

// sum splits what a node reports as sums: alike sessions, of each direction in
// proportion to its demand.
func (o *observation) sum(n *policy.Node) {
	l := n.Load
	if l.Sessions <= 0 {
		return
	}
	o.s.Held += l.Held
	o.s.Movable += max(l.Sessions-l.Pinned, 0)
	total := l.SendBps + l.ReceiveBps
	sending := l.Sessions
	if total > 0 {
		sending = int(math.Round(float64(l.Sessions) * float64(l.SendBps) / float64(total)))
	}
	rate := rateOf(total / int64(l.Sessions))
	// A mean at the edge of a class would else be another crowd every time.
	if known, ok := o.r.rates[n.ID]; ok && known < rate+another/2 && rate < known+another/2 {
		rate = known
	}
	o.rates[n.ID] = rate
	for k, count := range map[key]int{{rate, sends}: sending, {rate, receives}: l.Sessions - sending} {
		o.sums[k] += count
		o.class(k).Sessions += count
	}
}

// turnover guesses, for what nodes report as sums, who has come.
func (o *observation) turnover(now time.Time) {
	if o.first {
		return
	}
	passed := now.Sub(o.r.last)
	if o.r.carry == nil {
		o.r.carry = map[key]float64{}
	}
	for k, n := range o.sums {
		grown := n - o.r.before[k]
		// As many come for those who leave as keep the number what it is.
		o.r.carry[k] += float64(min(n, o.r.before[k])) * min(passed.Seconds()/stay.Seconds(), 1)
		came := int(o.r.carry[k])
		o.r.carry[k] -= float64(came)
		o.class(k).Arrived += max(grown, 0) + came
	}
}
