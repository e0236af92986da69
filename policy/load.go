package policy

import (
	"math"
	"time"
)

// Constants of how sessions are judged. They are properties of transfers, not
// of clusters, so no operator sets them.
const (
	// rampUp is how long a session may take to reach its rate: several round
	// trips of start-up on the longest paths. So long its promise counts.
	rampUp = 10 * time.Second
	// youngAge: a session younger than this is likely to come back when its
	// node drains, as one of a series (research: a drained node's demand
	// returns; five minutes covers the usual gap between jobs of one client).
	youngAge = 5 * time.Minute
	// saturated is the share of a cap above which the cap, and not the client
	// or the path, is taken to hold sessions down.
	saturated = 0.9
	// headroomUnknown: a session of unknown wish that nothing holds down is
	// taken to want a quarter more than it gets.
	headroomUnknown = 1.25
)

// Summarize turns the sessions of one node into a Load, as Decide does itself
// for nodes that list their sessions. Nodes use it to report sums only.
func Summarize(sessions []Session, u Usage, p Policy, now time.Time) Load {
	var l Load
	rate := p.sessionBps()
	send, receive := directions(sessions, u, p)
	for i := range sessions {
		s := &sessions[i]
		l.Sessions++
		var promised float64
		held := false
		if s.Direction != Receive {
			d := send.promised(s, rate, now)
			l.SendBps += int64(d)
			promised += d
			held = held || send.holds(s, d)
		}
		if s.Direction != Send {
			d := receive.promised(s, rate, now)
			l.ReceiveBps += int64(d)
			promised += d
			held = held || receive.holds(s, d)
		}
		l.ServedBps += int64(math.Min(float64(s.RateBps), rate))
		if held {
			l.Held++
		}
		leaves := s.Movable || s.Continuous
		if leaves || now.Sub(s.Since) < youngAge {
			l.ReturningBps += int64(promised)
		}
		if !leaves {
			l.Pinned++
			if end := s.expectedEnd(now); end.After(l.PinnedUntil) {
				l.PinnedUntil = end
			}
		}
	}
	return l
}

// direction is what one node does in one direction. Bits per second.
type direction struct {
	cap      float64
	used     int64
	rates    int64
	sessions int
}

func directions(sessions []Session, u Usage, p Policy) (send, receive direction) {
	send = direction{cap: capBps(p.Signals.Send, u.SendCapBps), used: u.SendBps}
	receive = direction{cap: capBps(p.Signals.Receive, u.ReceiveCapBps), used: u.ReceiveBps}
	for i := range sessions {
		s := &sessions[i]
		if s.Direction != Receive {
			send.rates += s.RateBps
			send.sessions++
		}
		if s.Direction != Send {
			receive.rates += s.RateBps
			receive.sessions++
		}
	}
	return send, receive
}

func (d direction) saturated() bool {
	return d.cap > 0 && float64(max(d.used, d.rates)) >= saturated*d.cap
}

// promised is what the session counts for: never more than the service level.
func (d direction) promised(s *Session, rate float64, now time.Time) float64 {
	if s.WantedBps > 0 {
		return math.Min(float64(s.WantedBps), rate)
	}
	got := float64(s.RateBps)
	if got >= rate || now.Sub(s.Since) < rampUp {
		return rate
	}
	if d.atFairShare(got) {
		return rate
	}
	return math.Min(rate, headroomUnknown*got)
}

// atFairShare: on a full node under max-min sharing, the sessions near the fair
// share are the ones that the node holds; those below it get what they want.
func (d direction) atFairShare(got float64) bool {
	return d.saturated() && got >= 0.8*d.cap/float64(d.sessions)
}

// holds says that the node's cap, and nothing else, keeps the session below
// what it is promised.
func (d direction) holds(s *Session, promised float64) bool {
	got := float64(s.RateBps)
	if s.WantedBps == 0 && !d.atFairShare(got) {
		return false
	}
	return d.saturated() && got < 0.95*promised
}

// expectedEnd estimates from what is left where that is known. Where it is not,
// transfers are heavy-tailed: one that has lasted an hour will last another.
func (s *Session) expectedEnd(now time.Time) time.Time {
	if s.RemainingBytes > 0 && s.RateBps > 0 {
		left := float64(s.RemainingBytes) * 8 / float64(s.RateBps)
		return now.Add(time.Duration(math.Min(left, maxSeconds)) * time.Second)
	}
	return now.Add(max(now.Sub(s.Since), rampUp))
}

// capBps is the cap that a bandwidth signal is measured against; 0: unknown.
func capBps(s Signal, own int64) float64 {
	if s.Cap > 0 {
		return s.Cap * 1e6
	}
	return float64(own)
}
