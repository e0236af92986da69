package wire

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestHeaderSurvivesTheWire(t *testing.T) {
	t.Parallel()
	b := make([]byte, Overhead)
	want := Header{Kind: KindControl, ConnID: 0xdeadbe, Number: 0x010203, Tick: 0xabcd}
	want.Put(b)
	got, err := ParseHeader(b)
	if err != nil || got != want {
		t.Fatalf("got %+v, %v; want %+v", got, err, want)
	}
	if _, err := ParseHeader(b[:Overhead-1]); !errors.Is(err, ErrShort) {
		t.Errorf("short datagram: %v", err)
	}
	b[0] = 0xc0 // a QUIC long header
	if _, err := ParseHeader(b); !errors.Is(err, ErrKind) {
		t.Errorf("stray datagram: %v", err)
	}
}

func TestExpandFindsTheNearestNumber(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		number, expected uint64
	}{
		{1, 1}, {5, 1}, {1, 5}, {1 << 24, 1<<24 - 3}, {1<<24 - 3, 1 << 24}, {1 << 32, 1<<32 - 3}, {1<<32 - 3, 1 << 32},
		{7<<24 + 9, 7<<24 - 1<<22}, {NumberSpan + 2, 3}, {9 << 40, 9<<40 + NumberSpan - 1}, {9 << 40, 9<<40 - NumberSpan + 1},
	} {
		if got := Expand(uint32(c.number)&numberMask, c.expected); got != c.number {
			t.Errorf("Expand(%#x, %#x) = %#x", c.number, c.expected, got)
		}
	}
}

func TestADelayThatChangesIsToldAcrossTheTurn(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Duration{0, time.Second, tickTurn - TickUnit, tickTurn, time.Hour} {
		for _, later := range []time.Duration{0, TickUnit, 300 * TickUnit, time.Minute} {
			for _, change := range []time.Duration{0, TickUnit, -40 * TickUnit, 700 * time.Millisecond, -250 * time.Millisecond} {
				// The second one left so much later that it was longer on its way by the change.
				left := at + later - change
				if left < 0 {
					continue
				}
				got := DelayChange(later, TickOf(left), TickOf(at))
				if d := got - change; d < -TickUnit || d > TickUnit {
					t.Errorf("at %v, %v later: delay changed by %v, want %v", at, later, got, change)
				}
			}
		}
	}
}

// randomControl draws a control body that uses every frame.
func randomControl(r *rand.Rand) Control {
	c := Control{HasStatus: true, HasSync: true, HasChallenge: true, HasResponse: true}
	c.Status = Status{
		Clock: time.Duration(r.Int64N(1<<50)) * time.Microsecond, Largest: r.Uint64N(maxNumber),
		Delay: time.Duration(r.IntN(1e6)) * time.Microsecond, Packets: r.Uint64(), Bytes: r.Uint64(),
		HasOWD: r.IntN(2) == 0, MaxRate: r.Uint64(),
	}
	if r.IntN(2) == 0 {
		c.Status.Peak = r.Uint64N(1 << 40)
	}
	if c.Status.HasOWD {
		c.Status.OWD = time.Duration(r.Int64N(1<<40)-1<<39) * TickUnit
	}
	c.Sync = Sync{Floor: r.Uint64N(maxNumber), Want: r.IntN(2) == 0, RTT: time.Duration(r.IntN(1e6)) * time.Microsecond}
	if r.IntN(2) == 0 {
		c.Sync.Low = r.Uint64N(1 << 40)
		c.Sync.High = c.Sync.Low + r.Uint64N(1000) + 1
	}
	for range r.IntN(maxCoverage) + 1 {
		v := Coverage{Top: 1<<20 + r.Uint64N(1<<40)}
		for range r.IntN(200) + 1 {
			v.Runs = append(v.Runs, r.Uint64N(300)+1)
		}
		c.Coverage = append(c.Coverage, v)
	}
	for i := range c.Challenge {
		c.Challenge[i], c.Response[i] = byte(r.Uint64()), byte(r.Uint64())
	}
	c.HasMirror, c.Mirror = true, Mirror{Known: r.Uint64N(maxNumber), Offset: r.Uint64N(1 << 20)}
	for range r.IntN(100) {
		c.Mirror.Bytes = append(c.Mirror.Bytes, byte(r.Uint64()))
	}
	return c
}

func (c *Control) append(b []byte) []byte {
	if c.HasStatus {
		b = c.Status.Append(b)
	}
	for i := range c.Coverage {
		b = c.Coverage[i].Append(b)
	}
	if c.HasSync {
		b = c.Sync.Append(b)
	}
	if c.HasChallenge {
		b = AppendChallenge(b, c.Challenge)
	}
	if c.HasResponse {
		b = AppendResponse(b, c.Response)
	}
	if c.HasMirror {
		b = c.Mirror.Append(b)
	}
	return b
}

