package whatif

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/policy/forecast"
)

// Run plays the recording under p. It returns [policy.FieldErrors] for a policy
// that is not valid, and ctx's error when that ends.
func Run(ctx context.Context, r Recording, p policy.Policy, o Options) (Result, error) {
	e, err := policy.NewEvaluator(p)
	if err != nil {
		return Result{}, err
	}
	if len(r) == 0 {
		return Result{}, errors.New("no load is recorded for that time")
	}
	w := newWorld(e, p, o, r)
	t := newTally(r, o)
	for i := range r {
		if i%1000 == 0 && ctx.Err() != nil {
			return Result{}, fmt.Errorf("what-if run: %w", ctx.Err())
		}
		w.step(&r[i], t, r.stands(i))
	}
	if p.Forecast == policy.ForecastOn {
		t.r.Notes = append(t.r.Notes, w.foresight())
	}
	t.r.Launches, t.r.Starts, t.r.Drains, t.r.Refusals = w.launches, w.starts, w.drains, w.refusals
	return t.result(), nil
}

// world is the modelled cluster. nodes[i] is the machine of s.Nodes[i].
type world struct {
	o       Options
	p       policy.Policy
	e       *policy.Evaluator
	rand    *rand.Rand
	now     time.Time
	s       policy.Snapshot
	nodes   []*node
	serial  int
	crowd   crowd
	queue   []*session
	cpu     float64 // share per bit per second
	buffer  float64
	send    int64 // caps of a node in bits per second
	receive int64
	// wanted and promised are what a session of each class could use and counts
	// for; level is what it is measured by.
	wanted, promised, level [classes]int64
	// outlast is how long the last of so many sessions that cannot move lasts.
	outlast [64]time.Duration

	// past is what the recording has taught so far; foreseen is for when the
	// snapshot's forecast was made of it.
	past     forecast.Profile
	foreseen [2]int64

	launches, starts, drains, refusals int
}

func newWorld(e *policy.Evaluator, p policy.Policy, o Options, r Recording) *world {
	w := &world{o: o, p: p, e: e, rand: rand.New(rand.NewPCG(o.Seed, 3))}
	w.s.CanStop = o.CanStop
	w.s.ListeningSince = r[0].At
	w.s.BootS = int(o.medianBoot().Seconds())
	level := o.ServiceMbps
	if level <= 0 {
		level = p.SessionRateMbps
	}
	for k := range classes {
		bps := Rate(k).Bps()
		if Rate(k) == Unknown {
			bps = int64(1.25e6 * max(p.SessionRateMbps, level))
		}
		w.wanted[k] = bps
		w.promised[k] = min(bps, int64(p.SessionRateMbps*1e6))
		w.level[k] = min(bps, int64(level*1e6))
	}
	lasts := r.stay()
	for n := range w.outlast {
		// The mean of the largest of n that end by chance.
		w.outlast[n] = time.Duration(float64(lasts) * (math.Log(float64(n+1)) + 0.58))
	}
	for range r[0].Running + r[0].Draining {
		w.add(policy.Running, r[0].At)
	}
	for range r[0].Warm {
		w.add(policy.Stopped, r[0].At)
	}
	return w
}

// stay is how long sessions last on the whole, by Little's law.
func (r Recording) stay() time.Duration {
	arrived, seconds := 0, 0.0
	for i := range r {
		for _, c := range r[i].Load {
			seconds += float64(c.Sessions) * r.stands(i).Seconds()
			arrived += c.Arrived
		}
	}
	if arrived == 0 {
		return stay
	}
	return time.Duration(seconds / float64(arrived) * float64(time.Second))
}

