package wire

import (
	"iter"
	"net/netip"
)

// MaxSegments is the number of datagrams that the kernel takes in one
// segmentation-offload call (UDP_MAX_SEGMENTS of Linux before 6.9).
const MaxSegments = 64

// maxBatchBytes is the largest payload of one offloaded send: 65,535 less the
// IPv6 and UDP headers.
const maxBatchBytes = 65535 - 48

// Batch is a run of datagrams to one address, laid out so that one
// segmentation-offload call can send it: every datagram has the size of the
// first but the last, which may be shorter. A Batch is owned by its caller,
// reused from round to round, and not safe for concurrent use.
type Batch struct {
	Addr   netip.AddrPort
	buf    []byte
	n      int // bytes used
	seg    int // size of the first datagram
	count  int
	closed bool
}

// NewBatch returns an empty batch with its buffer.
func NewBatch() *Batch { return &Batch{buf: make([]byte, maxBatchBytes)} }

// Reset empties the batch.
func (b *Batch) Reset() {
	b.n, b.seg, b.count, b.closed = 0, 0, 0, false
	b.Addr = netip.AddrPort{}
}

// Next returns room of exactly size bytes for the next datagram, or nil when
// the batch cannot take another of that size.
func (b *Batch) Next(size int) []byte {
	if b.closed || b.count == MaxSegments || b.n+size > len(b.buf) {
		return nil
	}
	if b.count > 0 && size > b.seg {
		return nil
	}
	return b.buf[b.n : b.n+size : b.n+size]
}

// Commit keeps the first n bytes of the room that Next returned as a datagram.
// One shorter than the first closes the batch.
func (b *Batch) Commit(n int) {
	if b.count == 0 {
		b.seg = n
	} else if n < b.seg {
		b.closed = true
	}
	b.n += n
	b.count++
}

// Count returns the number of datagrams.
func (b *Batch) Count() int { return b.count }

// Segment returns the size of every datagram but the last.
func (b *Batch) Segment() int { return b.seg }

// Bytes returns all datagrams, one after the other; valid until the next Reset.
func (b *Batch) Bytes() []byte { return b.buf[:b.n] }

// All yields each datagram; the slices alias the batch.
func (b *Batch) All() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for rest := b.buf[:b.n]; len(rest) > 0; {
			n := min(b.seg, len(rest))
			if !yield(rest[:n:n]) {
				return
			}
			rest = rest[n:]
		}
	}
}
