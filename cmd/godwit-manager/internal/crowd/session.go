package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/godwit/godwit/fleet/report"
	"github.com/godwit/godwit/journal/event"
)

// session is one live transfer: long enough that none ends while it is watched.
type session struct {
	id, transfer, tenant string
	push                 bool
	wanted, rate, done   float64
	total                float64
	files                uint64
	at                   time.Time
	began                time.Time
	peer                 string
	path                 string
}

func newSession(n *node, tenants []string, i int) *session {
	now := time.Now()
	s := &session{
		id: event.NewID(now), transfer: event.NewID(now), tenant: tenants[n.random.IntN(len(tenants))],
		push: n.random.IntN(2) == 0, wanted: 5e6 * (1 + 20*n.random.Float64()), total: 1e12 * (1 + n.random.Float64()),
		began: now, at: now, peer: fmt.Sprintf("198.51.%d.%d:40000", n.number%256, i),
		path: fmt.Sprintf("reels/day-%02d/camera-%d", n.number%31, i),
	}
	s.rate = s.wanted
	return s
}

// step lets the session move for the time since the step before.
func (s *session) step(random *rand.Rand, now time.Time) {
	s.done = min(s.total*0.99, s.done+s.rate/8*now.Sub(s.at).Seconds())
	s.at = now
	s.files = uint64(s.done / 50e6) //nolint:gosec // not negative
	s.rate = s.wanted * (0.8 + 0.2*random.Float64())
}

func (s *session) direction() string {
	if s.push {
		return "push"
	}
	return "pull"
}

func (s *session) report() *report.Session {
	return &report.Session{
		Id: s.id, TransferId: s.transfer, Tenant: s.tenant, Direction: s.direction(), RateBps: s.rate, WantedBps: s.wanted,
		BytesDone: uint64(s.done), BytesTotal: uint64(s.total), FilesDone: s.files, FilesTotal: uint64(s.total / 50e6), //nolint:gosec // not negative
		RttUs: 80_000, Loss: 0.001, StartedUnixMs: s.began.UnixMilli(), Peer: s.peer, Policy: "fair", State: "running", Movable: true,
		Paths: []string{s.path}, Cipher: "aes-128-gcm",
	}
}

func (s *session) started(n *node) event.Event {
	e := event.New(event.SessionStarted, s.began, event.Session{
		Direction: s.direction(), Paths: []string{s.path}, Peer: s.peer, Policy: "fair", Cipher: "aes-128-gcm", StartedAt: s.began,
		BytesTotal: int64(s.total), FilesTotal: int64(s.total / 50e6),
	})
	e.Node, e.AccessKey, e.Transfer, e.Session = n.bootstrap.NodeID, s.tenant, s.transfer, s.id
	return e
}
