package mirror

import (
	"bytes"
	"testing"
	"time"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/wire"
)

// What FuzzPeer's input makes happen: a byte that says what, one that says how much,
// and for some of them bytes of that number.
const (
	stepRaw     = iota // a datagram's control body
	stepNext           // bytes that follow what came
	stepAhead          // bytes that come before others
	stepKnown          // more or less is known of what this end says
	stepPile           // so many pieces that come before others
	stepMuch           // long datagrams, as many of them
	stepPassed         // a frame over the connection
	stepLong           // a long one
	stepWait           // time passes
	stepAppend         // a datagram leaves, with so much room
	stepWrite          // this end has something to say
	stepFlood          // much of it
	stepHurry          // with what is missing
	stepOff            // and no more
	stepsOfPeer        // how many there are
)

const (
	stepsMost = 200 // of an input: beyond that nothing new happens
	datagram  = 8 << 10
)

// FuzzPeer: whatever a peer says in datagrams and on its connection, in whatever
// order, frames are whole, what is held is bounded, and this end tells its own story.
func FuzzPeer(f *testing.F) {
	good := (&wire.Mirror{Known: 3, Bytes: control.Append(nil, control.TypeProgress, []byte("ab"))}).Append(nil)
	frame := control.Append(nil, control.TypeProgress, []byte("ab"))
	f.Add(append([]byte{stepRaw, byte(len(good))}, good...))
	f.Add([]byte{stepRaw, 3, 1, 2, 3, stepAppend, 200})
	f.Add(append(append([]byte{stepAhead, 6, 6}, frame...), append([]byte{stepNext, 6}, frame...)...))
	f.Add([]byte{stepNext, 4, byte(control.TypeNames), 0x10, 0, 0, stepPile, 80, stepMuch, 255, stepPassed, 9})
	f.Add([]byte{stepWrite, 9, stepAppend, 60, stepKnown, 140, stepWait, 200, stepAppend, 255, stepFlood, 40, stepFlood, 40, stepAppend, 255})
	f.Add([]byte{stepLong, 3, stepNext, 1, 7, stepOff, 0, stepWrite, 3, stepHurry, 0, stepAppend, 99})
	much := bytes.Repeat([]byte{0xff}, datagram) // within a frame, or none
	f.Fuzz(func(t *testing.T, b []byte) {
		w := world{t: t}
		for range stepsMost {
			if len(b) < 2 {
				return
			}
			kind, n := b[0]%stepsOfPeer, int(b[1])
			b = b[2:]
			bring := func() []byte {
				all := b[:min(n, len(b))]
				b = b[len(all):]
				return all
			}
			switch kind {
			case stepRaw:
				w.raw(bring())
			case stepNext:
				w.s.Take(w.now, &wire.Mirror{Known: w.s.base, Offset: w.s.taken + uint64(len(w.s.in)), Bytes: bring()})
			case stepAhead:
				if len(b) > 0 {
					gap := uint64(b[0])
					b = b[1:]
					w.s.Take(w.now, &wire.Mirror{Known: w.s.base, Offset: w.s.taken + uint64(len(w.s.in)) + gap, Bytes: bring()})
				}
			case stepKnown:
				w.s.Take(w.now, &wire.Mirror{Known: w.s.base + uint64(n)*uint64(n) - 100})
			case stepPile:
				for i := range uint64(n) {
					w.s.Take(w.now, &wire.Mirror{Offset: w.s.taken + uint64(len(w.s.in)) + 200*(i+1), Bytes: much[:n]})
				}
			case stepMuch:
				for range n {
					w.s.Take(w.now, &wire.Mirror{Offset: w.s.taken + uint64(len(w.s.in)), Bytes: much})
				}
			case stepPassed:
				w.s.Passed(n)
			case stepLong:
				w.s.Passed(min(n<<13, control.MaxBody))
			case stepWait:
				w.now += time.Duration(n) * ms
			case stepAppend:
				w.append(n)
			case stepWrite:
				w.write(bring())
			case stepFlood:
				w.write(much[:n*32])
			case stepHurry:
				w.s.Hurry()
			case stepOff:
				w.s.Off()
			}
			if !w.settle() {
				return
			}
		}
	})
}

// world is a Stream and what a fuzzed peer may not change of it.
type world struct {
	t     *testing.T
	s     Stream
	now   time.Duration
	c     wire.Control
	said  []byte // all that this end wrote
	taken uint64 // at the last look
	known uint64 // as told to the peer
}

func (w *world) raw(b []byte) {
	if w.c.Parse(b) == nil && w.c.HasMirror {
		w.s.Take(w.now, &w.c.Mirror)
	}
}

func (w *world) write(body []byte) {
	frame := control.Append(nil, control.TypeProgress, body)
	w.said = append(w.said, frame...)
	w.s.Write(frame)
}

// append has a datagram leave, which tells what this end said and never less of what it
// knows.
func (w *world) append(room int) {
	b := w.s.Append(w.now, rtt, nil, room)
	if len(b) > room {
		w.t.Fatalf("%d bytes where there is room for %d", len(b), room)
	}
	if len(b) == 0 {
		return
	}
	var c wire.Control
	if err := c.Parse(b); err != nil || !c.HasMirror {
		w.t.Fatalf("% x does not parse: %v", b, err)
	}
	if m := c.Mirror; m.Offset+uint64(len(m.Bytes)) > uint64(len(w.said)) || !bytes.Equal(m.Bytes, w.said[m.Offset:m.Offset+uint64(len(m.Bytes))]) {
		w.t.Fatalf("%d bytes at %d are not what was written", len(m.Bytes), m.Offset)
	}
	if c.Mirror.Known < w.known {
		w.t.Fatalf("knows %d, and knew %d", c.Mirror.Known, w.known)
	}
	w.known = c.Mirror.Known
}

// settle looks at what is held and takes the frames that came; false: the peer's
// frames are none.
func (w *world) settle() bool {
	s, t := &w.s, w.t
	early := 0
	for _, p := range s.early {
		early += len(p.b)
	}
	if most := control.Size(control.MaxBody) + window + datagram; len(s.in) > most || len(s.early) > pieces || early > pieces*datagram {
		t.Fatalf("%d and %d bytes are held", len(s.in), early)
	}
	for {
		_, body, ok, err := s.Next()
		if err != nil {
			return false
		}
		if !ok {
			break
		}
		if len(body) > control.MaxBody {
			t.Fatalf("a body of %d bytes", len(body))
		}
	}
	end := s.base + uint64(len(s.out))
	if len(s.out) > keepMost || end != uint64(len(w.said)) || s.next < s.base || s.next > end {
		t.Fatalf("%d bytes wait from %d on, the next at %d, of %d", len(s.out), s.base, s.next, len(w.said))
	}
	if s.taken < w.taken {
		t.Fatalf("%d bytes are taken, and %d were", s.taken, w.taken)
	}
	w.taken = s.taken
	if s.Due() < 0 {
		t.Fatalf("due at %v", s.Due())
	}
	return true
}
