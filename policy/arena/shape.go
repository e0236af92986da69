package arena

import (
	"math"
	"math/rand/v2"
)

func between(r *rand.Rand, low, high float64) float64 { return low + (high-low)*r.Float64() }

// draw draws the shape of a load of a kind.
func draw(k Kind, r *rand.Rand, days int) *shape {
	s := &shape{length: between(r, 90, 300)}
	switch k {
	case Diurnal:
		s.base = diurnal(r, between(r, 4, 11))
	case Flash:
		base := between(r, 0.8, 2)
		s.base = constant(base)
		s.crowds = flashes(r, days, base)
	case Batch:
		s.base = constant(between(r, 1, 3))
		s.crowds = nightly(r, days)
	case LongTail:
		s.base = diurnal(r, between(r, 3, 9))
		s.pareto = between(r, 1.3, 1.8)
	case Oscillation:
		middle, swing, period := between(r, 0.8, 1.1), between(r, 0.3, 0.6), between(r, 6, 40)*minute
		s.length = between(r, 60, 180)
		s.base = func(t float64) float64 { return middle * (1 + swing*math.Sin(2*math.Pi*t/period)) }
	case Greedy:
		s.base = constant(between(r, 1, 4))
		s.greedyMax = 10_000
	case Growth:
		from, to := between(r, 1, 3), between(r, 10, 24)
		wave := diurnal(r, 1)
		s.base = func(t float64) float64 {
			return (from + (to-from)*t/(float64(days)*day)) * (0.8 + 0.2*wave(t))
		}
	case Mixture:
		base := between(r, 2, 6)
		s.base = diurnal(r, base)
		for _, c := range nightly(r, days) {
			c.nodes /= 2
			s.crowds = append(s.crowds, c)
		}
		s.crowds = append(s.crowds, flashes(r, days, 0.8)...)
	}
	return s
}

func constant(x float64) func(float64) float64 { return func(float64) float64 { return x } }

// diurnal has its peak in the afternoon, and weekends that are quieter.
func diurnal(r *rand.Rand, mean float64) func(float64) float64 {
	depth, peak, weekend := between(r, 0.5, 0.9), between(r, 10, 18)*hour, between(r, 0.4, 1)
	return func(t float64) float64 {
		x := mean * (1 + depth*math.Cos(2*math.Pi*(t-peak)/day))
		if math.Mod(t, 7*day) >= 5*day {
			x *= weekend
		}
		return x
	}
}

// flashes come about every other day, at any hour.
func flashes(r *rand.Rand, days int, base float64) []crowd {
	var out []crowd
	for t := between(r, 0.2, 1.2) * day; t < float64(days)*day; t += between(r, 1, 3) * day {
		out = append(out, crowd{at: t, rise: 2 * minute, stay: between(r, 5, 25) * minute, fall: between(r, 5, 20) * minute, nodes: 9 * base})
	}
	return out
}

// nightly jobs start at one hour, within some minutes, on workdays or every day.
func nightly(r *rand.Rand, days int) []crowd {
	at, jitter, nodes := between(r, 0, 5)*hour, between(r, 0, 5)*minute, between(r, 6, 22)
	daily := r.IntN(2) == 0
	stay := between(r, 10, 60) * minute
	var out []crowd
	for d := range days {
		if !daily && d%7 >= 5 {
			continue
		}
		out = append(out, crowd{
			at: float64(d)*day + at + jitter*(2*r.Float64()-1), rise: between(r, 1, 3) * minute,
			stay: stay * between(r, 0.8, 1.2), fall: minute, nodes: nodes * between(r, 0.85, 1.15),
		})
	}
	return out
}
