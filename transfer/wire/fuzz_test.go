package wire

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzControl: what parses is in bounds, and is read back the same when written again.
func FuzzControl(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 5 {
		c := randomControl(r)
		f.Add(c.append(nil))
	}
	f.Add([]byte{frameCoverage, 5, 1, 7})
	f.Add([]byte{frameSync, 3, 9, 1, 2, 3, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var c, again Control
		if c.Parse(b) != nil {
			return
		}
		for i := range c.Coverage {
			next := c.Coverage[i].Top
			c.Coverage[i].Spans(func(s Span) {
				if s.Low > s.High || s.High != next {
					t.Fatalf("spans overlap or leave gaps: %+v", c.Coverage[i])
				}
				next = s.Low - 1
			})
		}
		written := c.append(nil)
		if err := again.Parse(written); err != nil {
			t.Fatalf("what was written does not parse: %v\n% x", err, written)
		}
		if d := cmp.Diff(c, again); d != "" {
			t.Fatal(d)
		}
	})
}

// FuzzHeader: a header that parses is written back to the same bytes.
func FuzzHeader(f *testing.F) {
	b := make([]byte, Overhead)
	Header{Kind: KindData, ConnID: 1, Number: 2, Tick: 3}.Put(b)
	f.Add(b)
	f.Add([]byte{0x41})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseHeader(b)
		if err != nil {
			return
		}
		w := make([]byte, HeaderSize)
		h.Put(w)
		if !bytes.Equal(w, b[:HeaderSize]) {
			t.Fatalf("% x became % x", b[:HeaderSize], w)
		}
		if uint32(Expand(h.Number, 1<<40)&numberMask) != h.Number {
			t.Fatal("expansion changed the low bits")
		}
	})
}