// step plays one sample: the world moves on, then the manager decides, then
// sessions are placed.
func (w *world) step(s *Sample, t *tally, lasts time.Duration) {
	if s.At.Sub(w.now) > away {
		w.s.ListeningSince = s.At // nobody recorded: the manager was away
	}
	w.now = s.At
	w.environment(s)
	w.live()
	come := w.crowd.follow(w, s)
	for i := range w.nodes {
		w.report(i)
	}
	w.ask()
	w.foresee()
	plan := w.e.Decide(&w.s, w.now)
	w.keep(plan)
	for _, a := range plan.Actions {
		w.act(a)
	}
	w.place(come)
	w.measure(plan, t, lasts)
}

func (w *world) environment(s *Sample) {
	w.cpu, w.buffer = float64(s.CPU)/1e5/1e6, float64(s.Buffer)/1e3
	if s.SendCap > 0 {
		w.send = s.SendCap * 1000
	}
	if s.ReceiveCap > 0 {
		w.receive = s.ReceiveCap * 1000
	}
}

// ask tells the manager who waits.
func (w *world) ask() {
	w.s.Queue = w.s.Queue[:0]
	for _, c := range w.queue {
		if !c.gone {
			w.s.Queue = append(w.s.Queue, policy.Waiting{WantedBps: c.bin.rate.Bps(), Direction: c.bin.way.direction(), Since: time.Unix(0, c.waits).UTC()})
		}
	}
}

// keep does what the manager stores of a plan.
func (w *world) keep(plan policy.Plan) {
	w.s.History = w.e.Remember(w.s.History, plan.Sample)
	if w.p.Forecast == policy.ForecastOn {
		w.past.Learn(w.now, plan.Capacity.Demand)
	}
	at := 0 // both are in order of their ids
	for _, a := range plan.Pools {
		for w.s.Nodes[at].ID != a.NodeID {
			at++
		}
		w.s.Nodes[at].Last = a
	}
	period := time.Duration(w.p.LaunchLimit.PerSeconds) * time.Second
	for len(w.s.RecentLaunches) > 0 && w.now.Sub(w.s.RecentLaunches[0]) >= period {
		w.s.RecentLaunches = w.s.RecentLaunches[1:]
	}
}

// place finds nodes for those who wait, those who have come, and those who can
// leave a draining node, in this order.
func (w *world) place(come []*session) {
	waiting := w.queue
	w.queue = w.queue[:0]
	full, now, patience := false, w.now.UnixNano(), w.o.patience().Nanoseconds()
	for _, list := range [][]*session{waiting, come} {
		for _, c := range list {
			if c.gone {
				continue
			}
			at, ok := 0, false
			if !full {
				at, ok = w.e.Place()
			}
			switch {
			case ok:
				w.nodes[at].take(w, c)
			case now-c.waits >= patience:
				w.refusals++
				w.crowd.refuse(c)
			default:
				w.queue = append(w.queue, c)
			}
			full = !ok
		}
	}
	for i, n := range w.nodes {
		if w.s.Nodes[i].State == policy.Draining && !full {
			full = w.empty(n)
		}
	}
}

// empty moves the sessions that can move off a node; true: there is no room left.
func (w *world) empty(n *node) bool {
	for k := len(n.sessions) - 1; k >= 0; k-- {
		c := n.sessions[k]
		if !c.movable {
			continue
		}
		at, ok := w.e.Place()
		if !ok {
			return true
		}
		n.leave(w, c)
		w.nodes[at].take(w, c)
	}
	return false
}

func (w *world) measure(plan policy.Plan, t *tally, lasts time.Duration) {
	instances, warm, running, sessions, under := 0, 0, 0, len(w.queue), len(w.queue)
	for i, n := range w.nodes {
		state := w.s.Nodes[i].State
		if state == policy.Stopped {
			warm++
			continue
		}
		if state == policy.Running {
			running++
		}
		instances++
		sessions += len(n.sessions)
		under += n.under
	}
	t.step(Point{At: w.now, Nodes: running, Demand: plan.Capacity.Demand, Waiting: len(w.queue)}, instances, warm, sessions, under, lasts)
}
