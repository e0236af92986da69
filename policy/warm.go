package policy

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// startAgain is how long a stopped node that failed to start is left alone: the
// provider's reasons (no capacity, a quota) last minutes, and meanwhile launches
// may succeed.
const startAgain = 5 * time.Minute

// warm says that the node is in the warm pool or on its way there.
func (s State) warm() bool { return s == Stopping || s == Stopped }

// warmTarget is how many stopped nodes are wanted.
func (d *decision) warmTarget() int {
	if !d.s.CanStop {
		return 0
	}
	return d.p.WarmNodes
}

// stock counts the warm pool before anything is done. Stale nodes leave it.
func (d *decision) stock() {
	for _, v := range d.nodes {
		if v.state.warm() && !v.Stale {
			d.warm++
		}
	}
}

// wantsWarm says that an empty, drained node is stopped rather than terminated.
// Only what was drained for want of a place goes there: what was to be repaired
// or what a person wanted gone is gone.
func (d *decision) wantsWarm(v *view) bool {
	return d.wouldWarm(v) && v.NoStop == ""
}

// wouldWarm is the same, whether the provider can stop the node or not.
func (d *decision) wouldWarm(v *view) bool {
	return (v.DrainCause == DrainScaleIn || v.DrainCause == DrainMax) &&
		!v.Stale && v.ServicesHealthy && d.warm < d.warmTarget()
}

// drained says why an empty node is ended, rather than stopped.
func (d *decision) drained(v *view, since time.Duration) Reason {
	why := Reason{
		Code:   CodeDrained,
		Text:   textf("%s is drained: no session left after %s", v.name(), duration(since)),
		Values: values{"drained_s": since.Seconds()},
	}
	if d.wouldWarm(v) {
		why.Text += textf("; it is ended and not stopped as %d of %s: %s", d.warm+1, count(d.warmTarget(), "warm node"), v.NoStop)
	}
	return why
}

func (d *decision) stopNode(v *view, drained time.Duration) {
	v.state = Stopping
	d.warm++
	d.stop = append(d.stop, Action{Kind: ActionStop, NodeID: v.ID, Reason: Reason{
		Code: CodeWarmStop,
		Text: textf("%s is drained: no session left after %s; it is stopped as %d of %s", v.name(),
			duration(drained), d.warm, count(d.warmTarget(), "warm node")),
		Values: values{"drained_s": drained.Seconds(), "warm": float64(d.warm), "warm_nodes": float64(d.warmTarget())},
	}})
}

// liveStopping gives up a node that does not stop.
func (d *decision) liveStopping(v *view) {
	age := d.now.Sub(v.Since)
	if age <= d.p.launchTimeout() {
		return
	}
	if !v.Stale {
		d.warm--
	}
	d.end(v, Reason{
		Code:   CodeStopTimeout,
		Text:   textf("%s is stopping for %s (timeout %s): it is ended", v.name(), duration(age), duration(d.p.launchTimeout())),
		Values: values{"age_s": age.Seconds(), "timeout_s": d.p.launchTimeout().Seconds()},
	})
}

// startFor starts warm nodes, the last stopped first: its disks are the least
// behind. It says what it could not start; a launch serves that.
func (d *decision) startFor(l lack) lack {
	want := min(l.most(), d.roomUnderMax())
	if want <= 0 || !d.s.CanStop {
		return l
	}
	var ready []*view
	var failed *view
	failures := 0
	for _, v := range d.nodes {
		switch {
		case v.state != Stopped || v.Stale:
		case !v.StartFailedAt.IsZero() && d.now.Sub(v.StartFailedAt) < startAgain:
			failures++
			if failed == nil || v.StartFailedAt.After(failed.StartFailedAt) {
				failed = v
			}
		default:
			ready = append(ready, v)
		}
	}
	slices.SortFunc(ready, func(a, b *view) int { return cmp.Or(b.Since.Compare(a.Since), cmp.Compare(a.ID, b.ID)) })
	for _, v := range ready[:min(want, len(ready))] {
		stopped := d.now.Sub(v.Since)
		v.state = Starting
		d.warm--
		l.available, l.idle, l.size = l.available-1, l.idle-1, l.size-1
		d.start = append(d.start, Action{Kind: ActionStart, NodeID: v.ID, Reason: Reason{
			Code:   CodeWarmStart,
			Text:   textf("%s, stopped for %s, is started rather than a node launched", v.name(), duration(stopped)),
			Values: values{"stopped_s": stopped.Seconds(), "warm": float64(d.warm)},
		}})
	}
	if want > len(ready) && failures > 0 {
		d.held = append(d.held, Reason{
			Code: CodeWarmStartFailed,
			Text: textf("%s not started: %s failed to start at %s and may be tried again at %s", count(failures, "warm node"),
				failed.name(), clock(failed.StartFailedAt), clock(failed.StartFailedAt.Add(startAgain))),
			Values: values{"nodes": float64(failures)},
		})
	}
	return l
}

// roomUnderMax is how many more nodes may be started or launched.
func (d *decision) roomUnderMax() int {
	return max(d.p.MaxNodes-d.capacity.Instances-len(d.start), 0)
}

