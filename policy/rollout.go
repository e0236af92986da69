package policy

import (
	"math"
	"slices"
)

// RolloutPolicy is how a cluster's nodes are replaced when their template, or a
// configuration that they cannot take over while they run, has changed.
type RolloutPolicy struct {
	// Automatic starts a rollout as soon as nodes differ from the template in what
	// only another node can have. Else an operator starts it.
	Automatic bool `json:"automatic"`
	// Surge is how many nodes more than wanted there may be meanwhile, on top of
	// MaxNodes; the larger of it and SurgePercent counts.
	Surge int `json:"surge"`
	// SurgePercent is the same as a share of the nodes wanted, rounded up.
	SurgePercent int `json:"surge_percent"`
	// MaxUnavailable is how many nodes fewer than wanted may serve meanwhile.
	MaxUnavailable int `json:"max_unavailable"`
	// MaxFailures is how many new nodes may come to nothing before the rollout is
	// rolled back; a tenth of those that serve if that is more.
	MaxFailures int `json:"max_failures"`
}

// Rollout is a rolling replacement under way: nodes that are Stale are replaced.
type Rollout struct {
	RolloutPolicy
	// Paused: an operator holds it.
	Paused bool `json:"paused,omitempty"`
	// Size is how many open nodes there were when it began. So many are wanted
	// while demand is not known for all of the scale-in window.
	Size int `json:"size"`
	// Failures are the new nodes that have come to nothing, FailedText the last one.
	Failures   int    `json:"failures,omitempty"`
	FailedText string `json:"failed_text,omitempty"`
}

// RolloutVerdict is what becomes of a rollout.
type RolloutVerdict string

// Verdicts.
const (
	RolloutGoes   RolloutVerdict = "goes"
	RolloutDone   RolloutVerdict = "done"   // no node is stale any more
	RolloutFailed RolloutVerdict = "failed" // it is to be rolled back
)

// RolloutState is what a plan says of the rollout under way.
type RolloutState struct {
	Verdict RolloutVerdict `json:"verdict"`
	// Wanted is how many nodes are to serve all along, Ready how many do, Left how
	// many stale ones there are, and Draining how many of them drain.
	Wanted   int `json:"wanted"`
	Ready    int `json:"ready"`
	Left     int `json:"left"`
	Draining int `json:"draining"`
	// Text says what it does or waits for.
	Text string `json:"text"`
}

// rolling is the rollout as one decision sees it.
type rolling struct {
	surge  int
	wanted int
	// serving counts the stale nodes that run, coming those that are on their way,
	// leaving those that drain for the rollout, left all.
	serving, coming, leaving, left int
	// ready counts the running nodes that are not degraded.
	ready int
	out   *RolloutState
}

// surge is how many nodes more than wanted there may be.
func (r RolloutPolicy) surge(wanted int) int {
	return max(r.Surge, int(math.Ceil(float64(r.SurgePercent)*float64(wanted)/100)))
}

// tolerated is how many new nodes may fail while so many serve.
func (r RolloutPolicy) tolerated(serving int) int { return max(r.MaxFailures, serving/10) }

