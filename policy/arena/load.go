package arena

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Kind of a load.
type Kind string

// Kinds of load, those of which clusters are known to consist.
const (
	Diurnal     Kind = "diurnal"
	Flash       Kind = "flash"       // ten times as much within two minutes
	Batch       Kind = "batch"       // at night, at a fixed hour
	LongTail    Kind = "longtail"    // few sessions hold most of the bytes
	Oscillation Kind = "oscillation" // around what one node carries
	Greedy      Kind = "greedy"      // one client takes what it gets
	Growth      Kind = "growth"
	Mixture     Kind = "mixture"
)

// Kinds are all of them.
func Kinds() []Kind {
	return []Kind{Diurnal, Flash, Batch, LongTail, Oscillation, Greedy, Growth, Mixture}
}

const (
	day    = 86400.0
	hour   = 3600.0
	minute = 60.0
)

// arrival is one session that comes at a step.
type arrival struct {
	step         int
	wanted, size float64 // Mb/s, Mb
}

// Load is what arrives in a run.
type Load struct {
	Kind     Kind
	Seed     uint64
	Days     int
	arrivals []arrival
}

// Sessions is how many arrive.
func (l *Load) Sessions() int { return len(l.arrivals) }

// Variation bends a load and its world away from the usual one, so that a scaler
// that only knows the usual one is found out. The zero value is the usual one.
type Variation struct {
	// Boots multiplies the time that boots take; 0: 1.
	Boots float64
	// Amplitude multiplies demand; 0: 1.
	Amplitude float64
	// Length multiplies the duration of sessions, not their demand; 0: 1.
	Length float64
	// ShiftS moves the load's hours, in seconds.
	ShiftS float64
	// OnBandwidth: new sessions go to the node with the least traffic.
	OnBandwidth bool
	// Unclosed: the world knows no pools; a full node gets sessions too.
	Unclosed bool
}

func or1(x float64) float64 {
	if x == 0 {
		return 1
	}
	return x
}

// crowd is a time of more arrivals: it rises, stays and falls.
type crowd struct{ at, rise, stay, fall, nodes float64 }

func (c crowd) intensity(t float64) float64 {
	t -= c.at
	switch {
	case t < 0 || t > c.rise+c.stay+c.fall:
		return 0
	case t < c.rise:
		return c.nodes * t / c.rise
	case t < c.rise+c.stay:
		return c.nodes
	}
	return c.nodes * (1 - (t-c.rise-c.stay)/c.fall)
}

// shape is a load's intensity over time: nodes' worth of promised demand that
// arrivals would keep busy if they lasted.
type shape struct {
	base      func(t float64) float64
	crowds    []crowd
	length    float64 // mean seconds of a session at its promised rate
	pareto    float64 // > 0: sizes are Pareto with that exponent
	greedyMax float64 // Mb/s that one client takes all the time
}

func (s *shape) intensity(t float64) float64 {
	x := s.base(t)
	for _, c := range s.crowds {
		x += c.intensity(t)
	}
	return max(x, 0)
}

// NewLoad draws a load. The same arguments give the same load.
func NewLoad(k Kind, seed uint64, days int, v Variation) *Load {
	r := rand.New(rand.NewPCG(seed, uint64(slices.Index(Kinds(), k)+1)))
	s := draw(k, r, days)
	l := &Load{Kind: k, Seed: seed, Days: days}
	s.length *= or1(v.Length)
	steps := days * int(day) / stepS
	for i := range steps {
		t := float64(i*stepS) + v.ShiftS
		n := poisson(r, s.intensity(t)*or1(v.Amplitude)*capacity*stepS/(meanPromise*s.length))
		for range n {
			l.arrivals = append(l.arrivals, s.session(i, r))
		}
	}
	if s.greedyMax > 0 {
		l.arrivals = append(l.arrivals, arrival{step: 720, wanted: s.greedyMax, size: math.MaxFloat64})
		slices.SortStableFunc(l.arrivals, func(a, b arrival) int { return a.step - b.step })
	}
	return l
}

// wishes are what sessions want, in Mb/s, each as likely as the others.
var wishes = [...]float64{20, 50, 50, 100, 100, 100, 200, 200, 500, 1000}

// meanPromise is the mean of min(wish, serviceMbps).
const meanPromise = 82

func (s *shape) session(step int, r *rand.Rand) arrival {
	wanted := wishes[r.IntN(len(wishes))]
	length := s.length * r.ExpFloat64()
	if s.pareto > 0 {
		// Mean 1, cut off where a session would last for a working day.
		length = math.Min(s.length*(s.pareto-1)/s.pareto/math.Pow(1-r.Float64(), 1/s.pareto), 8*hour)
	}
	return arrival{step: step, wanted: wanted, size: min(wanted, serviceMbps) * max(length, 1)}
}

// poisson draws from a Poisson distribution by counting exponential gaps; for
// the rates here that takes few rounds.
func poisson(r *rand.Rand, mean float64) int {
	n := 0
	for left := mean; ; n++ {
		if left -= r.ExpFloat64(); left < 0 {
			return n
		}
	}
}
