package policy

import (
	"fmt"
	"slices"
)

// shownDifferences bounds each part of [Differences]; one more line counts the rest.
const shownDifferences = 50

// Differences tells in words how the second plan differs from the first: what
// it does and does not do, whom it sees in another pool, and what it says. name
// is what people call a node. Equal plans differ in nothing; figures that change
// no action, pool or reason are no difference.
func Differences(was, is Plan, name func(id string) string) []string {
	c := comparison{name: name, out: []string{}}
	c.part(func() { c.launches(was, is) })
	c.part(func() { c.steps(was.Actions, is.Actions) })
	c.part(func() { c.sizes(was.Capacity, is.Capacity) })
	c.part(func() { c.pools(was.Pools, is.Pools) })
	c.part(func() { c.reasons(was.Reasons, is.Reasons) })
	return c.out
}

type comparison struct {
	name func(string) string
	out  []string
}

// part runs one comparison and cuts what it says to a length that is read.
func (c *comparison) part(f func()) {
	before := len(c.out)
	f()
	if rest := len(c.out) - before - shownDifferences; rest > 0 {
		c.out = append(c.out[:before+shownDifferences], fmt.Sprintf("and %d more like it", rest))
	}
}

func (c *comparison) add(format string, args ...any) {
	c.out = append(c.out, fmt.Sprintf(format, args...))
}

func (c *comparison) launches(was, is Plan) {
	if a, b := was.Launches(), is.Launches(); a != b {
		c.add("launches %s instead of %s", orNone(b), orNone(a))
	}
}

func orNone(n int) string {
	if n == 0 {
		return "no node"
	}
	return count(n, "node")
}

// steps compares actions on single nodes.
func (c *comparison) steps(was, is []Action) {
	key := func(a Action) string { return string(a.Kind) + " " + a.NodeID }
	index := func(actions []Action) map[string]Action {
		m := make(map[string]Action, len(actions))
		for _, a := range actions {
			m[key(a)] = a
		}
		return m
	}
	before, after := index(was), index(is)
	for _, a := range is {
		old, both := before[key(a)]
		switch {
		case a.Kind == ActionLaunch:
		case !both:
			c.add("%s: %s (%s)", c.name(a.NodeID), a.Kind, a.Reason.Text)
		case !slices.Equal(old.Sessions, a.Sessions):
			c.add("%s: other sessions move (%d instead of %d)", c.name(a.NodeID), len(a.Sessions), len(old.Sessions))
		case !old.Deadline.Equal(a.Deadline):
			c.add("%s: %s until %s instead of %s", c.name(a.NodeID), a.Kind, clock(a.Deadline), clock(old.Deadline))
		}
	}
	for _, a := range was {
		if _, both := after[key(a)]; !both && a.Kind != ActionLaunch {
			c.add("%s: no %s", c.name(a.NodeID), a.Kind)
		}
	}
}

func (c *comparison) sizes(was, is Capacity) {
	for _, s := range []struct {
		was, is int
		what    string
	}{
		{was.Wanted, is.Wanted, "demand asks for %d instead of %d nodes"},
		{was.MinAvailable, is.MinAvailable, "at least %d instead of %d nodes available"},
		{was.MinIdle, is.MinIdle, "at least %d instead of %d nodes idle"},
	} {
		if s.was != s.is {
			c.add(s.what, s.is, s.was)
		}
	}
}

func (c *comparison) pools(was, is []Assignment) {
	before := make(map[string]Pool, len(was))
	for _, a := range was {
		before[a.NodeID] = a.Pool
	}
	for _, a := range is {
		if old := before[a.NodeID]; old != a.Pool {
			c.add("%s is %s instead of %s", c.name(a.NodeID), a.Pool, old)
		}
	}
}

func (c *comparison) reasons(was, is []Reason) {
	says := func(in []Reason, r Reason) bool {
		return slices.ContainsFunc(in, func(o Reason) bool { return o.Code == r.Code && o.Text == r.Text })
	}
	for _, r := range is {
		if !says(was, r) {
			c.add("says: %s", r.Text)
		}
	}
	for _, r := range was {
		if !says(is, r) {
			c.add("no longer says: %s", r.Text)
		}
	}
}