// takeRollout counts what a rollout goes by. It comes after sizing.
func (d *decision) takeRollout() {
	r := d.s.Rollout
	if r == nil {
		return
	}
	g := &d.rolling
	g.wanted = d.keep()
	if !d.sizing.inCovered {
		g.wanted = max(g.wanted, r.Size)
	}
	g.wanted = min(max(g.wanted, d.floors.available, d.floors.idle), d.p.MaxNodes)
	g.surge = r.surge(g.wanted)
	fresh := 0
	for _, v := range d.nodes {
		// What reports again just now may fall silent again just as soon.
		ready := v.state == Running && v.last.Pool != Degraded && !v.recovered
		if ready {
			g.ready++
		}
		if !v.Stale {
			if ready {
				fresh++
			}
			continue
		}
		switch v.state {
		case Running:
			g.serving++
		case Launching, Booting, Starting:
			g.coming++
		case Draining:
			if v.DrainCause == DrainRollout {
				g.leaving++
			}
		case Lost, Stopping, Stopped:
		case Requested, Terminating, Terminated, Failed:
			continue // it becomes new, or is gone
		}
		g.left++
	}
	g.out = &RolloutState{Verdict: RolloutGoes, Wanted: g.wanted, Ready: g.ready, Left: g.left, Draining: g.leaving}
	switch {
	case r.Failures >= max(r.tolerated(fresh), 1) && !r.Paused && !d.s.Paused:
		g.out.Verdict = RolloutFailed
		d.tellRollout(CodeRolloutFailed, "%s came to nothing (limit %d), the last one %s: it is rolled back", count(r.Failures, "new node"), r.tolerated(fresh), r.FailedText)
	case g.left == 0 && d.capacity.Pending == 0 && g.ready >= min(g.wanted, max(r.Size, 1)):
		// Where no node ran when it began, one has to serve all the same: a version that
		// nobody has seen serve could not be rolled back any more.
		g.out.Verdict = RolloutDone
		d.tellRollout(CodeRolloutDone, "every node is replaced")
	}
}

// rolls says that a rollout is under way and has something left to replace.
func (d *decision) rolls() bool {
	return d.rolling.out != nil && d.rolling.out.Verdict == RolloutGoes && d.rolling.left > 0
}

// surplus is how many open nodes a rollout may have beside those wanted: scale-in
// leaves them alone.
func (d *decision) rolloutSurge() int {
	if !d.rolls() {
		return 0
	}
	return min(d.rolling.surge, d.rolling.serving+d.rolling.coming)
}

func (d *decision) tellRollout(code Code, format string, args ...any) {
	g := &d.rolling
	g.out.Text = textf(format, args...)
	d.held = append(d.held, Reason{
		Code: code, Text: "rollout: " + g.out.Text,
		Values: values{"left": float64(g.left), "ready": float64(g.ready), "wanted": float64(g.wanted), "draining": float64(g.leaving), "surge": float64(g.surge)},
	})
}

// rollOut launches what takes the place of stale nodes, within the surge, and
// drains as many of them as those that serve make superfluous.
func (d *decision) rollOut() {
	switch {
	case !d.rolls():
		return
	case d.s.Rollout.Paused:
		d.tellRollout(CodeRolloutPaused, "paused with %s left", count(d.rolling.left, "node"))
		return
	case d.blind:
		d.tellRollout(CodeRolloutWaits, "waits: too many nodes are silent at once")
		return
	}
	drained := d.retireStale()
	launched, why := d.launchNew()
	switch g := &d.rolling; {
	case drained > 0 || launched > 0:
		d.tellRollout(CodeRollout, "%s", d.rolloutDoes(drained, launched))
	case why != "":
		d.tellRollout(CodeRolloutWaits, "%s", why)
	case d.capacity.Pending > 0:
		d.tellRollout(CodeRolloutWaits, "waits for %s to serve", count(d.capacity.Pending, "new node"))
	case g.leaving > 0:
		d.tellRollout(CodeRolloutWaits, "waits for %s to be empty", count(g.leaving, "draining node"))
	default:
		d.tellRollout(CodeRolloutWaits, "waits: %d of %s serve", g.ready, count(g.wanted, "node"))
	}
}

func (d *decision) rolloutDoes(drained, launched int) string {
	switch {
	case launched == 0:
		return textf("%s drained, for others serve in their place", counted(drained, "node is", "nodes are"))
	case drained == 0:
		return textf("%s launched", counted(launched, "new node is", "new nodes are"))
	}
	return textf("%s drained, %s launched", counted(drained, "node is", "nodes are"), counted(launched, "new node is", "new nodes are"))
}

