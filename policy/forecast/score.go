package forecast

import (
	"math"
	"time"

	"github.com/godwit/godwit/policy"
)

// Score says how far predictions have come true. Older ones count less: half
// after a week.
type Score struct {
	// Hours is for how long predictions were scored.
	Hours float64 `json:"hours"`
	// MAPE is the mean error as a share of demand, over buckets with demand; WAPE
	// the sum of errors as a share of the sum of demand, which small demand does
	// not blow up.
	MAPE float64 `json:"mape"`
	WAPE float64 `json:"wape"`
	// Bias is the mean of prediction less truth, in nodes' worth.
	Bias float64 `json:"bias"`
	// Skill is 1 less the squared errors of predicted changes over those of
	// persistence (demand stays as it was five minutes before), where a change may
	// come five minutes early or late: 1 is perfect, 0 no better, below 0 worse.
	Skill float64 `json:"skill"`
	// Coverage is the share of the time since it began to learn in which it had a
	// prediction.
	Coverage float64 `json:"coverage"`
	// Trust is how much of a predicted rise is acted upon, 0–1.
	Trust float64 `json:"trust"`
}

// tally is the sums that the score is made of; all but buckets are faded.
type tally struct {
	buckets            float64 // scored, not faded
	seen               float64 // all, not faded
	weight             float64
	absolute, demand   float64
	relative, positive float64 // over buckets with demand, and how many
	bias               float64
	squares, naive     float64 // while there was a prediction
	credit, spent      float64 // always
}

// small is a demand that is taken for none where errors are shares of it.
const small = 0.05

// judge scores what was predicted of bucket i.
//
// What counts is the change of the error from one bucket to the next: sizing acts
// on predicted changes, so a level that is off all day costs but once. A change
// that comes up to a bucket early or late is no error; sizing allows for that too.
func (p *Profile) judge(i int64, actual float64) {
	t := &p.score
	t.fade()
	for k := range p.experts {
		p.experts[k].squares *= forget
		p.experts[k].weight *= forget
	}
	t.seen++
	follows := p.prevAt != 0 && i == p.prevAt+1
	naive := 0.0
	if follows {
		naive = square(actual - p.previous)
		t.credit += naive
	}
	predicted, ok := p.predict(i)
	off := 0.0
	if ok {
		low, high := predicted, predicted
		if follows && p.guessed {
			low, high = math.Min(low, p.guess), math.Max(high, p.guess)
		}
		if next, known := p.predict(i + 1); known {
			low, high = math.Min(low, next), math.Max(high, next)
		}
		off = math.Max(low-actual, 0) - math.Max(actual-high, 0)
		t.count(predicted, actual)
		if follows {
			miss := square(off - p.off)
			t.squares += miss
			t.naive += naive
			t.spent += miss
		}
	}
	p.guess, p.guessed, p.off = predicted, ok, off
	x, known := p.predictions(i)
	for k := range experts {
		if known[k] {
			p.experts[k].squares += square(x[k] - actual)
			p.experts[k].weight++
		}
	}
}

func square(x float64) float64 { return x * x }

func (t *tally) fade() {
	for _, x := range []*float64{&t.weight, &t.absolute, &t.demand, &t.relative, &t.positive, &t.bias, &t.squares, &t.naive, &t.credit, &t.spent} {
		*x *= forget
	}
}

func (t *tally) count(predicted, actual float64) {
	t.buckets++
	t.weight++
	off := predicted - actual
	t.bias += off
	t.absolute += math.Abs(off)
	t.demand += actual
	if actual > small {
		t.relative += math.Abs(off) / actual
		t.positive++
	}
}

// Score of the predictions so far.
func (p *Profile) Score() Score {
	t := p.score
	return Score{
		Hours: t.buckets * Bucket.Hours(), MAPE: over(t.relative, t.positive), WAPE: over(t.absolute, t.demand),
		Bias: over(t.bias, t.weight), Skill: skill(t.squares, t.naive), Coverage: over(t.buckets, t.seen), Trust: p.trust(),
	}
}

func over(x, of float64) float64 {
	if of <= 0 {
		return 0
	}
	return round(x / of)
}

func round(x float64) float64 { return math.Round(x*1e4) / 1e4 }

// skill is at least -1: worse than worthless is worthless.
func skill(squares, naive float64) float64 {
	if naive <= 0 {
		return 0
	}
	return round(math.Max(1-squares/naive, -1))
}

// fullTrust is the skill from which on a prediction is acted upon in full.
const fullTrust = 0.5

// trust is the skill over all that is known, the time before the first
// prediction included, in which persistence alone made errors.
func (p *Profile) trust() float64 {
	return math.Min(math.Max(skill(p.score.spent, p.score.credit), 0)/fullTrust, 1)
}

// Forecast predicts from now over a horizon, in buckets, for a snapshot. The
// bucket before now's comes with it: what was to come a moment ago may be late.
func (p *Profile) Forecast(now time.Time, horizon time.Duration) *policy.Forecast {
	s := p.Score()
	return &policy.Forecast{
		Points: p.Predict(now.Add(-Bucket), now.Add(horizon)),
		Trust:  round(s.Trust), Skill: s.Skill, Hours: round(s.Hours),
	}
}

// Predict lists the predictions for the buckets from that of from to that of
// until, at most a week of them. Buckets of which nothing is known are left out.
// Those of the past are predicted as if what came since were known.
func (p *Profile) Predict(from, until time.Time) []policy.Predicted {
	var out []policy.Predicted
	first := index(from)
	for i := first; i <= index(until) && i < first+int64(perWeek); i++ {
		if x, ok := p.predict(i); ok {
			out = append(out, policy.Predicted{At: start(i), Until: start(i + 1), Demand: round(x)})
		}
	}
	return out
}
