package policy

// repairShare: at most one open node in so many is drained for repair at once.
// Where all are degraded, the cause is likelier shared (storage, a bad
// configuration) than cured by new nodes.
const repairShare = 4

// scaleInShare: at most one running node in so many is drained at once. It costs
// seconds, and a wrong picture of demand does not empty the cluster at a stroke.
const scaleInShare = 4

// repair drains nodes that stayed degraded beyond their grace. Floors and demand
// have stopped counting them, so their replacements are on the way already.
func (d *decision) repair() {
	var sick []*view
	repairing := 0
	for _, v := range d.nodes {
		switch {
		case v.state == Running && v.last.Pool == Degraded && !v.grace && !v.recovered:
			sick = append(sick, v)
		case v.state == Draining && v.DrainCause == DrainRepair:
			repairing++
		}
	}
	budget := max(d.capacity.Running/repairShare, 1) - repairing
	for i, v := range sick {
		if i < budget && d.drains <= 0 {
			d.held = append(d.held, d.budgetReason(len(sick)-i))
			break
		}
		if i >= budget {
			d.held = append(d.held, Reason{
				Code:   CodeDrainWaits,
				Text:   textf("%s to be replaced: at most one in %d at a time", count(len(sick)-i, "degraded node"), repairShare),
				Values: values{"waiting": float64(len(sick) - i)},
			})
			break
		}
		d.drainNode(v, DrainRepair, Reason{
			Code: CodeDrainDegraded,
			Text: textf("%s has been degraded for %s (grace %s): it is replaced", v.name(),
				duration(d.now.Sub(v.last.Since)), duration(d.p.degradedGrace())),
			Values: values{"degraded_s": d.now.Sub(v.last.Since).Seconds()},
		})
	}
}

// scaleIn drains what neither demand nor floors need.
func (d *decision) scaleIn() {
	running, _ := d.openNodes()
	if d.rolls() {
		running = min(running, d.rolling.ready) - d.rolloutSurge()
	}
	if over := d.overMax(); over > 0 {
		// The operator lowered max: no window, and floors yield to it.
		d.drainSurplus(over, running, DrainMax)
		return
	}
	if d.lacking {
		return
	}
	surplus := running - d.keep()
	spare := min(running-d.sizing.now, d.available-d.floors.available)
	switch {
	case !d.sizing.inCovered || surplus <= 0 && spare > 0 && d.sizing.in >= running:
		if spare > 0 && !d.terse {
			d.held = append(d.held, d.scaleInWaits(spare))
		}
	case surplus <= 0:
		if extra := running - d.sizing.in; extra > 0 && !d.terse {
			d.held = append(d.held, d.floorReason(extra))
		}
	default:
		step := min(surplus, max(running/scaleInShare, 1))
		if step > d.drains {
			d.held = append(d.held, d.budgetReason(step-d.drains))
			step = d.drains
		}
		d.drainSurplus(step, running, DrainScaleIn)
		if rest := min(surplus-step, d.available-d.floors.available); rest > 0 && len(d.drain) > 0 {
			d.held = append(d.held, Reason{
				Code:   CodeScaleInStep,
				Text:   textf("%s to go later: at most one in %d at a time", count(rest, "more node"), scaleInShare),
				Values: values{"waiting": float64(rest)},
			})
		}
	}
}

// keep is how many open nodes scale-in leaves. The idle reserve comes on top of
// the nodes that demand keeps busy, also when the last session has just ended:
// else the next one breaks the floor. Likewise the available ones come on top of
// those that were high.
func (d *decision) keep() int {
	keep := d.sizing.in
	if d.sizing.override {
		return keep
	}
	keep += d.floors.idle
	keep = max(keep, d.sizing.high+d.floors.available)
	if d.floors.idle > 0 && d.sizing.high > 0 {
		keep = max(keep, d.sizing.high+1+d.floors.idle)
	}
	return keep
}

