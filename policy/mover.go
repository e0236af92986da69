package policy

import (
	"cmp"
	"slices"
	"time"
)

// Constants of who may be asked to move. Moving costs a session a second or two
// and its ramp-up, whatever its size.
const (
	// moveWorth: a session that ends sooner than this frees its place faster
	// than by moving.
	moveWorth = rampUp
	// maxMovers bounds the sessions of one node that are asked at once.
	maxMovers = 64
)

// Mover is a session that may be asked to go on elsewhere.
type Mover struct {
	ID string `json:"id"`
	// SendBps and ReceiveBps are what it counts for on its node.
	SendBps    int64 `json:"send_bps,omitempty"`
	ReceiveBps int64 `json:"receive_bps,omitempty"`
}

// Sum replaces the list of sessions by sums. Of a crowded node it keeps those
// sessions that may be asked to move, at most 64.
func (n *Node) Sum(p Policy, now time.Time) {
	n.Load = Summarize(n.Sessions, n.Usage, p, now)
	if _, crowded := n.worth(n.load(&p, now), &p, 0, 0).crowded(&p, n.Load.Held, n.Usage, p.crowdedAt()); crowded {
		n.Movers = movers(n.Sessions, n.Usage, p, now)
	}
	n.Sessions = nil
}

// movers lists the sessions that can move, the youngest first, at most maxMovers.
// One must have been on its node for the minimum stay: so nobody moves twice, or
// back, in that time, and its rate has become its own.
//
// Why the youngest: they came last and crowded those that were there before; what
// the older ones have built up (rate, cache, open parts) stays; and an order by
// age is the same in every evaluation, so that nobody is asked in turns.
func movers(sessions []Session, u Usage, p Policy, now time.Time) []Mover {
	send, receive := directions(sessions, u, p)
	rate := p.sessionBps()
	var able []*Session
	for i := range sessions {
		s := &sessions[i]
		ends := s.RemainingBytes > 0 && s.expectedEnd(now).Before(now.Add(moveWorth))
		if s.Movable && now.Sub(s.Since) >= p.moveStay() && !ends {
			able = append(able, s)
		}
	}
	slices.SortFunc(able, func(a, b *Session) int { return cmp.Or(b.Since.Compare(a.Since), cmp.Compare(a.ID, b.ID)) })
	able = able[:min(len(able), maxMovers)]
	out := make([]Mover, len(able))
	for i, s := range able {
		out[i].ID = s.ID
		if s.Direction != Receive {
			out[i].SendBps = int64(send.promised(s, rate, now))
		}
		if s.Direction != Send {
			out[i].ReceiveBps = int64(receive.promised(s, rate, now))
		}
	}
	return out
}

// crowdedAt is the promised demand, in nodes' worth, at which sessions are asked
// to move. They are asked until the max threshold is met; the gap keeps a node at
// the edge, where nobody is held, from asking again and again.
func (p Policy) crowdedAt() float64 { return p.MaxThreshold + moveGain }

// crowd is why a node is crowded: clearly more is promised on one signal than the
// node serves at the max threshold, or its cap holds sessions below their promise.
type crowd struct {
	signal SignalName
	worth  float64
	held   int // sessions held, where that alone is the reason
}

// crowded compares w with a limit. It judges promised demand only: no session's leaving frees a CPU that
// something else burns.
func (w worth) crowded(p *Policy, held int, u Usage, limit float64) (crowd, bool) {
	var c crowd
	promised := false
	look := func(name SignalName, s Signal, x, used, bps float64) {
		holds := held > 0 && bps > 0 && used >= saturated*bps
		over := x > limit
		if s.Enabled && (over || holds) && x > c.worth {
			c.signal, c.worth, promised = name, x, over
		}
	}
	look(SendSignal, p.Signals.Send, w.send, float64(u.SendBps), capBps(p.Signals.Send, u.SendCapBps))
	look(ReceiveSignal, p.Signals.Receive, w.receive, float64(u.ReceiveBps), capBps(p.Signals.Receive, u.ReceiveCapBps))
	look(SessionsSignal, p.Signals.Sessions, w.sessions, 0, 0)
	if !promised {
		c.held = held
	}
	return c, c.signal != ""
}

// of is one signal's part.
func (w worth) of(s SignalName) float64 {
	switch s {
	case SendSignal:
		return w.send
	case ReceiveSignal:
		return w.receive
	case CPUSignal:
		return w.cpu
	case BufferSignal:
		return w.buffer
	case SessionsSignal:
		return w.sessions
	}
	return 0
}

// share is what m counts for on n, whose load is l and whose worth is w.
func (n *Node) share(m Mover, l Load, w worth, p *Policy) worth {
	part := ratio(float64(m.SendBps+m.ReceiveBps), float64(l.SendBps+l.ReceiveBps))
	return worth{
		send:     ratio(float64(m.SendBps), capBps(p.Signals.Send, n.Usage.SendCapBps)),
		receive:  ratio(float64(m.ReceiveBps), capBps(p.Signals.Receive, n.Usage.ReceiveCapBps)),
		cpu:      float64(w.cpu * part),
		buffer:   float64(w.buffer * part),
		sessions: ratio(1, orElse(p.Signals.Sessions.Cap, float64(p.MaxSessions))),
	}
}
