package share

import (
	"errors"
	"time"
)

// Errors of [Holding.Take]: the grant is not in force and never will be.
var (
	ErrOld  = errors.New("a later grant is in force")
	ErrLate = errors.New("the report that the grant answers is too long ago, or another boot's")
)

// Holding is what a node holds of its cluster's links. The zero value holds nothing. It is not safe for concurrent use.
type Holding struct {
	grant       Grant
	parts       map[Key]Part
	until, rise time.Time
}

// Take puts a grant in force. sent is when this node sent the report that the grant names; zero when it knows of none.
func (h *Holding) Take(g Grant, sent, now time.Time) error {
	if g.ID <= h.grant.ID {
		return ErrOld
	}
	lease := time.Duration(g.LeaseMs) * time.Millisecond
	if sent.IsZero() || !now.Before(sent.Add(lease)) {
		return ErrLate
	}
	h.hold(g, sent.Add(lease), now.Add(2*lease))
	return nil
}

// Hold puts a grant in force whose lease has left to go and whose safe part is due in rise: another process took it.
func (h *Holding) Hold(g Grant, left, rise time.Duration, now time.Time) {
	h.hold(g, now.Add(left), now.Add(rise))
}

func (h *Holding) hold(g Grant, until, rise time.Time) {
	h.grant, h.until, h.rise = g, until, rise
	h.parts = make(map[Key]Part, len(g.Parts))
	for _, l := range g.Parts {
		h.parts[l.Key] = l.Part
	}
}

// Grant is the one in force, with what is left of its lease and until its safe part is due; not below zero.
func (h *Holding) Grant(now time.Time) (g Grant, left, rise time.Duration) {
	return h.grant, max(h.until.Sub(now), 0), max(h.rise.Sub(now), 0)
}

// Part is what the node may let through now, bit/s.
func (h *Holding) Part(k Key, now time.Time) int64 {
	p := h.parts[k]
	switch {
	case now.Before(h.until):
		return p.Share
	case now.Before(h.rise):
		return min(p.Share, p.Safe)
	}
	return p.Safe
}

// Next is when a part changes if no grant comes; zero when none will.
func (h *Holding) Next(now time.Time) time.Time {
	switch {
	case now.Before(h.until):
		return h.until
	case now.Before(h.rise):
		return h.rise
	}
	return time.Time{}
}
