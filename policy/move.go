package policy

import (
	"cmp"
	"container/heap"
	"slices"
	"time"
)

const (
	// moveLands is how long those who were asked may take until reservations and
	// reports show where they are. Nobody else is asked meanwhile: room that is
	// spoken for looks free.
	moveLands = 10 * time.Second
	// moveGain is by how much of a node the busiest of all that a move touches
	// must be relieved. Less is noise, and would come back as another move.
	moveGain = 0.1
	// movesAtOnce bounds one plan: each of them asks a manager for a node at once.
	movesAtOnce = 500
	// minStay is how long a session stays at least where it has come to. A node is
	// asked again sooner, but what it lost may crowd the next one within that time,
	// and of two nodes the way on is the way back.
	minStay = time.Minute
)

// moveAgain is how long a node that was asked is left alone: several reports, by
// what the policy calls silence.
func (p Policy) moveAgain() time.Duration { return max(p.reportTimeout(), moveLands) }

// moveStay is how long a session that has come is left alone, however it came: a
// snapshot does not tell who was moved from who is new.
func (p Policy) moveStay() time.Duration { return max(p.moveAgain(), minStay) }

// rebalance asks sessions of crowded nodes to move to nodes with room. It never
// makes a node high, wakes the idle reserve, or moves for less than moveGain.
func (d *decision) rebalance() {
	sources := d.crowdedNodes()
	if len(sources) == 0 || d.overMax() > 0 {
		return
	}
	not := &unmoved{d: d}
	if landing := d.landing(); landing > 0 {
		d.held = append(d.held, Reason{
			Code:   CodeMoveLanding,
			Text:   textf("not moved: %s asked less than %s ago first settle elsewhere", count(landing, "session"), duration(moveLands)),
			Values: values{"sessions": float64(landing)},
		})
		return
	}
	targets := d.targets()
	left := movesAtOnce
	for _, s := range sources {
		switch {
		case left <= 0:
			not.add(CodeMoveLater, s)
		case d.now.Sub(s.v.last.MovedAt) < d.p.moveAgain():
			not.add(CodeMoveWaits, s)
		default:
			able := s.v.Movers
			if len(s.v.Sessions) > 0 {
				able = movers(s.v.Sessions, s.v.Usage, d.p, d.now)
			}
			if len(able) == 0 {
				not.add(s.v.whyNobody(), s)
				continue
			}
			if why := d.relieve(s, able[:min(len(able), left)], targets); why != "" {
				not.add(why, s)
			}
			left -= s.v.asked
		}
	}
	not.explain()
}

// source is a crowded node.
type source struct {
	v *view
	crowd
}

// crowdedNodes are the running nodes that serve more than they should, the most
// crowded first.
func (d *decision) crowdedNodes() []source {
	var sources []source
	for _, v := range d.nodes {
		if v.state != Running || v.Node.State != Running || v.recovered || v.last.Pool == Degraded {
			continue
		}
		if c, ok := v.worth.crowded(&d.p, v.load.Held, v.Usage, d.p.crowdedAt()); ok {
			v.crowded = true
			sources = append(sources, source{v, c})
		}
	}
	slices.SortFunc(sources, func(a, b source) int { return cmp.Or(cmp.Compare(b.worth, a.worth), cmp.Compare(a.v.ID, b.v.ID)) })
	return sources
}

// landing counts the sessions that were asked a moment ago.
func (d *decision) landing() int {
	n := 0
	for _, v := range d.nodes {
		if v.last.Moved > 0 && d.now.Sub(v.last.MovedAt) < moveLands {
			n += v.last.Moved
		}
	}
	return n
}

// whyNobody tells those who cannot move from those who may later.
func (v *view) whyNobody() Code {
	if v.load.Pinned+v.Expected >= v.load.Sessions {
		return CodeMovePinned
	}
	return CodeMoveYoung
}

// target is a node with room. used is what it serves, counting each newcomer as
// placement will: the session rate each way until a report shows it.
type target struct {
	v         *view
	arrival   worth
	used      worth   // as placement will see it
	level     float64 // the largest of used
	really    worth   // with newcomers at what they count for
	newcomers int
	out       bool // of the heap
}

// anyone is a client of whom nothing is known yet.
func (p Policy) anyone() Mover {
	rate := int64(p.sessionBps())
	return Mover{SendBps: rate, ReceiveBps: rate}
}

