package whatif

import (
	"time"

	"github.com/godwit/godwit/policy"
)

// Options of a run. The zero value is a cluster of which nothing is known.
type Options struct {
	// Boot are the cluster's own times from request to running, at least one
	// second each; each launch draws one. Empty: 105 s, the median of clouds.
	Boot []time.Duration
	// StartS is the time from start to running of a stopped node, 0: 30 s. With
	// CanStop false there is no warm pool.
	StartS  int
	CanStop bool
	// Patience is how long a client that finds no node waits, 0: 60 s.
	Patience time.Duration
	// ServiceMbps is the rate that UnderSeconds measures by; 0: the policy's.
	ServiceMbps float64
	// PricePerHour of a node, WarmPricePerHour of a stopped one; nil: not known.
	PricePerHour     *float64
	WarmPricePerHour float64
	// Seed of what is drawn: boot times, who leaves, who can move.
	Seed uint64
	// Points is the most that the series has, 0: 500.
	Points int
}

const (
	defaultBoot     = 105 * time.Second
	defaultStart    = 30 * time.Second
	defaultPatience = time.Minute
	defaultPoints   = 500
	// goneAfter is how long an instance that is ended or stopped still counts.
	goneAfter = 30 * time.Second
	// away is the longest time between samples that the first of them stands for;
	// beyond it nobody recorded.
	away = time.Minute
)

func (o Options) start() time.Duration {
	if o.StartS > 0 {
		return time.Duration(o.StartS) * time.Second
	}
	return defaultStart
}

func (o Options) patience() time.Duration {
	if o.Patience > 0 {
		return o.Patience
	}
	return defaultPatience
}

// Result is what came of a run, or what was recorded.
type Result struct {
	// NodeHours counts instances from their request to their end, WarmHours those
	// that are stopped.
	NodeHours float64 `json:"node_hours"`
	WarmHours float64 `json:"warm_hours"`
	// Cost is what they cost where prices are known.
	Cost     *float64 `json:"cost,omitempty"`
	Launches int      `json:"launches"`
	Starts   int      `json:"starts"`
	Drains   int      `json:"drains"`
	// Refusals are clients that found no node within their patience.
	Refusals int `json:"refusals"`
	// SessionSeconds is the time that clients were served or waited, UnderSeconds
	// the part of it in which they waited or got less than the service level.
	SessionSeconds float64 `json:"session_seconds"`
	UnderSeconds   float64 `json:"under_seconds"`
	// PeakNodes is the most that ran at once.
	PeakNodes int     `json:"peak_nodes"`
	Series    []Point `json:"series"`
	// Notes are sentences that a reader needs to judge the numbers.
	Notes []string `json:"notes,omitempty"`
}

// Point is the most of each within one part of the time, from At on.
type Point struct {
	At time.Time `json:"at"`
	// Nodes ran, Demand is the nodes' worth of promised demand, Waiting are clients.
	Nodes   int     `json:"nodes"`
	Demand  float64 `json:"demand"`
	Waiting int     `json:"waiting"`
}

// Span is the time that r covers, and the share of it that was recorded.
func (r Recording) Span() (from, until time.Time, coverage float64) {
	if len(r) == 0 {
		return from, until, 0
	}
	from, until = r[0].At, r[len(r)-1].At
	if !until.After(from) {
		return from, until, 0
	}
	var known time.Duration
	for i := range r {
		known += r.stands(i)
	}
	return from, until, min(float64(known)/float64(until.Sub(from)), 1)
}

// stands is how long sample i stands for: until the next, unless that is away.
func (r Recording) stands(i int) time.Duration {
	if i+1 >= len(r) {
		return 0
	}
	return min(r[i+1].At.Sub(r[i].At), away)
}

// tally adds up a result step by step.
type tally struct {
	r      Result
	o      Options
	from   time.Time
	bucket time.Duration
}

func newTally(r Recording, o Options) *tally {
	from, until, _ := r.Span()
	points := o.Points
	if points <= 0 {
		points = defaultPoints
	}
	t := &tally{o: o, from: from, bucket: max(until.Sub(from)/time.Duration(points)+time.Second, time.Second).Truncate(time.Second)}
	t.r.Series = []Point{}
	return t
}

// step adds what is so from at on for a while.
func (t *tally) step(p Point, instances, warm, sessions, under int, lasts time.Duration) {
	t.r.NodeHours += float64(instances) * lasts.Hours()
	t.r.WarmHours += float64(warm) * lasts.Hours()
	t.r.SessionSeconds += float64(sessions) * lasts.Seconds()
	t.r.UnderSeconds += float64(under) * lasts.Seconds()
	t.r.PeakNodes = max(t.r.PeakNodes, p.Nodes)
	begin := t.from.Add(p.At.Sub(t.from).Truncate(t.bucket))
	if n := len(t.r.Series); n == 0 || t.r.Series[n-1].At.Before(begin) {
		p.At = begin
		t.r.Series = append(t.r.Series, p)
		return
	}
	last := &t.r.Series[len(t.r.Series)-1]
	last.Nodes, last.Demand, last.Waiting = max(last.Nodes, p.Nodes), max(last.Demand, p.Demand), max(last.Waiting, p.Waiting)
}

func (t *tally) result() Result {
	if t.o.PricePerHour != nil {
		cost := *t.o.PricePerHour*t.r.NodeHours + t.o.WarmPricePerHour*t.r.WarmHours
		t.r.Cost = &cost
	}
	return t.r
}

// Recorded sums up what really happened, by the policies that were in force.
// Its Refusals are clients that left the queue without a node.
func Recorded(r Recording, o Options) Result {
	t := newTally(r, o)
	level := o.ServiceMbps
	if level <= 0 {
		level = middleBps / 1e6
	}
	waited := 0
	for i, s := range r {
		sessions, waiting, arrived := 0, 0, 0
		for _, c := range s.Load {
			sessions, waiting, arrived = sessions+c.Sessions, waiting+c.Waiting, arrived+c.Arrived
		}
		t.r.Launches += s.Launches
		t.r.Starts += s.Starts
		t.r.Drains += s.Drains
		t.r.Refusals += max(waited-waiting-arrived, 0)
		waited = waiting
		p := Point{At: s.At, Nodes: s.Running, Demand: s.demand(level * 1e6), Waiting: waiting}
		t.step(p, s.Instances, s.Warm, sessions+waiting, s.Held+waiting, r.stands(i))
	}
	return t.result()
}

// demand is the nodes' worth of what is promised at a rate in bits per second.
func (s Sample) demand(rate float64) float64 {
	var bps [both]float64
	for _, c := range s.Load {
		promised := rate
		if c.Rate != Unknown {
			promised = min(rate, float64(c.Rate.Bps()))
		}
		if c.Direction != policy.Receive {
			bps[sends] += promised * float64(c.Sessions+c.Waiting)
		}
		if c.Direction != policy.Send {
			bps[receives] += promised * float64(c.Sessions+c.Waiting)
		}
	}
	most := 0.0
	for k, kbps := range [both]int64{s.SendCap, s.ReceiveCap} {
		if kbps > 0 {
			most = max(most, bps[k]/float64(kbps)/1e3)
		}
	}
	return most
}
