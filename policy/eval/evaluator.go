package eval

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/policy/forecast"
)

// monday is where a world's time begins: in UTC, so that hours are hours.
var monday = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)

// triesAgain is how long a refused client is taken to try again.
const triesAgain = 2 * time.Minute

// errorsFor is how long a failed launch is told of in reasons.
const errorsFor = 5 * time.Minute

// horizon is how far ahead a snapshot's forecast looks: longer than any boot.
const horizon = 15 * time.Minute

// Evaluator plays the cluster around the policy. Not safe for concurrent use.
type Evaluator struct {
	hello  Hello
	policy policy.Policy

	now      time.Time
	before   float64
	started  bool
	rows     map[int]*row
	sessions map[int64]seen
	history  []policy.Sample
	launches []time.Time
	errors   []policy.LaunchError
	boots    []float64 // seconds, of the latest nodes that came to run
	boot     int       // what nine in ten of them are quicker than; 0: unknown
	round    int
	refused  []time.Time
	profile  forecast.Profile

	snapshot policy.Snapshot // reused from step to step
}

// row is what a cluster keeps of a node.
type row struct {
	id       string
	running  bool
	since    time.Time // of draining
	cause    policy.DrainCause
	deadline time.Time
	last     policy.Assignment
	round    int
	sessions []policy.Session
}

// seen is when a session was first seen, and in which round last.
type seen struct {
	since time.Time
	round int
}

// New returns an evaluator for the world of h. The policy is Recommended(h)
// where p is nil; max_nodes never exceeds the world's.
func New(h Hello, p *policy.Policy) (*Evaluator, error) {
	if err := h.Validate(); err != nil {
		return nil, err
	}
	e := &Evaluator{hello: h, rows: map[int]*row{}, sessions: map[int64]seen{}}
	if p == nil {
		e.policy = Recommended(h)
	} else {
		e.policy = *p
		e.policy.MaxNodes = min(e.policy.MaxNodes, h.MaxNodes)
		e.policy.MinAvailable = min(e.policy.MinAvailable, e.policy.MaxNodes)
		e.policy.MinIdle = min(e.policy.MinIdle, e.policy.MaxNodes)
	}
	if err := e.policy.Validate(); err != nil {
		return nil, err
	}
	return e, nil
}

// Policy is the one that decides.
func (e *Evaluator) Policy() policy.Policy { return e.policy }

// Greeting answers the world's hello. The world closes nodes where the policy
// would: at its max threshold, until its min threshold.
func (e *Evaluator) Greeting() Greeting {
	return Greeting{Name: "godwit", EverySteps: 1, Pools: &Pools{Low: e.policy.MinThreshold, High: e.policy.MaxThreshold, Signal: "service"}}
}

// Step decides for one observation.
func (e *Evaluator) Step(o *Observation) (Decision, error) {
	if err := o.Validate(e.before); err != nil {
		return Decision{}, err
	}
	e.before = o.Now
	e.now = monday.Add(time.Duration(o.Now * float64(time.Second)))
	if !e.started {
		// Nobody listened before: history begins here.
		e.started, e.snapshot.ListeningSince = true, e.now
	}
	e.round++
	if err := e.observe(o); err != nil {
		return Decision{}, err
	}
	plan := policy.Decide(e.snapshot, e.policy, e.now)
	return e.keep(plan), nil
}

// observe fills the snapshot.
func (e *Evaluator) observe(o *Observation) error {
	s := &e.snapshot
	s.Nodes = s.Nodes[:0]
	for i := range o.Nodes {
		n := &o.Nodes[i]
		r := e.rows[n.ID]
		if r == nil {
			r = &row{id: fmt.Sprintf("n%08d", n.ID)}
			e.rows[n.ID] = r
		}
		if r.round == e.round {
			return fmt.Errorf("node %d is listed twice", n.ID)
		}
		r.round = e.round
		s.Nodes = append(s.Nodes, e.node(n, r))
	}
	for id, r := range e.rows {
		if r.round != e.round {
			delete(e.rows, id)
		}
	}
	if e.round%256 == 0 { // sessions come and go in numbers: sweep now and then
		for id, x := range e.sessions {
			if x.round != e.round {
				delete(e.sessions, id)
			}
		}
	}
	s.Queue = s.Queue[:0]
	for _, wanted := range o.Queue {
		s.Queue = append(s.Queue, policy.Waiting{WantedBps: bps(wanted), Direction: policy.Send, Since: e.now})
	}
	e.refuse(o)
	for range e.refused {
		s.Queue = append(s.Queue, policy.Waiting{Direction: policy.Send, Since: e.now})
	}
	e.remember(o)
	s.RecentLaunches, s.LaunchErrors, s.History = e.launches, e.errors, e.history
	s.BootS = e.boot
	s.Forecast = nil
	if e.policy.Forecast == policy.ForecastOn {
		s.Forecast = e.profile.Forecast(e.now, horizon)
	}
	return nil
}

// refuse keeps those who were refused in the queue for another boot: a client that
// is told to try again does so, and who is left out of the count hides how many
// more arrive than there is room for.
func (e *Evaluator) refuse(o *Observation) {
	e.refused = slices.DeleteFunc(e.refused, func(at time.Time) bool { return e.now.Sub(at) > triesAgain })
	for range min(o.Refused, maxNodes) {
		e.refused = append(e.refused, e.now)
	}
}