// keepWarm brings the warm pool to its size: it ends what has no place there,
// and launches what is missing when the cluster has nothing else to do.
func (d *decision) keepWarm() {
	d.endWarm()
	missing := d.warmTarget() - d.warm
	if missing <= 0 {
		return
	}
	// Whatever drains, or will, fills the pool by itself.
	running, pending := d.openNodes()
	surplus := running + pending - d.keep()
	drains := map[string]bool{}
	for _, a := range d.drain {
		drains[a.NodeID] = a.Cause == DrainScaleIn || a.Cause == DrainMax
	}
	stoppable := 0
	for _, v := range d.nodes {
		switch {
		case v.NoStop != "":
		case v.open():
			stoppable++
		case drains[v.ID], v.state == Draining && (v.DrainCause == DrainScaleIn || v.DrainCause == DrainMax) && v.Node.State == Draining && !v.Stale:
			missing--
		}
	}
	missing -= min(max(surplus, 0), stoppable)
	if missing <= 0 {
		return
	}
	if why := d.noRefill(surplus); why != "" {
		if d.terse {
			return
		}
		d.held = append(d.held, Reason{
			Code: CodeWarmWaits,
			Text: textf("the warm pool has %d of %s: %s", d.warm, count(d.warmTarget(), "stopped node"), why),
			Values: values{
				"warm": float64(d.warm), "warm_nodes": float64(d.warmTarget()), "missing": float64(missing),
			},
		})
		return
	}
	allowed, _ := d.allowance()
	n := min(missing, allowed, d.roomUnderMax())
	d.launch = append(d.launch, Action{Kind: ActionLaunch, Count: n, Reason: Reason{
		Code:   CodeWarmRefill,
		Text:   textf("launch %d to be stopped: the warm pool has %d of %s", n, d.warm, count(d.warmTarget(), "node")),
		Values: values{"count": float64(n), "warm": float64(d.warm), "warm_nodes": float64(d.warmTarget())},
	}})
}

// noRefill says why nothing is launched for the warm pool now; "": it may be.
func (d *decision) noRefill(surplus int) string {
	allowed, next := d.allowance()
	switch {
	case d.rolls():
		return "filled when the rollout is through"
	case d.s.NoRefill != "":
		return d.s.NoRefill
	case d.lacking || surplus < 0:
		return "first come the nodes that are wanted now"
	case d.overMax() > 0 || d.roomUnderMax() == 0:
		return textf("max %d leaves no place to launch one", d.p.MaxNodes)
	case !d.sizing.inCovered:
		return textf("filled when demand is known for %s", duration(d.p.scaleInWindow()))
	case d.drainedLately():
		return textf("filled when no node was drained for want of load for %s", duration(calm))
	case d.s.Blocked != nil && d.now.Before(d.s.Blocked.Until):
		return textf("no launch before %s: %s", clock(d.s.Blocked.Until), d.s.Blocked.Cause)
	case len(d.s.LaunchErrors) > 0:
		return textf("launches fail, the last at %s: nothing is launched just for it", clock(d.s.LaunchErrors[len(d.s.LaunchErrors)-1].At))
	case allowed == 0:
		return "the launch limit allows the next at " + clock(next)
	}
	return ""
}

// endWarm ends stopped nodes of another template version, and more than wanted:
// those that failed to start first, then the longest stopped.
func (d *decision) endWarm() {
	var stopped []*view
	for _, v := range d.nodes {
		if v.state != Stopped {
			continue
		}
		if v.Stale {
			if d.rolls() && d.rolling.serving+d.rolling.coming > 0 {
				continue // it comes last: should the new version be sick, this one is not
			}
			d.end(v, Reason{
				Code: CodeWarmEnded, Text: v.name() + " is ended: it was stopped with another version of the template",
				Values: values{"stopped_s": d.now.Sub(v.Since).Seconds()},
			})
			continue
		}
		stopped = append(stopped, v)
	}
	over := min(d.warm-d.warmTarget(), len(stopped))
	if over <= 0 {
		return
	}
	slices.SortFunc(stopped, func(a, b *view) int {
		return cmp.Or(b.StartFailedAt.Compare(a.StartFailedAt), a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID))
	})
	why := textf("%s wanted", count(d.warmTarget(), "warm node"))
	if !d.s.CanStop {
		why = "the provider cannot start it again"
	}
	for _, v := range stopped[:over] {
		d.warm--
		d.end(v, Reason{
			Code: CodeWarmEnded, Text: textf("%s, stopped for %s, is ended: %s", v.name(), duration(d.now.Sub(v.Since)), why),
			Values: values{"stopped_s": d.now.Sub(v.Since).Seconds(), "warm": float64(d.warm), "warm_nodes": float64(d.warmTarget())},
		})
	}
}

// voluntary drains are those that the disruption budget counts.
func (c DrainCause) voluntary() bool {
	return c == DrainScaleIn || c == DrainRepair || c == DrainRollout
}

// budget counts what the disruption budget leaves.
func (d *decision) budget() {
	d.drains = math.MaxInt
	if d.p.DisruptionBudget == 0 {
		return
	}
	d.drains = d.p.DisruptionBudget
	for _, v := range d.nodes {
		if v.state == Draining && v.DrainCause.voluntary() {
			d.drains--
		}
	}
	d.drains = max(d.drains, 0)
}

func (d *decision) budgetReason(withheld int) Reason {
	return Reason{
		Code: CodeDrainBudget,
		Text: textf("%s withheld: the disruption budget of %s at a time leaves %d", count(withheld, "drain"),
			count(d.p.DisruptionBudget, "drain"), d.drains),
		Values: values{"withheld": float64(withheld), "budget": float64(d.p.DisruptionBudget), "left": float64(d.drains)},
	}
}
