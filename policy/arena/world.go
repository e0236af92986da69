package arena

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/godwit/godwit/policy/eval"
)

// The world's constants.
const (
	stepS       = 5
	capacity    = 1000.0 // Mb/s
	serviceMbps = 100.0
	queueLimit  = 60.0 // s
	maxNodes    = 50
	minNodes    = 1
	deathHours  = 200.0
	failShare   = 0.02
	windowEvery = 36 * hour
)

// hello is how the world greets a scaler.
func hello() eval.Hello {
	return eval.Hello{
		Version: eval.Version, StepS: stepS, CapacityMbps: capacity, ServiceMbps: serviceMbps,
		QueueLimitS: queueLimit, MaxNodes: maxNodes, MinNodes: minNodes,
	}
}

type session struct {
	id                    int64
	wanted, promise, left float64
	rate                  float64
	waits                 float64 // seconds in the queue
}

type node struct {
	id       int
	state    eval.State
	born     float64
	ready    float64 // when it runs, or fails
	fails    bool
	high     bool
	promise  float64
	rate     float64
	wanted   float64
	sessions []*session // by what they want, least first
}

// world is what really happens.
type world struct {
	v       Variation
	load    *Load
	rand    *rand.Rand
	pools   *eval.Pools
	windows [][2]float64

	step   int
	now    float64
	next   int // arrival
	serial int64
	nodes  []*node // by id
	nodeID int
	queue  []*session

	refused, failures, capacityErrors, deaths int // since the last observation
	score                                     Score
}

func newWorld(l *Load, v Variation) *world {
	w := &world{v: v, load: l, rand: rand.New(rand.NewPCG(l.Seed, 77))}
	for t := between(w.rand, 0.1, 1) * windowEvery; t < float64(l.Days)*day; t += w.rand.ExpFloat64() * windowEvery {
		length := between(w.rand, 5, 30) * minute
		w.windows = append(w.windows, [2]float64{t, t + length})
		t += length
	}
	for range minNodes {
		w.nodes = append(w.nodes, &node{id: w.nodeID, state: eval.Running})
		w.nodeID++
	}
	return w
}

// advance plays one step.
func (w *world) advance() {
	w.now = float64(w.step) * stepS
	w.live()
	w.serve()
	w.arrive()
	w.place()
	w.measure()
	w.step++
}

// live boots, fails, kills and ends nodes.
func (w *world) live() {
	w.nodes = slices.DeleteFunc(w.nodes, func(n *node) bool {
		switch {
		case n.state == eval.Launching && w.now >= n.ready:
			if n.fails {
				w.failures++
				return true
			}
			n.state = eval.Running
		case n.state == eval.Draining && len(n.sessions) == 0:
			return true
		case n.state != eval.Launching && w.rand.Float64() < stepS/(deathHours*hour):
			w.deaths++
			for _, s := range n.sessions {
				s.rate, s.waits = 0, 0
			}
			w.queue = append(w.queue, n.sessions...)
			return true
		}
		return false
	})
}

// serve moves the bytes of one step.
func (w *world) serve() {
	for _, n := range w.nodes {
		done := false
		for _, s := range n.sessions {
			s.left -= s.rate * stepS
			done = done || s.left <= 0
		}
		if done {
			n.sessions = slices.DeleteFunc(n.sessions, func(s *session) bool {
				if s.left <= 0 {
					n.promise -= s.promise
					n.wanted -= s.wanted
				}
				return s.left <= 0
			})
			if len(n.sessions) == 0 {
				n.promise, n.wanted = 0, 0
			}
			n.share()
		}
	}
}

// share gives each session of a node its max-min share.
func (n *node) share() {
	left := capacity
	if n.wanted <= capacity {
		for _, s := range n.sessions {
			s.rate = s.wanted
		}
		n.rate = n.wanted
		return
	}
	for k, s := range n.sessions {
		s.rate = math.Min(s.wanted, left/float64(len(n.sessions)-k))
		left -= s.rate
	}
	n.rate = capacity - left
}

func (w *world) arrive() {
	for ; w.next < len(w.load.arrivals) && w.load.arrivals[w.next].step <= w.step; w.next++ {
		a := w.load.arrivals[w.next]
		w.serial++
		w.queue = append(w.queue, &session{id: w.serial, wanted: a.wanted, promise: min(a.wanted, serviceMbps), left: a.size})
	}
}

// place gives those who wait a node, first come first served.
func (w *world) place() {
	var changed []*node
	waiting := w.queue[:0]
	for i, s := range w.queue {
		n := w.best()
		if n == nil {
			waiting = append(waiting, w.queue[i:]...)
			break
		}
		at, _ := slices.BinarySearchFunc(n.sessions, s, func(a, b *session) int {
			if a.wanted < b.wanted {
				return -1
			}
			return 1
		})
		n.sessions = slices.Insert(n.sessions, at, s)
		n.promise += s.promise
		n.wanted += s.wanted
		n.rate += s.wanted // until it is shared out below
		if w.pools != nil && n.promise/capacity >= w.pools.High {
			n.high = true
		}
		if !slices.Contains(changed, n) {
			changed = append(changed, n)
		}
	}
	w.queue = waiting
	for _, n := range changed {
		n.share()
	}
}

