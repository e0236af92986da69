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
	// Skill is 1 less the squared errors over those of persistence (demand stays
	// as it was five minutes before): 1 is perfect, 0 no better, below 0 worse.
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
	if ok {
		t.count(predicted, actual)
		if follows {
			t.squares += square(predicted - actual)
			t.naive += naive
			t.spent += square(predicted - actual)
		}
	}
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
	f := &policy.Forecast{Trust: round(s.Trust), Skill: s.Skill, Hours: round(s.Hours)}
	for i := index(now) - 1; i <= index(now.Add(horizon)); i++ {
		if x, ok := p.predict(i); ok {
			f.Points = append(f.Points, policy.Predicted{At: start(i), Until: start(i + 1), Demand: round(x)})
		}
	}
	return f
}
