package packetio

import (
	"iter"
	"net/netip"
	"time"
)

const (
	slotSize = 65536 // a coalesced train of datagrams
	slots    = 4
)

// Messages holds what one Recv brought in. It is owned by its caller and
// reused; 256 KiB that are only touched as far as traffic needs.
type Messages struct {
	buf   []byte
	entry [slots]struct {
		from    netip.AddrPort
		n       int           // bytes in the slot
		segment int           // size of each datagram but the last; 0: one datagram
		age     time.Duration // since it arrived; 0: unknown
	}
	n   int
	at  int // the slot that All yields from
	sys sysMessages
}

// NewMessages returns an empty buffer.
func NewMessages() *Messages { return &Messages{buf: make([]byte, slots*slotSize)} }

func (m *Messages) slot(i int) []byte { return m.buf[i*slotSize : (i+1)*slotSize : (i+1)*slotSize] }

// All yields sender and content of each datagram; the content may be decrypted
// in place and is valid until the next Recv.
func (m *Messages) All() iter.Seq2[netip.AddrPort, []byte] {
	return func(yield func(netip.AddrPort, []byte) bool) {
		for i := range m.n {
			e := &m.entry[i]
			m.at = i
			seg := e.segment
			if seg <= 0 {
				seg = e.n
			}
			for rest := m.slot(i)[:e.n]; len(rest) > 0; {
				n := min(seg, len(rest))
				if !yield(e.from, rest[:n:n]) {
					return
				}
				rest = rest[n:]
			}
		}
	}
}

// Age is how long before Recv the datagram arrived that All yields now, as the
// kernel says; 0 where it does not. A reader that lets datagrams gather, or that
// was kept waiting for a processor, so knows what the network did.
func (m *Messages) Age() time.Duration { return m.entry[m.at].age }

// Bytes is the size of all datagrams together.
func (m *Messages) Bytes() (n int) {
	for i := range m.n {
		n += m.entry[i].n
	}
	return n
}

// pack copies a datagram that came so long ago to the end of the slots, coalescing
// a train from one sender as GRO does; false: full.
func (m *Messages) pack(from netip.AddrPort, b []byte, age time.Duration) bool {
	if m.n > 0 {
		e := &m.entry[m.n-1]
		// A train continues while all but its last datagram have one size.
		if e.from == from && e.segment >= len(b) && e.n%e.segment == 0 && e.n+len(b) <= slotSize {
			e.n += copy(m.slot(m.n - 1)[e.n:], b)
			return true
		}
	}
	if m.n == slots || len(b) > slotSize {
		return false
	}
	e := &m.entry[m.n]
	e.from, e.segment, e.age = from, len(b), age
	e.n = copy(m.slot(m.n), b)
	m.n++
	return true
}
