package flow

import (
	"net/netip"
	"testing"
	"time"
)

// TestMTUIsFoundUpToJumbo: the largest size that passes is found, the transfer
// goes on meanwhile, and lost probes are not taken for congestion.
func TestMTUIsFoundUpToJumbo(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ carries, want int }{
		"Ethernet":       {1500, 1472},
		"jumbo frames":   {9000, 8972},
		"Google's cloud": {8896, 8868},
		"something else": {4400, 3972},
		"PPPoE":          {1492, 1464},
		"a tunnel":       {1420, 1392},
		"the least":      {1280, SafeMTU},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			up, down := symmetric(100e6, 40*ms, 40*ms, 0)
			up.MTU = tc.carries
			w := build(t, 1, scenario{up: up, down: down, pieces: endless})
			w.net.Run(6 * time.Second)
			st := w.s.Stats(w.net.Now())
			if st.MTU != tc.want {
				t.Fatalf("MTU %d, want %d: %v", st.MTU, tc.want, w)
			}
			if tc.carries >= 1500 && (st.LostPackets > w.up.Dropped || w.up.TooLong > 20) {
				t.Errorf("%d packets were taken for lost, the queue dropped %d; %d were too long", st.LostPackets, w.up.Dropped, w.up.TooLong)
			}
			before, from := w.book.bytes, w.net.Now()
			w.net.Run(from + 2*time.Second)
			if rate := float64(w.book.bytes-before) * 4; rate < 90e6 {
				t.Errorf("%.1f Mb/s, want the path's 100: %v", rate/1e6, w)
			}
		})
	}
}

// TestMTUFallsWhenThePathDoes: a route with smaller packets takes over, and
// nobody says so.
func TestMTUFallsWhenThePathDoes(t *testing.T) {
	t.Parallel()
	up, down := symmetric(100e6, 40*ms, 40*ms, .001)
	up.MTU = 9000
	w := build(t, 1, scenario{up: up, down: down, pieces: endless})
	w.net.Run(3 * time.Second)
	if st := w.s.Stats(w.net.Now()); st.MTU != 8972 {
		t.Fatalf("MTU %d at first", st.MTU)
	}
	for _, step := range []struct{ carries, want int }{{1500, 1472}, {1400, 1372}} {
		w.up.MTU = step.carries
		w.net.Run(w.net.Now() + 8*time.Second)
		before := w.book.bytes
		w.net.Run(w.net.Now() + 2*time.Second)
		if st := w.s.Stats(w.net.Now()); st.MTU != step.want {
			t.Fatalf("MTU %d on a path of %d: %v", st.MTU, step.carries, w)
		}
		if rate := float64(w.book.bytes-before) * 4; rate < 80e6 {
			t.Errorf("%.1f Mb/s at %d: %v", rate/1e6, step.carries, w)
		}
	}
}

// TestMTUOfANodeFitsItsPeersFamily: a node learns late where it sends to.
func TestMTUOfANodeFitsItsPeersFamily(t *testing.T) {
	t.Parallel()
	s, err := NewSender(Config{ConnID: 7, SendSecret: secret(1), RecvSecret: secret(2), Rand: seeded(1)}, newBook(t, endless))
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewReceiver(Config{ConnID: 7, SendSecret: secret(2), RecvSecret: secret(1), Peer: nodeAddr, Trusted: true, Rand: seeded(2)}, newBook(t, endless))
	if err != nil {
		t.Fatal(err)
	}
	six := netip.MustParseAddrPort("[2001:db8::7]:40000")
	for _, d := range draw(r, 0) {
		if err := s.HandleDatagram(0, six, d); err != nil {
			t.Fatal(err)
		}
	}
	if st := s.Stats(0); st.Peer != six || st.MTU != MTU6 {
		t.Fatalf("MTU %d to %v, want %d", st.MTU, st.Peer, MTU6)
	}
}

// TestSocketThatRefusesASizeRulesItOut: an interface says at once what a path
// would need three losses for.
func TestSocketThatRefusesASizeRulesItOut(t *testing.T) {
	t.Parallel()
	up, down := symmetric(100e6, 10*ms, 40*ms, 0)
	w := build(t, 1, scenario{up: up, down: down, pieces: endless})
	refused := 0
	for now := 10 * ms; now < 2*time.Second; now += ms {
		w.net.Run(now)
		if f := w.s.search; f.flying {
			refused++
			w.s.TooLong(packetSizes[f.probe] - w.s.overhead)
		}
	}
	if st := w.s.Stats(w.net.Now()); refused == 0 || refused > 6 || st.MTU != MTU4 {
		t.Fatalf("%d probes were refused, MTU %d", refused, st.MTU)
	}
	w.s.TooLong(MTU4)
	if st := w.s.Stats(w.net.Now()); st.MTU != SafeMTU {
		t.Fatalf("MTU %d after full datagrams were refused", st.MTU)
	}
}
