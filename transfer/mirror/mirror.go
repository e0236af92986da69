// Package mirror carries a copy of a control connection in datagrams.
//
// A segment that TCP loses holds up all that is behind it for a round trip at the
// least, for seconds where much is lost; data that travel in datagrams meanwhile
// do not wait. So each frame is sent twice: over the connection, and byte by byte in
// what the data path sends for its own sake. Whichever comes first counts:
//
//	frames ──► connection ──────────────► Passed ─┐
//	   └─────► Write ─ Append ~~~ Take ─► Next ───┴─► each frame once, in order
//
// The stream of both is the same, so its offsets tell what is known. Bytes that wait
// for an acknowledgement are repeated in a few datagrams at once and once in a round
// trip after that. What does not fit into a datagram's corner soon enough arrives over
// the connection sooner; the mirror then goes on from there.
package mirror

import (
	"slices"
	"sync"
	"time"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/wire"
)

const (
	// keepMost bounds what waits for the peer. Beyond that it is left to the connection.
	keepMost = 256 << 10
	// Room is how many bytes a datagram that has other things to tell spares.
	Room = 184
	// Least is how many bytes of the stream these are.
	Least = Room - header
	// header is how long a frame is at most, without its bytes.
	header = 24
	// window is how far ahead of what the peer knows datagrams go, pieces how many of
	// them it holds that came before others: twice as many.
	window = 8 << 10
	pieces = 2 * window / Least
	// passes is how often all that waits is sent at once: of a hundred datagrams in
	// ten thousand that are lost one by one, one then matters.
	passes = 3
	// gap is how soon the next bytes follow in a datagram of their own, apart how soon
	// the same do: losses come in bursts.
	gap   = 5 * time.Millisecond
	apart = 20 * time.Millisecond
	// slack is what an acknowledgement may take over a round trip.
	slack = 60 * time.Millisecond
	// acks is how often each piece of news is acknowledged, at the least.
	acks = 2
)

// Forever is the deadline of a Stream that waits for nothing.
const Forever = time.Duration(1<<63 - 1)

// Stream is one end of a mirrored connection. It is safe for concurrent use.
type Stream struct {
	mu   sync.Mutex
	off  bool
	wake func()

	base  uint64 // of out: the peer has all before
	out   []byte
	next  uint64 // where this pass goes on
	pass  int    // that are over since something was written
	at    time.Duration
	fresh bool // written since the last Append

	taken uint64 // of the peer's stream: handed on
	came  uint64 // of it, over the connection
	in    []byte // from taken on
	early []piece
	heard bool // the peer mirrors too
	owed  int  // acknowledgements
	oweAt time.Duration
	last  time.Duration // when a datagram brought something along
}

// piece is what came before something that is missing.
type piece struct {
	offset uint64
	b      []byte
}

// Carries reports whether frames of a type are mirrored: not greetings, which come
// before there are datagrams, nor signs of life and what is data itself.
func Carries(t control.Type) bool {
	switch t {
	case control.TypeHello, control.TypeAccept, control.TypeEntries, control.TypePing, control.TypeData, control.TypeTaken:
		return false
	}
	return true
}

// Off stops repeating for good: there are no datagrams, or the connection is as quick.
func (s *Stream) Off() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.off = true
	s.drop()
}

// drop leaves what waits to the connection.
func (s *Stream) drop() {
	s.base += uint64(len(s.out))
	s.out, s.next, s.fresh = nil, s.base, false
}

// OnWrite has f called when there is something to send that was not before. f may be
// called with locks of the caller of Write held.
func (s *Stream) OnWrite(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wake = f
}

// Write takes a frame that goes over the connection, in the same order.
func (s *Stream) Write(frame []byte) {
	s.mu.Lock()
	var wake func()
	if !s.off && len(s.out)+len(frame) > keepMost {
		s.drop()
	}
	if s.off || len(frame) > keepMost {
		s.base += uint64(len(frame))
		s.next = s.base
	} else {
		s.out = append(s.out, frame...)
		if !s.fresh {
			s.fresh, wake = true, s.wake
		}
		s.pass, s.at = 0, 0
	}
	s.mu.Unlock()
	if wake != nil {
		wake()
	}
}

// Hurry makes what waits due at once, once more, and says how many bytes that is.
func (s *Stream) Hurry() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pass, s.at = 0, 0
	return min(len(s.out), window)
}

