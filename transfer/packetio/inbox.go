package packetio

import (
	"net/netip"
	"sync"
	"time"
)

const (
	inboxBytes = 1 << 20
	inboxCount = 1024
)

// inbox is a bounded queue of datagrams between the goroutine that reads a
// socket and the one that owns a flow. What does not fit is dropped: it is UDP.
type inbox struct {
	mu      sync.Mutex
	buf     []byte // grows to inboxBytes at most
	entry   []inboxEntry
	head    int
	off     int
	dropped uint64
	signal  chan struct{}
}

type inboxEntry struct {
	from netip.AddrPort
	n    int
	at   time.Time // of arrival
}

func newInbox() *inbox { return &inbox{signal: make(chan struct{}, 1)} }

// put queues a copy of what arrived then and reports whether the reader should be
// woken.
func (q *inbox) put(from netip.AddrPort, b []byte, at time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.entry)-q.head >= inboxCount || len(q.buf)+len(b) > inboxBytes {
		q.dropped++
		return false
	}
	first := q.head == len(q.entry)
	q.buf = append(q.buf, b...)
	q.entry = append(q.entry, inboxEntry{from, len(b), at})
	if first {
		q.notify()
	}
	return first
}

func (q *inbox) notify() {
	select {
	case q.signal <- struct{}{}:
	default:
	}
}

// take moves as much as fits to m.
func (q *inbox) take(m *Messages) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	m.n = 0
	count, now := 0, time.Now()
	for q.head < len(q.entry) {
		e := q.entry[q.head]
		if !m.pack(e.from, q.buf[q.off:q.off+e.n], now.Sub(e.at)) {
			break
		}
		q.head++
		q.off += e.n
		count++
	}
	if q.head == len(q.entry) {
		q.buf, q.entry, q.head, q.off = q.buf[:0], q.entry[:0], 0, 0
	}
	return count
}

func (q *inbox) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.head == len(q.entry)
}