func bps(mbps float64) int64 { return int64(mbps * 1e6) }

// node is the row that a cluster would have of n.
func (e *Evaluator) node(n *Node, r *row) policy.Node {
	age, ready := fromSeconds(n.AgeS), fromSeconds(n.ReadyS)
	out := policy.Node{ID: r.id, RequestedAt: e.now.Add(-age), Last: r.last}
	if n.State == Launching {
		out.State, out.Since = policy.Booting, out.RequestedAt
		return out
	}
	if !r.running {
		r.running = true
		if e.round > 1 { // those of the first line may be older than our clock
			e.booted(n.AgeS - n.ReadyS)
		}
	}
	out.State, out.Since = policy.Running, e.now.Add(-ready)
	if n.State == Draining {
		if r.cause == "" { // not by us
			r.cause, r.since = policy.DrainOperator, e.now
		}
		out.State, out.Since, out.DrainCause, out.DrainDeadline = policy.Draining, r.since, r.cause, r.deadline
	} else {
		r.cause = ""
	}
	out.ReportedAt, out.ServicesHealthy = e.now, true
	out.Usage = policy.Usage{SendBps: bps(n.Bandwidth), SendCapBps: bps(e.hello.CapacityMbps)}
	r.sessions = r.sessions[:0]
	for i := range n.Sessions {
		x := &n.Sessions[i]
		first, known := e.sessions[x.ID]
		if !known {
			first.since = e.now
		}
		first.round = e.round
		e.sessions[x.ID] = first
		r.sessions = append(r.sessions, policy.Session{
			Direction: policy.Send, WantedBps: bps(x.Wanted), RateBps: bps(x.Rate), Since: first.since,
		})
	}
	out.Sessions = r.sessions
	return out
}

func fromSeconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// remember notes what went wrong and forgets what is past.
func (e *Evaluator) remember(o *Observation) {
	for range min(o.LaunchFailures, maxNodes) {
		e.errors = append(e.errors, policy.LaunchError{At: e.now, Kind: "failed"})
	}
	for range min(o.CapacityErrors, maxNodes) {
		e.errors = append(e.errors, policy.LaunchError{At: e.now, Kind: "capacity"})
	}
	e.errors = slices.DeleteFunc(e.errors, func(x policy.LaunchError) bool { return e.now.Sub(x.At) > errorsFor })
	period := time.Duration(e.policy.LaunchLimit.PerSeconds) * time.Second
	e.launches = slices.DeleteFunc(e.launches, func(at time.Time) bool { return e.now.Sub(at) >= period })
}

// booted notes how long a node took; boot becomes what nine in ten are quicker
// than, once three are known.
func (e *Evaluator) booted(s float64) {
	e.boots = append(e.boots[max(len(e.boots)-63, 0):], s)
	if len(e.boots) >= 3 {
		e.boot = int(slices.Sorted(slices.Values(e.boots))[len(e.boots)*9/10])
	}
}

// number is the world's for one of our ids; 0 for none, which a launch has.
func number(id string) int {
	n, _ := strconv.Atoi(strings.TrimPrefix(id, "n"))
	return n
}

// keep stores what a cluster stores with its plan, and answers.
func (e *Evaluator) keep(plan policy.Plan) Decision {
	e.history = policy.Remember(e.history, plan.Sample, e.policy)
	e.profile.Learn(e.now, plan.Capacity.Demand)
	for i := range plan.Pools {
		e.rows[number(plan.Pools[i].NodeID)].last = plan.Pools[i]
	}
	var d Decision
	for _, a := range plan.Actions {
		id := number(a.NodeID)
		switch a.Kind {
		case policy.ActionLaunch:
			d.Launch += a.Count
			for range a.Count {
				e.launches = append(e.launches, e.now)
			}
		case policy.ActionDrain:
			d.Drain = append(d.Drain, id)
			r := e.rows[id]
			r.cause, r.since, r.deadline = a.Cause, e.now, a.Deadline
		case policy.ActionUndrain:
			d.Undrain = append(d.Undrain, id)
			e.rows[id].cause = ""
		case policy.ActionTerminate:
			// A drained node ends by itself here; one that hangs at its launch is
			// cancelled by a drain.
			if r := e.rows[id]; !r.running {
				d.Drain = append(d.Drain, id)
			}
		case policy.ActionLost, policy.ActionRecover, policy.ActionMove:
			// Nodes report in every line, and sessions cannot move.
		}
	}
	if d.Launch > 0 || len(d.Drain) > 0 || len(d.Undrain) > 0 {
		for _, r := range plan.Reasons {
			d.Reasons = append(d.Reasons, r.Text)
		}
	}
	return d
}

// String names the evaluator's world for messages.
func (h Hello) String() string {
	return "nodes of " + strconv.FormatFloat(h.CapacityMbps, 'g', -1, 64) + " Mb/s, " + strconv.Itoa(h.MinNodes) + " to " + strconv.Itoa(h.MaxNodes)
}
