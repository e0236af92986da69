package notary

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/godwit/godwit/transfer/wire"
)

// clock is a time that passes when told.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func setup() (*Notary, *clock) {
	c := &clock{time.Unix(1_800_000_000, 0)}
	return New(c.now), c
}

func ask(c Nonce) []byte {
	b := make([]byte, QuestionSize)
	c.Question(b)
	return b
}

// noteOf asks from an address.
func noteOf(t *testing.T, n *Notary, from netip.AddrPort) []byte {
	t.Helper()
	c := NewNonce()
	d, ok := n.Answer(nil, from, ask(c))
	if !ok {
		t.Fatal("not answered")
	}
	note, ok := c.Note(d)
	if !ok {
		t.Fatalf("no note in % x", d)
	}
	return note
}

var (
	four = netip.MustParseAddrPort("192.0.2.7:40000")
	six  = netip.MustParseAddrPort("[2001:db8::7]:40001")
)

func TestNoteSaysWhereItWasReceived(t *testing.T) {
	t.Parallel()
	n, _ := setup()
	for _, at := range []netip.AddrPort{four, six} {
		if got, ok := n.Address(noteOf(t, n, at)); !ok || got != at {
			t.Errorf("%v, %v; it was %v", got, ok, at)
		}
	}
}

func TestNoteOfAnotherMakerOrAlteredIsWorthNothing(t *testing.T) {
	t.Parallel()
	n, c := setup()
	note := noteOf(t, n, four)
	if _, ok := New(c.now).Address(note); ok {
		t.Error("another node's note was taken")
	}
	for bit := range len(note) * 8 {
		forged := bytes.Clone(note)
		forged[bit/8] ^= 1 << (bit % 8)
		if at, ok := n.Address(forged); ok {
			t.Fatalf("taken with bit %d flipped: %v", bit, at)
		}
	}
	for size := range note {
		if _, ok := n.Address(note[:size]); ok {
			t.Fatalf("taken when cut to %d bytes", size)
		}
	}
}

func TestNoteIsGoodForAWhile(t *testing.T) {
	t.Parallel()
	n, c := setup()
	note := noteOf(t, n, four)
	c.t = c.t.Add(Lifetime)
	if _, ok := n.Address(note); !ok {
		t.Error("too early for its end")
	}
	c.t = c.t.Add(time.Second)
	if _, ok := n.Address(note); ok {
		t.Error("an old note was taken")
	}
	c.t = time.Unix(1_800_000_000, 0).Add(-time.Second)
	if _, ok := n.Address(note); ok {
		t.Error("a note of the future was taken")
	}
}

// TestNobodyIsFloodedByWayOfAnswers: they are shorter than what asks for them.
func TestNobodyIsFloodedByWayOfAnswers(t *testing.T) {
	t.Parallel()
	n, c := setup()
	q := ask(NewNonce())
	for size := range 200 {
		d, ok := n.Answer(nil, four, append(bytes.Clone(q), make([]byte, 200)...)[:size])
		if ok != (size == QuestionSize) || len(d) > size {
			t.Errorf("%d bytes for %d", len(d), size)
		}
	}
	answered := 0
	for range 10 * atOnce {
		if _, ok := n.Answer(nil, four, q); ok {
			answered++
		}
	}
	if answered > atOnce {
		t.Errorf("%d answers at once", answered)
	}
	c.t = c.t.Add(time.Second / 10)
	if _, ok := n.Answer(nil, four, q); !ok {
		t.Error("not answered any more")
	}
}

// TestQuestionsAreTakenForNothingElse on the port that sessions and QUIC share.
func TestQuestionsAreTakenForNothingElse(t *testing.T) {
	t.Parallel()
	n, _ := setup()
	q := ask(NewNonce())
	a, _ := n.Answer(nil, four, q)
	for _, d := range [][]byte{q, a} {
		if h, err := wire.ParseHeader(d); err == nil {
			t.Errorf("%+v", h)
		}
		if d[0]&0xc0 != 0 {
			t.Errorf("%#x looks like QUIC", d[0])
		}
	}
	if _, ok := NewNonce().Note(a); ok {
		t.Error("somebody else's answer was taken")
	}
}

// FuzzNotary: no datagram is answered with more, and no note that was not made is
// good.
func FuzzNotary(f *testing.F) {
	n, _ := setup()
	q := ask(Nonce{1, 2, 3})
	a, _ := n.Answer(nil, four, q)
	f.Add(q)
	f.Add(a)
	f.Add(a[prefixSize+NonceSize:])
	f.Add(q[:20])
	f.Fuzz(func(t *testing.T, b []byte) {
		n, _ := setup()
		if d, ok := n.Answer(nil, six, b); ok {
			if len(d) != AnswerSize || len(d) > len(b) {
				t.Fatalf("%d bytes for %d", len(d), len(b))
			}
			note, ok := Nonce(b[prefixSize:]).Note(d)
			if at, good := n.Address(note); !ok || !good || at != six {
				t.Fatalf("%v %v %v", at, ok, good)
			}
		}
		if at, ok := n.Address(b); ok {
			t.Fatalf("a note that nobody made says %v", at)
		}
		Nonce{1, 2, 3}.Note(b)
	})
}