func TestControlSurvivesTheWire(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	var got Control
	for range 500 {
		want := randomControl(r)
		b := want.append(nil)
		padded := append(bytes.Clone(b), make([]byte, r.IntN(20))...)
		if err := got.Parse(padded); err != nil {
			t.Fatalf("%v: %+v", err, want)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("differs (-want +got):\n%s", d)
		}
		// Cut anywhere within a frame, it is refused or parsed to less, never misread as the whole.
		cut := r.IntN(len(b))
		if err := got.Parse(b[:cut]); err == nil && cmp.Equal(want, got) {
			t.Fatalf("%d of %d bytes parse as the whole", cut, len(b))
		}
	}
}

func TestHostileControlIsRefused(t *testing.T) {
	t.Parallel()
	huge := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}
	cov := func(b ...byte) []byte { return append([]byte{frameCoverage}, b...) }
	for name, b := range map[string][]byte{
		"unknown frame":                 {0x77},
		"status cut short":              {frameStatus, 0},
		"status with unknown flags":     {frameStatus, 8, 1, 1, 1, 1, 1, 0},
		"runs beyond number zero":       cov(5, 1, 7),
		"empty run in the middle":       cov(50, 3, 1, 0, 1),
		"more runs than bytes":          cov(50, 40, 1),
		"count near 2^64":               append(cov(50), huge...),
		"top near 2^64":                 append(append(cov(), huge...), 1, 1),
		"three coverage frames":         append(append(cov(1, 1, 1), cov(1, 1, 1)...), cov(1, 1, 1)...),
		"challenge cut short":           {frameChallenge, 1, 2, 3},
		"query that ends at zero":       {frameSync, 2, 1, 1, 0, 0},
		"varint without end":            {frameSync, 0, 0x80, 0x80},
		"sync with an enormous floor":   append([]byte{frameSync, 0}, huge...),
		"sync with an enormous query":   append([]byte{frameSync, 2, 1, 1, 1}, huge...),
		"mirror cut short":              {frameMirror, 1, 1, 3, 0, 0},
		"mirror of enormous length":     append([]byte{frameMirror, 1, 1}, huge...),
		"mirror from an enormous place": append(append([]byte{frameMirror, 1}, huge...), 0),
		"status with an enormous time":  append([]byte{frameStatus, 0}, huge...),
	} {
		var c Control
		if err := c.Parse(b); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestSpansDescendWithoutGaps(t *testing.T) {
	t.Parallel()
	c := Coverage{Top: 100, Runs: []uint64{0, 3, 10, 1, 87}}
	var got []Span
	c.Spans(func(s Span) { got = append(got, s) })
	want := []Span{{98, 100, false}, {88, 97, true}, {87, 87, false}, {0, 86, true}}
	if d := cmp.Diff(want, got); d != "" {
		t.Fatal(d)
	}
}

func TestBatchKeepsSegmentsEqual(t *testing.T) {
	t.Parallel()
	b := NewBatch()
	add := func(n int, fill byte) bool {
		room := b.Next(n)
		if room == nil {
			return false
		}
		for i := range room {
			room[i] = fill
		}
		b.Commit(n)
		return true
	}
	if !add(1000, 1) || !add(1000, 2) || !add(300, 3) {
		t.Fatal("room refused")
	}
	if add(300, 4) {
		t.Error("a datagram after a shorter one would shift the kernel's cuts")
	}
	var sizes []int
	for d := range b.All() {
		sizes = append(sizes, len(d))
		if d[0] != byte(len(sizes)) || d[len(d)-1] != d[0] {
			t.Errorf("datagram %d holds another's bytes", len(sizes))
		}
	}
	if d := cmp.Diff([]int{1000, 1000, 300}, sizes); d != "" || b.Count() != 3 || b.Segment() != 1000 || len(b.Bytes()) != 2300 {
		t.Error(d)
	}
	b.Reset()
	if !add(100, 1) || add(101, 2) {
		t.Error("a longer datagram must not follow")
	}
	b.Reset()
	count := 0
	for add(1472, 0) {
		count++
	}
	if count != 44 { // 65,487 bytes
		t.Errorf("%d full datagrams fit, want 44", count)
	}
	b.Reset()
	for count = 0; add(10, 0); count++ {
	}
	if count != MaxSegments {
		t.Errorf("%d small datagrams fit, want %d", count, MaxSegments)
	}
}