// openNodes counts the nodes that new sessions go, or will go, to.
func (d *decision) openNodes() (running, pending int) {
	for _, v := range d.nodes {
		switch {
		case !v.open():
		case v.state.Pending():
			pending++
		default:
			running++
		}
	}
	return running, pending
}

// overMax is by how many open nodes the cluster exceeds max_nodes.
func (d *decision) overMax() int {
	running, pending := d.openNodes()
	return max(running+pending-d.p.MaxNodes-d.rolloutSurge(), 0)
}

// drainSurplus drains up to n nodes, first the one that will be empty first.
func (d *decision) drainSurplus(n, running int, cause DrainCause) {
	room, reason := d.room(), d.drainReasons(cause)
	d.low = 0
	for _, v := range d.nodes {
		if v.state == Running && v.last.Pool == Low {
			d.low++
		}
	}
	var floored, pinned, full, receiving int
	for _, v := range d.byEmptiness() {
		if n == 0 {
			break
		}
		if cause == DrainScaleIn {
			switch {
			case v.receives > 0 || v.asked > 0:
				receiving++
				continue
			case d.breaksFloor(v):
				floored++
				continue
			case v.load.PinnedUntil.After(d.now.Add(d.p.drainTimeout())):
				pinned++
				continue
			case !room.takes(v):
				full++
				continue
			}
		}
		n--
		running--
		room.drain(v)
		switch v.last.Pool {
		case Idle:
			d.idle--
		case Low:
			d.low--
		case High, Degraded:
		}
		if v.available() {
			d.available--
		}
		d.drainNode(v, cause, reason(v, running))
	}
	if n > 0 && cause == DrainScaleIn && !d.terse {
		d.held = append(d.held, d.keptReasons(n, floored, pinned, full, receiving)...)
	}
}

func (d *decision) breaksFloor(v *view) bool {
	idle := d.idle
	switch {
	case v.last.Pool == Idle:
		idle--
	case !d.otherLow(v):
		// What v serves, and the next client, will wake an idle node.
		idle--
	}
	if d.floors.idle > 0 && idle < d.floors.idle {
		return true
	}
	return v.available() && d.available <= d.floors.available
}

// otherLow says that a busy node other than v takes new clients.
func (d *decision) otherLow(v *view) bool {
	if v.state == Running && v.last.Pool == Low {
		return d.low > 1
	}
	return d.low > 0
}

func (d *decision) drainNode(v *view, cause DrainCause, why Reason) {
	v.state = Draining
	if cause.voluntary() {
		d.drains--
	}
	if cause == DrainScaleIn {
		d.sample.Drained++
	}
	d.drain = append(d.drain, Action{
		Kind: ActionDrain, NodeID: v.ID, Cause: cause,
		Deadline: d.now.Add(d.p.drainTimeout()), Reason: why,
	})
}

// room is what the available nodes can still take before they turn high.
type room struct {
	threshold float64
	nodes     int
	used      float64
}

func (d *decision) room() *room {
	r := &room{threshold: d.p.MaxThreshold}
	for _, v := range d.nodes {
		if v.available() {
			r.nodes++
			r.used += v.last.Utilization + v.extra
		}
		// Those who were asked to move just now come from v to one of the others.
		if d.now.Sub(v.last.MovedAt) < moveLands {
			_, one := v.share(d.p.anyone(), Load{}, worth{}, &d.p).largest(d.p.Signals)
			r.used += float64(one * float64(v.last.Moved))
		}
	}
	return r
}

// without is the room after v is gone and what it served has come back.
func (r room) without(v *view) room {
	if v.available() {
		r.nodes--
		r.used -= v.last.Utilization
	}
	r.used += float64(v.last.Utilization * v.returning())
	return r
}

// takes says that the others can serve what comes back from v and stay a
// quarter of a node clear of the threshold; else the next client would close
// them all and have a node launched.
func (r *room) takes(v *view) bool {
	w := r.without(v)
	if w.used <= 0 {
		return true
	}
	return w.nodes > 0 && w.used <= r.threshold*(float64(w.nodes)-0.25)
}

func (r *room) drain(v *view) { *r = r.without(v) }