// targets are the available nodes, without the idle reserve and what this
// decision has made room on.
func (d *decision) targets() *targets {
	t := &targets{signals: d.p.Signals}
	var idle []*target
	// Side by side in memory: there may be thousands.
	all := make([]target, 0, d.capacity.Available)
	t.list = make([]*target, 0, d.capacity.Available)
	for _, v := range d.nodes {
		if !v.available() || v.crowded || v.recovered || v.Node.State != Running {
			continue
		}
		all = append(all, target{v: v, really: v.worth})
		w := &all[len(all)-1]
		t.fill(w, v.worth)
		w.arrival = v.share(d.p.anyone(), Load{}, worth{}, &d.p)
		if v.last.Pool == Idle {
			idle = append(idle, w)
			continue
		}
		t.list = append(t.list, w)
	}
	slices.SortFunc(idle, (*target).compare)
	t.list = append(t.list, idle[:max(len(idle)-d.floors.idle, 0)]...)
	heap.Init(t)
	return t
}

// takes says that w stays below the max threshold with one more.
func (w *target) takes(share worth, p *Policy) bool {
	next := w.used.plus(w.arrival)
	next.cpu, next.buffer = w.used.cpu+share.cpu, w.used.buffer+share.buffer
	_, most := next.largest(p.Signals)
	return most < p.MaxThreshold-1e-6 && w.v.load.Sessions+w.newcomers+1 < p.MaxSessions
}

// relieve finds places for sessions of one node until it is no longer crowded,
// or undoes it all and says why not.
func (d *decision) relieve(s source, able []Mover, t *targets) Code {
	v := s.v
	now, before := v.worth, s.worth
	var places []place
	helps := false
	for _, m := range able {
		c, still := now.crowded(&d.p, s.held-len(places), v.Usage, d.p.MaxThreshold)
		if !still || s.held > 0 && len(places) >= s.held {
			break
		}
		share := v.share(m, v.load, v.worth, &d.p)
		if share.of(c.signal) <= 0 {
			continue // it goes the other way, and frees nothing
		}
		helps = true
		w := t.best(share, &d.p)
		if w == nil {
			break
		}
		theirs := w.v.share(m, v.load, v.worth, &d.p)
		_, most := w.really.plus(theirs).largest(d.p.Signals)
		// More would only change places with the trouble.
		if most > before-moveGain || s.held > 0 && most > now.of(c.signal)-share.of(c.signal) {
			break
		}
		places = append(places, place{m.ID, w, w.used, w.really})
		w.really = w.really.plus(theirs)
		used := w.used.plus(w.arrival)
		used.cpu, used.buffer = used.cpu+share.cpu, used.buffer+share.buffer
		t.fill(w, used)
		w.newcomers++
		heap.Fix(t, 0)
		now = now.plus(share.times(-1))
	}
	after := now.of(s.signal)
	for _, p := range places {
		_, most := p.to.really.largest(d.p.Signals)
		after = max(after, most)
	}
	switch {
	case !helps:
		return CodeMovePinned
	case len(places) == 0 && t.best(worth{}, &d.p) == nil:
		return CodeMoveNoRoom
	case len(places) == 0 || before-after < moveGain-1e-9:
		t.undo(places)
		return CodeMoveNoGain
	}
	d.ask(s, places, round(now.of(s.signal)))
	return ""
}

// ask makes the action and takes the room.
func (d *decision) ask(s source, places []place, after float64) {
	ids := make([]string, len(places))
	var names []string
	for i, p := range places {
		ids[i] = p.session
		if p.to.v.receives == 0 && p.to.v.last.Pool == Idle {
			d.idle-- // it wakes
		}
		p.to.v.receives++
		p.to.v.extra = extra(p.to, d.p.Signals)
		if name := p.to.v.name(); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	s.v.asked = len(ids)
	d.move = append(d.move, Action{Kind: ActionMove, NodeID: s.v.ID, Sessions: ids, Reason: d.moveReason(s, len(ids), names, after)})
}

// extra is what the newcomers add to a target's utilization.
func extra(w *target, s Signals) float64 {
	_, most := w.really.plus(w.v.worth.times(-1)).largest(s)
	return most
}
