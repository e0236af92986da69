package quick

import (
	"encoding/binary"
	"time"
)

const (
	// leastInitial is the least size of a datagram that begins a handshake, and
	// version the only one spoken (RFC 9000, 14.1 and 15).
	leastInitial = 1200
	version      = 1
	// longest is the longest datagram that is looked at. Clients send 1,280 bytes
	// and have no reason for more.
	longest = 1500

	// A client's handshake has three datagrams of the size that begins one. Those that
	// open none cost a node 20 µs at most, when it asks for a proof of the address;
	// any other packet a few: together these budgets are a tenth of a core.
	initialsPerSecond, initialsAtOnce = 1500, 384
	packetsPerSecond, packetsAtOnce   = 20_000, 1024
)

// shape is what a datagram looks like from outside.
type shape int

const (
	other   shape = iota // no QUIC, or none that concerns a node
	initial              // may begin a handshake
	further              // of a connection that exists, if it does
)

// shapeOf tells by what RFC 9000, 17, leaves in the clear.
func shapeOf(b []byte) shape {
	const long, fixed, kind = 0x80, 0x40, 0x30
	const kindInitial, kindHandshake = 0x00, 0x20
	switch {
	case len(b) < 21 || len(b) > longest || b[0]&fixed == 0:
		return other // less leaves nothing to take a header protection sample from
	case b[0]&long == 0:
		return further
	case binary.BigEndian.Uint32(b[1:]) != version:
		return other
	case b[0]&kind == kindInitial && len(b) >= leastInitial:
		return initial
	case b[0]&kind == kindInitial || b[0]&kind == kindHandshake:
		return further // an Initial that only acknowledges may be short, if its connection exists
	default:
		return other // 0-RTT, and what servers say
	}
}

// gate decides, before anything is parsed or kept, which datagrams of strangers
// are worth a look. It is for one goroutine.
type gate struct {
	initials, packets bucket
	now               func() time.Time
}

func newGate(now func() time.Time) *gate {
	return &gate{
		now:      now,
		initials: bucket{rate: initialsPerSecond, most: initialsAtOnce, left: initialsAtOnce},
		packets:  bucket{rate: packetsPerSecond, most: packetsAtOnce, left: packetsAtOnce},
	}
}

// admits says whether b may pass, where open connections exist and most are
// allowed. Noise costs no look at the clock.
func (g *gate) admits(b []byte, open, most int) bool {
	switch shapeOf(b) {
	case initial:
		// What a handshake that goes on loses here, its client repeats.
		return open < most && g.initials.take(g.now())
	case further:
		return open > 0 && g.packets.take(g.now())
	default:
		return false
	}
}

// bucket is a token bucket.
type bucket struct {
	rate, most, left float64
	last             time.Time
}

func (b *bucket) take(now time.Time) bool {
	if d := now.Sub(b.last); d > 0 {
		b.left, b.last = min(b.left+b.rate*d.Seconds(), b.most), now
	}
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}