func counted(n int, one, many string) string { return textf("%d %s", n, plural(n, one, many)) }

// launchNew launches up to the surge, and says what keeps it from more.
func (d *decision) launchNew() (launched int, why string) {
	g := &d.rolling
	running, pending := d.openNodes()
	here := 0
	for _, a := range d.launch {
		here += a.Count
	}
	want := g.wanted + min(g.surge, g.serving+g.coming)
	n := want - running - pending - here - g.leaving
	if n <= 0 {
		return 0, ""
	}
	if room := d.p.MaxNodes + g.surge - d.capacity.Instances - len(d.start) - here; n > room {
		n, why = max(room, 0), textf("waits: max %d and a surge of %d leave no place to launch", d.p.MaxNodes, g.surge)
	}
	if b := d.s.Blocked; b != nil && d.now.Before(b.Until) {
		return 0, "waits, for nothing can be launched: " + b.Cause
	}
	allowed, _ := d.allowance()
	if left := max(allowed-here, 0); n > left {
		n, why = left, textf("waits for the launch limit of %d per %d s", d.p.LaunchLimit.Count, d.p.LaunchLimit.PerSeconds)
	}
	if n <= 0 {
		return 0, why
	}
	d.launch = append(d.launch, Action{Kind: ActionLaunch, Count: n, Reason: Reason{
		Code:   CodeRolloutLaunch,
		Text:   textf("launch %d in the place of %s of another version (surge %d)", n, count(g.serving+g.coming, "node"), g.surge),
		Values: values{"count": float64(n), "left": float64(g.left), "surge": float64(g.surge)},
	}})
	return n, ""
}

// retireStale drains stale nodes: degraded ones at once, for they count for
// nothing, then those that will be empty first, as long as enough serve.
func (d *decision) retireStale() int {
	g, unavailable := &d.rolling, d.s.Rollout.MaxUnavailable
	spare := g.ready - (g.wanted - unavailable)
	drained, withheld := 0, 0
	for _, v := range d.staleNodes() {
		degraded := v.last.Pool == Degraded
		switch {
		case v.receives > 0 || v.asked > 0:
			continue
		case degraded && d.rolling.ready < g.wanted-unavailable:
			continue // it may still heal, and is missed
		case !degraded && (spare <= 0 || d.rolloutBreaksFloor(v, unavailable)):
			continue
		case d.drains <= 0:
			withheld++
			continue
		}
		if !degraded {
			spare--
			g.ready--
		}
		if v.last.Pool == Idle {
			d.idle--
		}
		if v.available() {
			d.available--
		}
		drained++
		g.serving--
		g.leaving++
		d.drainNode(v, DrainRollout, Reason{
			Code:   CodeRolloutDrain,
			Text:   textf("%s is replaced by a node of the version wanted: %d of %s serve without it", v.name(), g.ready, count(g.wanted, "node")),
			Values: values{"ready": float64(g.ready), "wanted": float64(g.wanted)},
		})
	}
	if withheld > 0 {
		d.held = append(d.held, d.budgetReason(withheld))
	}
	return drained
}

// rolloutBreaksFloor says that v is missed: the floors yield by what may be
// unavailable and by no more.
func (d *decision) rolloutBreaksFloor(v *view, unavailable int) bool {
	return v.last.Pool == Idle && d.floors.idle > 0 && d.idle-1 < d.floors.idle-unavailable ||
		v.available() && d.available-1 < d.floors.available-unavailable
}

// staleNodes are those that may be drained, degraded ones first.
func (d *decision) staleNodes() []*view {
	var sick []*view
	for _, v := range d.nodes {
		if v.Stale && v.state == Running && v.Node.State == Running && v.last.Pool == Degraded && !v.recovered {
			sick = append(sick, v)
		}
	}
	return append(sick, slices.DeleteFunc(d.byEmptiness(), func(v *view) bool { return !v.Stale })...)
}
