package policy

import (
	"cmp"
	"slices"
	"time"
)

// emptiness is by what nodes are ordered for a drain. The keys lie beside each
// other in memory: there may be thousands.
type emptiness struct {
	fresh, cold      bool
	until, requested instant
	used             float64
	sessions, at     int32
}

// instant is a time as two numbers, which compare faster.
type instant struct {
	seconds int64
	nanos   int32
}

func instantOf(t time.Time) instant { return instant{t.Unix(), int32(t.Nanosecond())} } //nolint:gosec // below a billion

func (i instant) compare(o instant) int {
	if i.seconds != o.seconds {
		return cmp.Compare(i.seconds, o.seconds)
	}
	return cmp.Compare(i.nanos, o.nanos)
}

func (e emptiness) compare(o emptiness) int {
	if e.fresh != o.fresh { // during a rollout the stale ones go first
		if o.fresh {
			return -1
		}
		return 1
	}
	if c := e.until.compare(o.until); c != 0 {
		return c
	}
	if e.sessions != o.sessions {
		return cmp.Compare(e.sessions, o.sessions)
	}
	if e.used != o.used {
		return cmp.Compare(e.used, o.used)
	}
	// Of equals one goes that can become warm, if that is wanted.
	if e.cold != o.cold {
		if o.cold {
			return -1
		}
		return 1
	}
	// Of equals the newest goes: the others have proved themselves. At last the
	// order of ids decides.
	if c := o.requested.compare(e.requested); c != 0 {
		return c
	}
	return cmp.Compare(e.at, o.at)
}

// byEmptiness lists the nodes that may be drained, first the one that will be
// empty first.
func (d *decision) byEmptiness() []*view {
	rolls, warms := d.rolls(), d.warm < d.warmTarget()
	list := make([]emptiness, 0, d.capacity.Running)
	for i, v := range d.nodes {
		if v.state == Running && v.last.Pool != Degraded && !v.recovered && v.Node.State == Running {
			list = append(list, emptiness{
				fresh: rolls && !v.Stale, cold: warms && v.NoStop != "",
				until: instantOf(v.load.PinnedUntil), requested: instantOf(v.RequestedAt), used: v.last.Utilization,
				sessions: int32(min(v.load.Sessions, 1<<30)), at: int32(i), //nolint:gosec // bounded
			})
		}
	}
	slices.SortFunc(list, emptiness.compare)
	sorted := make([]*view, len(list))
	for i := range list {
		sorted[i] = d.nodes[list[i].at]
	}
	return sorted
}
