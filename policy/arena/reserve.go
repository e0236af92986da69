package arena

import (
	"cmp"
	"math"
	"slices"

	"github.com/godwit/godwit/policy/eval"
)

// Reserve is the simplest scaler that sizes by promised demand: so many times it
// and so much more, shrinking to the most of the last minutes, un-draining first.
type Reserve struct {
	Factor, SpareMbps float64
	HoldS, TrendS     float64
	past              []float64
}

func (r *Reserve) pools() *eval.Pools { return nil }

func (r *Reserve) decide(w *world, _ *eval.Observation) (eval.Decision, error) {
	demand := 0.0
	var draining []*node
	open := 0
	for _, n := range w.nodes {
		if n.state == eval.Draining {
			draining = append(draining, n)
			continue
		}
		open++
		demand += n.promise
	}
	for _, s := range w.queue {
		demand += s.promise
	}
	r.past = append(r.past[max(0, len(r.past)-int(r.HoldS)/stepS+1):], demand)
	ahead := demand
	if k := len(r.past) - 1 - int(r.TrendS)/stepS; k >= 0 {
		ahead += max(0, demand-r.past[k])
	}
	need := func(d float64) int {
		return min(max(int(math.Ceil((d*r.Factor+r.SpareMbps)/capacity)), minNodes), maxNodes)
	}
	var d eval.Decision
	if want := need(ahead); open < want {
		slices.SortStableFunc(draining, func(a, b *node) int { return cmp.Compare(b.promise, a.promise) })
		for _, n := range draining {
			if open < want {
				d.Undrain, open = append(d.Undrain, n.id), open+1
			}
		}
		d.Launch = max(0, min(want-open, maxNodes-len(w.nodes)))
		return d, nil
	}
	if keep := max(need(slices.Max(r.past)), need(ahead)); open > keep {
		d.Drain = w.emptiest(open - keep)
	}
	return d, nil
}
