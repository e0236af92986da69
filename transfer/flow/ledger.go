package flow

import "time"

type fate uint8

const (
	settled fate = iota // acknowledged, or nothing here
	pending             // sent, fate unknown
	lost                // declared lost, may still turn up
)

// sentPacket is what the sender remembers of a packet.
type sentPacket struct {
	at      time.Duration
	token   uint64
	origin  uint64 // of a copy: packet number of the original; 0: this is one
	size    uint16 // on the wire
	fate    fate
	data    bool  // has a token
	told    bool  // Acked was reported for the token
	missing bool  // a report said that it had not arrived
	probe   bool  // tries a larger size: see search
	blind   bool  // of a greeting: its loss says nothing
	kept    bool  // the receiver keeps it: see tail
	copies  uint8 // of an original: how often it was repeated
	open    uint8 // of an original: copies, itself included, whose fate is pending
}

const ledgerLeast = 1 << 10

// ledger is the ring of sent packets by number. It holds everything from floor
// to next, and as much of the past as has room, for late arrivals.
type ledger struct {
	ring  []sentPacket
	next  uint64 // number of the next packet; the first is 1
	floor uint64 // lowest pending number, or next
}

func newLedger() ledger {
	return ledger{ring: make([]sentPacket, ledgerLeast), next: 1, floor: 1}
}

// at returns the entry of a number that is still held, or nil.
func (l *ledger) at(n uint64) *sentPacket {
	if n == 0 || n >= l.next || n+uint64(len(l.ring)) < l.next {
		return nil
	}
	return &l.ring[n%uint64(len(l.ring))]
}

// oldest is the lowest number still held.
func (l *ledger) oldest() uint64 {
	if size := uint64(len(l.ring)); l.next > size {
		return l.next - size
	}
	return 1
}

// push adds the packet with number next. It copies field by field: p was written
// in parts, and a copy as a whole waits until all that was written before is in
// the cache, the datagram included.
func (l *ledger) push(p *sentPacket) {
	// Keep as much history as is in flight: late arrivals are told from new ones by it.
	if 2*(l.next-l.floor) >= uint64(len(l.ring)) {
		old := *l
		l.ring = make([]sentPacket, 2*len(old.ring))
		for n := old.oldest(); n < old.next; n++ {
			l.ring[n%uint64(len(l.ring))] = *old.at(n)
		}
	}
	e := &l.ring[l.next%uint64(len(l.ring))]
	e.at, e.token, e.origin, e.size = p.at, p.token, p.origin, p.size
	e.fate, e.data, e.told, e.missing = p.fate, p.data, p.told, p.missing
	e.probe, e.blind, e.kept, e.copies, e.open = p.probe, p.blind, p.kept, p.copies, p.open
	l.next++
}

// advance moves the floor over what is not pending.
func (l *ledger) advance() {
	for l.floor < l.next && l.ring[l.floor%uint64(len(l.ring))].fate != pending {
		l.floor++
	}
}
