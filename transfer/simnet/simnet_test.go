package simnet

import (
	"math"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/godwit/godwit/transfer/wire"
)

var (
	left  = netip.MustParseAddrPort("192.0.2.1:1")
	right = netip.MustParseAddrPort("192.0.2.2:2")
)

// source sends packets of a size at an interval and records what comes in.
type source struct {
	to       netip.AddrPort
	size     int
	every    time.Duration
	left     int
	next     time.Duration
	number   uint32
	got      []uint32
	at       []time.Duration
	damaged  int
	arrivals int
}

func (s *source) HandleDatagram(now time.Duration, _ netip.AddrPort, b []byte) error {
	s.arrivals++
	h, err := wire.ParseHeader(b)
	for _, c := range b[wire.HeaderSize:] {
		if c != 0 {
			err = wire.ErrFrame
		}
	}
	if err != nil || h.ConnID != 7 {
		s.damaged++
		return err
	}
	s.got, s.at = append(s.got, h.Number), append(s.at, now)
	return nil
}

func (s *source) AppendDatagrams(now time.Duration, b *wire.Batch) int {
	if s.left == 0 || now < s.next {
		return 0
	}
	room := b.Next(s.size)
	clear(room)
	wire.Header{Kind: wire.KindData, ConnID: 7, Number: s.number}.Put(room)
	b.Commit(s.size)
	b.Addr = s.to
	s.number++
	s.left--
	s.next = now + s.every
	return 1
}

func (s *source) NextDeadline() time.Duration {
	if s.left == 0 {
		return Never
	}
	return s.next
}

// run sends count packets of 1,000 bytes (1,028 on the wire) over the link.
func run(seed uint64, l Link, count int, every time.Duration) (*Link, *source) {
	n := New(seed)
	link := n.NewLink(l)
	in := &source{}
	n.NewHost(left, &source{to: right, size: 1000, every: every, left: count}, link)
	n.NewHost(right, in, n.NewLink(Link{}))
	n.Run(time.Hour)
	return link, in
}

func TestBottleneckSetsRateAndDelay(t *testing.T) {
	t.Parallel()
	// 1,028 bytes at 8.224 Mb/s take a millisecond each.
	l, in := run(1, Link{Rate: 8.224e6, Queue: 1 << 30, Delay: 50 * time.Millisecond}, 1000, time.Microsecond)
	if len(in.got) != 1000 || !slices.IsSorted(in.got) || l.Dropped != 0 {
		t.Fatalf("%d arrived, in order: %v", len(in.got), slices.IsSorted(in.got))
	}
	if first, last := in.at[0], in.at[999]; first.Round(10*time.Microsecond) != 51*time.Millisecond ||
		last.Round(10*time.Microsecond) != 1050*time.Millisecond {
		t.Fatalf("arrived from %v to %v", first, last)
	}
}

func TestQueueDropsItsTail(t *testing.T) {
	t.Parallel()
	l, in := run(1, Link{Rate: 8.224e6, Queue: 10 * 1028}, 100, 0)
	if len(in.got) != 10 || l.Dropped != 90 || in.got[9] != 9 {
		t.Fatalf("%d arrived, %d dropped", len(in.got), l.Dropped)
	}
}

func TestChanceIsFairAndSeeded(t *testing.T) {
	t.Parallel()
	const count = 20_000
	within := func(what string, got uint64, p float64) {
		t.Helper()
		if sigma := math.Sqrt(count * p * (1 - p)); math.Abs(float64(got)-count*p) > 5*sigma {
			t.Errorf("%s: %d of %d, want about %.0f", what, got, count, count*p)
		}
	}
	l, in := run(1, Link{Loss: .1, Delay: time.Millisecond}, count, time.Microsecond)
	within("lost", l.LostHere, .1)
	if uint64(len(in.got))+l.LostHere != count {
		t.Error("losses and arrivals do not add up")
	}
	_, same := run(1, Link{Loss: .1, Delay: time.Millisecond}, count, time.Microsecond)
	if !slices.Equal(in.got, same.got) || !slices.Equal(in.at, same.at) {
		t.Error("the same seed gives another run")
	}
	_, other := run(2, Link{Loss: .1, Delay: time.Millisecond}, count, time.Microsecond)
	if slices.Equal(in.got, other.got) {
		t.Error("another seed gives the same run")
	}
	_, twice := run(1, Link{Duplicate: .2}, count, time.Microsecond)
	within("duplicated", uint64(twice.arrivals-count), .2)
	_, bad := run(1, Link{Corrupt: .05}, count, time.Microsecond)
	// Flips in the kind, the id or the body show; those in number and tick (7 bytes of 1,000) do not.
	within("damaged", uint64(bad.damaged), .05*.993)
}

func TestJitterKeepsOrderUnlessTold(t *testing.T) {
	t.Parallel()
	_, in := run(1, Link{Delay: time.Millisecond, Jitter: 10 * time.Millisecond}, 500, 100*time.Microsecond)
	if !slices.IsSorted(in.got) {
		t.Error("reordered without Reorder")
	}
	_, in = run(1, Link{Delay: time.Millisecond, Jitter: 10 * time.Millisecond, Reorder: true}, 500, 100*time.Microsecond)
	if slices.IsSorted(in.got) || len(in.got) != 500 {
		t.Error("not reordered with Reorder")
	}
}

func TestPolicerPassesBucketAndRate(t *testing.T) {
	t.Parallel()
	// 1,028 bytes each millisecond against half of that, and a bucket of 20.
	l, in := run(1, Link{Police: &Policer{Rate: 4.112e6, Bucket: 20 * 1028}}, 1000, time.Millisecond)
	if got := len(in.got); got < 515 || got > 525 || int(l.Policed) != 1000-got {
		t.Fatalf("%d passed, %d policed", got, l.Policed)
	}
}

func TestBurstsLoseNeighbours(t *testing.T) {
	t.Parallel()
	l, in := run(1, Link{Burst: &Bursts{Enter: .002, Leave: .1, Loss: 1}}, 20_000, time.Microsecond)
	gaps := 0
	for i := 1; i < len(in.got); i++ {
		if in.got[i] != in.got[i-1]+1 {
			gaps++
		}
	}
	if mean := float64(l.LostHere) / float64(gaps); mean < 5 || mean > 20 {
		t.Fatalf("a gap has %.1f packets on average, want about 10", mean)
	}
}

func TestMTUClocksAndMoves(t *testing.T) {
	t.Parallel()
	if l, in := run(1, Link{MTU: 1027}, 10, 0); l.TooLong != 10 || len(in.got) != 0 {
		t.Errorf("%d were too long, %d arrived", l.TooLong, len(in.got))
	}
	n := New(1)
	link := n.NewLink(Link{Delay: time.Second})
	in := &source{}
	n.NewHost(left, &source{to: right, size: 1000, every: time.Second, left: 3}, link)
	h := n.NewHost(right, in, n.NewLink(Link{}))
	h.Drift(1e6, time.Hour) // twice as fast
	n.Run(1500 * time.Millisecond)
	if len(in.at) != 1 || in.at[0].Round(time.Millisecond) != time.Hour+2*time.Second {
		t.Fatalf("arrived at %v of the host's time", in.at)
	}
	h.Move(left)
	n.Run(time.Minute)
	if len(in.got) != 1 {
		t.Error("packets to the old address arrived at the new one")
	}
}