// best is the open node with the least load.
func (w *world) best() *node {
	var best *node
	for _, n := range w.nodes {
		if n.state != eval.Running {
			continue
		}
		if w.pools != nil {
			if n.high && n.promise/capacity <= w.pools.Low {
				n.high = false
			}
			if n.high {
				continue
			}
		}
		if best == nil || w.heavier(best, n) {
			best = n
		}
	}
	return best
}

func (w *world) heavier(a, b *node) bool {
	if w.v.OnBandwidth {
		return a.rate > b.rate
	}
	return a.promise > b.promise
}

// measure scores the step and refuses those who have waited for too long.
func (w *world) measure() {
	s := &w.score
	s.NodeHours += float64(len(w.nodes)) * stepS / hour
	s.Peak = max(s.Peak, len(w.nodes))
	for _, n := range w.nodes {
		s.SessionSeconds += float64(len(n.sessions)) * stepS
		if n.promise <= capacity {
			continue // max-min: everyone has what is promised
		}
		for _, x := range n.sessions {
			if x.rate < 0.999*x.promise {
				s.Under += stepS
			}
		}
	}
	w.queue = slices.DeleteFunc(w.queue, func(x *session) bool {
		s.SessionSeconds += stepS
		s.Under += stepS
		s.Waited += stepS
		x.waits += stepS
		if x.waits < queueLimit {
			return false
		}
		w.refused++
		s.Refused++
		if rest := x.left / x.promise; rest < 1e9 {
			s.SessionSeconds += rest
			s.Under += rest
		}
		return true
	})
}

// observe is what a scaler is told.
func (w *world) observe(o *eval.Observation) {
	o.Now = w.now
	o.Nodes = slices.Grow(o.Nodes[:0], len(w.nodes))[:len(w.nodes)]
	for i, n := range w.nodes {
		x := &o.Nodes[i]
		x.ID, x.State, x.AgeS, x.ReadyS, x.Bandwidth, x.High = n.id, n.state, w.now-n.born, 0, n.rate, n.high
		if n.state != eval.Launching {
			x.ReadyS = w.now - n.ready
		}
		x.Sessions = x.Sessions[:0]
		for _, s := range n.sessions {
			x.Sessions = append(x.Sessions, eval.Session{ID: s.id, Wanted: s.wanted, Rate: s.rate})
		}
	}
	o.Queue = o.Queue[:0]
	for _, s := range w.queue {
		o.Queue = append(o.Queue, s.wanted)
	}
	o.Refused, o.LaunchFailures, o.CapacityErrors, o.Deaths = w.refused, w.failures, w.capacityErrors, w.deaths
	w.refused, w.failures, w.capacityErrors, w.deaths = 0, 0, 0, 0
}

// apply carries a decision out: un-drain, launch, drain.
func (w *world) apply(d eval.Decision) {
	for _, id := range d.Undrain {
		if n := w.find(id); n != nil && n.state == eval.Draining {
			n.state = eval.Running
		}
	}
	w.score.Launches += d.Launch
	for range d.Launch {
		if len(w.nodes) >= maxNodes {
			break
		}
		if w.blocked() {
			w.capacityErrors++
			continue
		}
		// Log-normal around the median, within the bounds.
		boot := math.Min(math.Max(105*math.Exp(0.35*w.rand.NormFloat64()), 60), 240) * or1(w.v.Boots)
		w.nodes = append(w.nodes, &node{id: w.nodeID, state: eval.Launching, born: w.now, ready: w.now + boot, fails: w.rand.Float64() < failShare})
		w.nodeID++
	}
	for _, id := range d.Drain {
		n := w.find(id)
		switch {
		case n == nil:
		case n.state == eval.Launching:
			w.nodes = slices.DeleteFunc(w.nodes, func(x *node) bool { return x == n })
		case n.state == eval.Running && w.running() > minNodes:
			n.state = eval.Draining
			w.score.Drains++
		}
	}
}

func (w *world) find(id int) *node {
	for _, n := range w.nodes {
		if n.id == id {
			return n
		}
	}
	return nil
}

func (w *world) running() int {
	k := 0
	for _, n := range w.nodes {
		if n.state == eval.Running {
			k++
		}
	}
	return k
}

// blocked says that no node is to be had.
func (w *world) blocked() bool {
	for _, x := range w.windows {
		if w.now >= x[0] && w.now < x[1] {
			return true
		}
	}
	return false
}
