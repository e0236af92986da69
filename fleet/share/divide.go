package share

import (
	"cmp"
	"math"
	"slices"
)

// idleParts is the part of a link that all nodes without sessions on it hold together: what a first session there begins
// with until the next division, a fraction of a second later.
const idleParts = 64

// Divide gives each node its part of capacity, bit/s: max-min fair over sessions, as far as the sums of the modest ones
// tell. Sessions that use all they get rise together; the modest of a node get what they want, but each no more than a
// greedy one. What nobody asks for goes to nodes with sessions, by their number, so that these have room to grow. The sum
// is never above capacity, and below it by a bit/s a node and step at most. Without any session all get the same.
func Divide(capacity int64, demands []Demand) []int64 {
	parts := make([]int64, len(demands))
	if capacity <= 0 || len(demands) == 0 {
		return parts
	}
	busy, sessions := 0, 0
	for _, d := range demands {
		if n := d.Sessions(); n > 0 {
			busy, sessions = busy+1, sessions+n
		}
	}
	if busy == 0 {
		for i := range parts {
			parts[i] = capacity / int64(len(parts))
		}
		return parts
	}
	left := capacity
	if idle := len(demands) - busy; idle > 0 {
		each := capacity / idleParts / int64(idle)
		for i, d := range demands {
			if d.Sessions() == 0 {
				parts[i] = each
			}
		}
		left -= each * int64(idle)
	}
	level := waterLevel(float64(left), demands)
	if !math.IsInf(level, 1) {
		for i, d := range demands {
			if d.Sessions() > 0 {
				parts[i] = int64(d.at(level))
			}
		}
		return parts
	}
	// Everybody has what is wanted.
	spare := float64(left)
	for _, d := range demands {
		spare -= d.at(level)
	}
	for i, d := range demands {
		if n := d.Sessions(); n > 0 {
			parts[i] = int64(d.at(level) + spare*float64(n)/float64(sessions))
		}
	}
	return parts
}

// at is what a node takes when no session gets more than level.
func (d Demand) at(level float64) float64 {
	modest := 0.0
	if d.Modest > 0 {
		modest = min(float64(max(d.Wanted, 0)), level*float64(d.Modest))
	}
	if d.Greedy == 0 {
		return modest
	}
	return modest + level*float64(d.Greedy)
}

// waterLevel is the level at which the nodes take capacity together; infinite when they never do.
func waterLevel(capacity float64, demands []Demand) float64 {
	type step struct {
		level  float64 // from here on the modest of a node have all they want
		modest int
	}
	var steps []step
	slope := 0.0 // of what all take, by level
	for _, d := range demands {
		slope += float64(d.Greedy + d.Modest)
		if d.Modest > 0 {
			steps = append(steps, step{float64(max(d.Wanted, 0)) / float64(d.Modest), d.Modest})
		}
	}
	slices.SortFunc(steps, func(a, b step) int { return cmp.Compare(a.level, b.level) })
	level, taken := 0.0, 0.0
	for _, s := range steps {
		next := taken + slope*(s.level-level)
		if next >= capacity {
			return level + (capacity-taken)/slope
		}
		level, taken = s.level, next
		slope -= float64(s.modest)
	}
	if slope < 0.5 { // no greedy session
		return math.Inf(1)
	}
	return level + (capacity-taken)/slope
}