// Due is when a datagram should go out if none does for another reason.
func (s *Stream) Due() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	due := Forever
	if len(s.out) > 0 {
		due = s.at
	}
	if s.owed > 0 {
		due = min(due, s.oweAt)
	}
	return due
}

// Append writes what a datagram is to take along to b, at most room bytes, which
// may be nothing.
func (s *Stream) Append(now, rtt time.Duration, b []byte, room int) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if room < header {
		return b
	}
	f := wire.Mirror{Known: s.taken + uint64(len(s.in)), Offset: s.base}
	if len(s.out) > 0 && (s.pass < passes || now >= s.at) {
		end := s.base + uint64(min(len(s.out), window))
		if s.next >= end {
			s.next = s.base
		}
		n := min(uint64(room-header), end-s.next)
		from := s.next - s.base
		f.Offset, f.Bytes = s.next, s.out[from:from+n]
		s.next += n
		s.fresh = false
		switch {
		case s.next < end:
			s.at = now + gap
		case s.pass+1 < passes:
			s.pass++
			s.at = now + apart
		default:
			s.pass = passes
			s.at = now + rtt + rtt/4 + slack
		}
	}
	if s.owed > 0 {
		s.owed--
		s.oweAt = now + apart
	}
	if len(f.Bytes) == 0 && !s.heard {
		return b
	}
	return f.Append(b)
}

// Take takes what a datagram brought along; the bytes are copied.
func (s *Stream) Take(now time.Duration, f *wire.Mirror) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = now
	if end := s.base + uint64(len(s.out)); f.Known > s.base && f.Known <= end {
		s.out = s.out[f.Known-s.base:]
		s.base = f.Known
		s.next = max(s.next, s.base)
		if len(s.out) == 0 {
			s.out, s.fresh = nil, false
		}
	}
	if len(f.Bytes) == 0 {
		return
	}
	s.heard = true
	if s.owed == 0 {
		s.owed, s.oweAt = 1, now+apart // the last one may have been lost
	}
	if len(s.in)+len(f.Bytes) > control.Size(control.MaxBody)+window {
		return
	}
	if !s.join(f.Offset, f.Bytes) {
		s.hold(f)
		return
	}
	s.owed = acks
	for again := true; again; {
		again = false
		for _, p := range s.early {
			again = s.join(p.offset, p.b) || again
		}
	}
	have := s.taken + uint64(len(s.in))
	s.early = slices.DeleteFunc(s.early, func(p piece) bool { return p.offset <= have })
}

// join adds b to what came without a gap; false: it has nothing new, or there is one.
func (s *Stream) join(offset uint64, b []byte) bool {
	have := s.taken + uint64(len(s.in))
	if offset > have || offset+uint64(len(b)) <= have {
		return false
	}
	s.in = append(s.in, b[have-offset:]...)
	return true
}

// hold keeps what came before something that is missing.
func (s *Stream) hold(f *wire.Mirror) {
	if f.Offset <= s.taken+uint64(len(s.in)) || len(s.early) == pieces {
		return
	}
	for _, p := range s.early {
		if p.offset == f.Offset && len(p.b) >= len(f.Bytes) {
			return
		}
	}
	s.early = append(s.early, piece{f.Offset, slices.Clone(f.Bytes)})
}

// Last is when Take was last called; 0: never.
func (s *Stream) Last() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// Passed takes the length of the body of a frame that came over the connection, and
// reports whether it is news.
func (s *Stream) Passed(body int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := uint64(control.Size(body))
	s.came += size
	if s.came <= s.taken {
		return false
	}
	s.taken = s.came
	s.in = s.in[min(size, uint64(len(s.in))):]
	if s.heard {
		s.owed = acks
	}
	return true
}

// Next returns the next frame that came by datagrams first; false: there is none. body
// is the caller's. An error is the peer's fault.
func (s *Stream) Next() (t control.Type, body []byte, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.in) == 0 {
		return 0, nil, false, nil
	}
	t, body, ok, err = control.Cut(s.in)
	if ok {
		size := control.Size(len(body))
		s.taken += uint64(size)
		if s.in = s.in[size:]; len(s.in) == 0 {
			s.in = nil
		}
	}
	return t, body, ok, err
}
