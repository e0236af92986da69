package mirror

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/wire"
)

const (
	ms  = time.Millisecond
	rtt = 100 * ms
)

// carried is what s.Append writes, as the peer parses it.
func carried(t *testing.T, s *Stream, now time.Duration) (wire.Mirror, bool) {
	t.Helper()
	b := s.Append(now, rtt, nil, Room)
	if len(b) == 0 {
		return wire.Mirror{}, false
	}
	var c wire.Control
	if err := c.Parse(b); err != nil || !c.HasMirror {
		t.Fatalf("% x does not parse: %v", b, err)
	}
	return c.Mirror, true
}

// TestEachFrameComesOnceAndInOrder: whatever is lost of both ways, and whenever the
// connection catches up.
func TestEachFrameComesOnceAndInOrder(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		var from, to Stream
		var tcp [][]byte // bodies under way on the connection
		var got []string
		take := func() {
			for {
				_, body, ok, err := to.Next()
				if err != nil {
					t.Fatal(err)
				}
				if !ok {
					return
				}
				got = append(got, string(body))
			}
		}
		loss, written := r.Float64()*.9, 0
		stalled := r.IntN(3) == 0 // the connection says nothing until the end
		for now := time.Duration(0); now < 60*time.Second; now += time.Duration(r.IntN(20)+1) * ms {
			if written < 60 && r.IntN(4) == 0 {
				body := fmt.Appendf(nil, "%d %s", written, bytes.Repeat([]byte{'x'}, r.IntN(600)))
				from.Write(control.Append(nil, control.TypeVerdicts, body))
				tcp = append(tcp, body)
				written++
			}
			if from.Due() <= now {
				if m, ok := carried(t, &from, now); ok && r.Float64() > loss {
					to.Take(now, &m)
				}
			}
			if to.Due() <= now {
				if m, ok := carried(t, &to, now); ok && r.Float64() > loss {
					from.Take(now, &m)
				}
			}
			take()
			if !stalled && len(tcp) > 0 && r.IntN(30) == 0 {
				if to.Passed(len(tcp[0])) {
					got = append(got, string(tcp[0]))
				}
				tcp = tcp[1:]
			}
		}
		if stalled && loss < .5 && len(got) != written {
			t.Errorf("seed %d: %d of %d frames came by datagrams alone, at a loss of %.2f", seed, len(got), written, loss)
		}
		for _, body := range tcp {
			if to.Passed(len(body)) {
				got = append(got, string(body))
			}
			take()
		}
		if len(got) != written {
			t.Fatalf("seed %d: %d of %d frames", seed, len(got), written)
		}
		for i, g := range got {
			var n int
			if _, err := fmt.Sscan(g, &n); err != nil || n != i {
				t.Fatalf("seed %d: %.10q came as number %d", seed, g, i)
			}
		}
	}
}

func TestAllIsQuietOnceItIsKnown(t *testing.T) {
	t.Parallel()
	var from, to Stream
	woken := 0
	from.OnWrite(func() { woken++ })
	from.Write(control.Append(nil, control.TypeProgress, []byte("1")))
	from.Write(control.Append(nil, control.TypeProgress, []byte("2")))
	if woken != 1 || from.Due() != 0 {
		t.Fatalf("woken %d times, due at %v", woken, from.Due())
	}
	m, _ := carried(t, &from, ms)
	to.Take(ms, &m)
	for now := time.Duration(0); to.Due() != Forever; now += ms {
		if to.Due() <= now {
			m, _ := carried(t, &to, now)
			from.Take(now, &m)
		}
	}
	if from.Due() != Forever {
		t.Errorf("due at %v though all is known", from.Due())
	}
	if m, ok := carried(t, &from, time.Second); ok {
		t.Errorf("says %+v, though the peer never said anything", m)
	}
}

// TestRepetitionsAreFew: an unanswered mirror costs three datagrams at once and one
// for each round trip.
func TestRepetitionsAreFew(t *testing.T) {
	t.Parallel()
	var s Stream
	s.Write(control.Append(nil, control.TypeProgress, []byte("1")))
	n := 0
	for now := time.Duration(0); now < 10*rtt; now += ms {
		if s.Due() <= now {
			if _, ok := carried(t, &s, now); ok {
				n++
			}
		}
	}
	if n < 5 || n > 13 {
		t.Errorf("%d datagrams in ten round trips", n)
	}
}

func TestTooMuchIsLeftToTheConnection(t *testing.T) {
	t.Parallel()
	var from, to Stream
	long := bytes.Repeat([]byte{'x'}, keepMost/2)
	for range 3 {
		from.Write(control.Append(nil, control.TypeNames, long))
	}
	if len(from.out) > keepMost {
		t.Fatalf("%d bytes are kept", len(from.out))
	}
	m, _ := carried(t, &from, 0)
	to.Take(0, &m)
	if _, _, ok, _ := to.Next(); ok {
		t.Fatal("a frame comes from the middle of the stream")
	}
	for range 3 {
		if !to.Passed(len(long)) {
			t.Fatal("a frame is no news, though it came over the connection only")
		}
	}
	from.Take(0, &wire.Mirror{Known: to.taken})
	from.Write(control.Append(nil, control.TypeFinished, nil))
	m, _ = carried(t, &from, 0)
	to.Take(0, &m)
	if kind, _, ok, err := to.Next(); !ok || kind != control.TypeFinished || err != nil {
		t.Fatalf("%v %v %v", kind, ok, err)
	}
	if to.Passed(0) {
		t.Error("the same frame is news again")
	}
}

func TestOffRepeatsNothingAndStillTakes(t *testing.T) {
	t.Parallel()
	var from, to Stream
	to.Off()
	to.Write(control.Append(nil, control.TypeTotals, []byte("{}")))
	from.Write(control.Append(nil, control.TypeFinished, nil))
	m, _ := carried(t, &from, 0)
	to.Take(0, &m)
	if kind, _, ok, _ := to.Next(); !ok || kind != control.TypeFinished {
		t.Fatal("nothing comes")
	}
	if m, ok := carried(t, &to, 0); !ok || len(m.Bytes) != 0 || m.Known == 0 {
		t.Errorf("says %+v", m)
	}
}
