package arena

import (
	"cmp"
	"math"
	"slices"

	"github.com/godwit/godwit/policy/eval"
)

// FixedMax runs as many nodes as it may: no one has ever less than is promised.
type FixedMax struct{}

func (FixedMax) pools() *eval.Pools { return nil }

func (FixedMax) decide(w *world, _ *eval.Observation) (eval.Decision, error) {
	return eval.Decision{Launch: maxNodes - len(w.nodes)}, nil
}

// TargetTracking holds the mean bandwidth of nodes at a target, as the big clouds
// offer it: proportional, up at once, down after a cooldown.
type TargetTracking struct {
	Target    float64 // 0–1
	CooldownS float64
	acted     float64
}

func (t *TargetTracking) pools() *eval.Pools { return nil }

func (t *TargetTracking) decide(w *world, _ *eval.Observation) (eval.Decision, error) {
	used, open, pending := 0.0, 0, 0
	for _, n := range w.nodes {
		switch n.state {
		case eval.Running:
			used, open = used+n.rate, open+1
		case eval.Launching:
			pending++
		case eval.Draining:
		}
	}
	want := min(max(int(math.Ceil(used/capacity/t.Target)), minNodes), maxNodes)
	have := open + pending
	switch {
	case want > have:
		t.acted = w.now
		return eval.Decision{Launch: want - have}, nil
	case want < have && w.now-t.acted >= t.CooldownS:
		t.acted = w.now
		return eval.Decision{Drain: w.emptiest(have - want)}, nil
	}
	return eval.Decision{}, nil
}

// PoolsRule is how transfer clusters are sold today: nodes are idle, low or high
// by bandwidth, so many shall be available and so many idle, and one that has
// been idle for ten minutes goes.
type PoolsRule struct {
	MinAvailable, MinIdle int
	idleSince             map[int]float64
}

func (p *PoolsRule) pools() *eval.Pools { return &eval.Pools{Low: 0.5, High: 0.8, Signal: "service"} }

func (p *PoolsRule) decide(w *world, _ *eval.Observation) (eval.Decision, error) {
	if p.idleSince == nil {
		p.idleSince = map[int]float64{}
	}
	available, idle, pending := 0, 0, 0
	var goes []int
	for _, n := range w.nodes {
		switch {
		case n.state == eval.Launching:
			pending++
		case n.state == eval.Running && !n.high:
			available++
		}
		if n.state != eval.Running || len(n.sessions) > 0 {
			delete(p.idleSince, n.id)
			continue
		}
		idle++
		if _, known := p.idleSince[n.id]; !known {
			p.idleSince[n.id] = w.now
		}
		if w.now-p.idleSince[n.id] >= 600 {
			goes = append(goes, n.id)
		}
	}
	if lack := max(p.MinAvailable-available, p.MinIdle-idle) - pending; lack > 0 {
		return eval.Decision{Launch: min(lack, maxNodes-len(w.nodes))}, nil
	}
	spare := min(available-p.MinAvailable, idle-p.MinIdle, len(goes))
	return eval.Decision{Drain: goes[:max(spare, 0)]}, nil
}

// emptiest lists running nodes, the one that will be empty first in front.
func (w *world) emptiest(n int) []int {
	type candidate struct {
		id  int
		end float64
	}
	var list []candidate
	for _, x := range w.nodes {
		if x.state == eval.Running {
			list = append(list, candidate{x.id, x.promise})
		}
	}
	slices.SortFunc(list, func(a, b candidate) int { return cmp.Or(cmp.Compare(a.end, b.end), cmp.Compare(b.id, a.id)) })
	var out []int
	for _, c := range list[:min(n, len(list))] {
		out = append(out, c.id)
	}
	return out
}
