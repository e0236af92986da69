package policy

import (
	"cmp"
	"slices"
	"time"
)

// lack is how many nodes are missing, by what misses them.
type lack struct{ available, idle, size int }

func (l lack) most() int { return max(l.available, l.idle, l.size, 0) }

// scaleOut un-drains, then starts warm nodes, then launches, until floors and demand are served. Nothing
// here looks at what is being drained or at the scale-in window.
func (d *decision) scaleOut() {
	l := d.lack()
	if l.most() == 0 {
		d.explainEnough()
		return
	}
	d.lacking = true
	d.explainLack(l)
	l = d.startFor(d.undrainFor(l))
	if want := l.most(); want > 0 {
		d.launchNodes(want, l)
	}
}

func (d *decision) lack() lack {
	c := d.capacity
	hope := c.Pending + d.hopeful
	open := 0
	for _, v := range d.nodes {
		if v.open() {
			open++
		}
	}
	return lack{
		available: d.floors.available - c.Available - hope,
		idle:      d.floors.idle - c.Idle - hope,
		size:      min(d.sizing.out, d.p.MaxNodes) - open,
	}
}

// undrainFor takes back what this cluster drained itself. It prefers the node
// that would stay longest anyway: un-draining that one costs nothing.
func (d *decision) undrainFor(l lack) lack {
	if d.capacity.Instances > d.p.MaxNodes {
		return l
	}
	var candidates []*view
	for _, v := range d.nodes {
		if v.state == Draining && v.undrainable(d) {
			candidates = append(candidates, v)
		}
	}
	slices.SortFunc(candidates, func(a, b *view) int {
		return cmp.Or(
			b.load.PinnedUntil.Compare(a.load.PinnedUntil),
			cmp.Compare(b.load.Sessions, a.load.Sessions),
			cmp.Compare(a.ID, b.ID),
		)
	})
	for _, v := range candidates {
		helpsAvailable := v.last.Pool.Available() && l.available > 0
		helpsIdle := v.last.Pool == Idle && l.idle > 0
		if !helpsAvailable && !helpsIdle && l.size <= 0 {
			continue
		}
		v.state = Running
		if v.last.Pool.Available() {
			l.available--
			d.available++
		}
		if v.last.Pool == Idle {
			l.idle--
			d.idle++
		}
		l.size--
		d.undrain = append(d.undrain, Action{Kind: ActionUndrain, NodeID: v.ID, Reason: Reason{
			Code:   CodeUndrain,
			Text:   textf("%s is taken back rather than a node launched (%s %.2f)", v.name(), v.last.Signal.text(), v.last.Utilization),
			Values: values{"utilization": v.last.Utilization},
		}})
	}
	return l
}

func (v *view) undrainable(d *decision) bool {
	if v.recovered || v.last.Pool == Degraded || v.silent > d.p.reportTimeout()/2 {
		return false
	}
	switch v.DrainCause {
	case DrainScaleIn, DrainMax, DrainRepair:
		return true
	case DrainRollout:
		return !v.Stale // it was rolled back
	case DrainOperator, DrainReclaim:
	}
	return false
}

// launchNodes launches want nodes, or as many as may be launched now.
func (d *decision) launchNodes(want int, l lack) {
	n := want
	room := d.roomUnderMax()
	if n > room {
		ended := d.makeRoom(n - room)
		d.held = append(d.held, d.maxReason(n-room, ended))
		n = room
	}
	if b := d.s.Blocked; b != nil && d.now.Before(b.Until) && n > 0 {
		d.held = append(d.held, Reason{
			Code:   CodeLaunchBlocked,
			Text:   textf("%s not launched before %s: %s", count(n, "node"), clock(b.Until), b.Cause),
			Values: values{"wanted": float64(n)},
		})
		n = 0
	}
	allowed, next := d.allowance()
	if n > allowed {
		d.held = append(d.held, Reason{
			Code: CodeLaunchLimited,
			Text: textf("launch limited to %d by %d per %d s; next at %s", allowed,
				d.p.LaunchLimit.Count, d.p.LaunchLimit.PerSeconds, clock(next)),
			Values: values{"allowed": float64(allowed), "wanted": float64(n)},
		})
		n = allowed
	}
	if n <= 0 {
		return
	}
	d.launch = append(d.launch, Action{Kind: ActionLaunch, Count: n, Reason: d.launchReason(n, l)})
}

// makeRoom ends lost nodes whose place under max_nodes a living one needs, the
// longest lost first.
func (d *decision) makeRoom(need int) int {
	var lost []*view
	for _, v := range d.nodes {
		// What this very decision declared lost gets until the next one.
		if v.state == Lost && v.Node.State == Lost {
			lost = append(lost, v)
		}
	}
	slices.SortStableFunc(lost, func(a, b *view) int { return a.Since.Compare(b.Since) })
	ended := 0
	for _, v := range lost {
		if ended == need {
			break
		}
		ended++
		d.end(v, Reason{
			Code: CodeLostEnded,
			Text: textf("%s has been lost for %s and its place under max %d is needed: its instance is ended",
				v.name(), duration(d.now.Sub(v.Since)), d.p.MaxNodes),
			Values: values{"lost_s": d.now.Sub(v.Since).Seconds(), "max": float64(d.p.MaxNodes)},
		})
	}
	return ended
}

// allowance is how many launches the limit still allows, and when the next
// becomes allowed if that is none or too few.
func (d *decision) allowance() (int, time.Time) {
	per := seconds(d.p.LaunchLimit.PerSeconds)
	used := 0
	var oldest time.Time
	for _, at := range d.s.RecentLaunches {
		if d.now.Sub(at) >= per {
			continue
		}
		used++
		if oldest.IsZero() || at.Before(oldest) {
			oldest = at
		}
	}
	if oldest.IsZero() {
		oldest = d.now
	}
	return max(d.p.LaunchLimit.Count-used, 0), oldest.Add(per)
}
