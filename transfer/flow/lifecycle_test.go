package flow

import (
	"testing"
	"time"

	"github.com/godwit/godwit/transfer/congestion"
	"github.com/godwit/godwit/transfer/simnet"
	"github.com/godwit/godwit/transfer/wire"
)

func TestSilenceStopsDataWithinASecond(t *testing.T) {
	t.Parallel()
	up, down := symmetric(50e6, 40*ms, 40*ms, 0)
	w := build(t, 1, scenario{up: up, down: down, pieces: endless})
	w.net.Run(2 * time.Second)
	w.down.Loss = 1
	w.net.Run(3*time.Second + 50*ms)
	sent, data := w.up.Packets, w.s.Stats(w.net.Now()).DataPackets
	w.net.Run(9 * time.Second)
	st := w.s.Stats(w.net.Now())
	if st.DataPackets != data || st.LimitedBy != "silence" || st.Silence < 6*time.Second {
		t.Fatalf("data goes on without feedback: %v", w)
	}
	if probes := w.up.Packets - sent; probes == 0 || probes > 20 {
		t.Fatalf("%d probes in six seconds of silence, want a few", probes)
	}
	w.down.Loss = 0
	w.net.Run(12 * time.Second)
	before := w.book.bytes
	w.net.Run(14 * time.Second)
	if rate := float64(w.book.bytes-before) * 4; rate < 40e6 {
		t.Fatalf("%.1f Mb/s after the silence, want the path's 50: %v", rate/1e6, w)
	}
}

func TestClientThatMovesIsFollowed(t *testing.T) {
	t.Parallel()
	up, down := symmetric(50e6, 40*ms, 40*ms, 0)
	w := build(t, 1, scenario{up: up, down: down, pieces: endless})
	w.net.Run(2 * time.Second)
	to := addPort(clientAddr, 77)
	w.sh.Move(to)
	w.net.Run(3 * time.Second)
	if st := w.r.Stats(w.net.Now()); st.Peer != to || !st.PeerProven || st.Moves != 1 {
		t.Fatalf("the node did not follow: %+v", st)
	}
	before := w.book.bytes
	w.net.Run(4 * time.Second)
	if rate := float64(w.book.bytes-before) * 8; rate < 45e6 {
		t.Fatalf("%.1f Mb/s after the move", rate/1e6)
	}
}

// TestDownloadStartsAndFollowsTheClient is the other way round: the node sends.
func TestDownloadStartsAndFollowsTheClient(t *testing.T) {
	t.Parallel()
	up, down := symmetric(50e6, 40*ms, 40*ms, .01)
	n := simnet.New(5)
	toClient, toNode := n.NewLink(up), n.NewLink(down)
	b := newBook(t, endless)
	s, err := NewSender(Config{ConnID: 7, SendSecret: secret(1), RecvSecret: secret(2), Rand: seeded(1)}, b)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewReceiver(Config{ConnID: 7, SendSecret: secret(2), RecvSecret: secret(1), Peer: nodeAddr, Trusted: true, Rand: seeded(2)}, b)
	if err != nil {
		t.Fatal(err)
	}
	n.NewHost(nodeAddr, s, toClient)
	client := n.NewHost(clientAddr, r, toNode)
	n.Run(3 * time.Second)
	if st := s.Stats(n.Now()); st.Peer != clientAddr || !st.PeerProven {
		t.Fatalf("the client's address is not proven: %+v", st)
	}
	to := addPort(clientAddr, 5)
	client.Move(to)
	n.Run(6 * time.Second)
	before := b.bytes
	n.Run(7 * time.Second)
	st := s.Stats(n.Now())
	if rate := float64(b.bytes-before) * 8; st.Peer != to || rate < 40e6 || st.MTU != MTU4 {
		t.Fatalf("%.1f Mb/s after the client moved: %+v", rate/1e6, st)
	}
}

func TestRatesChangeLive(t *testing.T) {
	t.Parallel()
	up, down := symmetric(100e6, 20*ms, 20*ms, .01)
	w := build(t, 1, scenario{up: up, down: down, pieces: endless, sender: func(c *Config) { c.TargetRate = 20e6 }})
	arriving := func(from, to time.Duration) float64 {
		w.net.Run(from)
		before := w.up.Bytes
		w.net.Run(to)
		return float64(w.up.Bytes-before) * 8 / (to - from).Seconds()
	}
	s := time.Second
	check := func(what string, got, least, most float64) {
		t.Helper()
		if got < least || got > most {
			t.Errorf("%s: %.1f Mb/s, want %.0f to %.0f: %v", what, got/1e6, least/1e6, most/1e6, w)
		}
	}
	check("target of 20", arriving(2*s, 4*s), 19e6, 20.3e6)
	w.s.SetRate(60e6, 0)
	check("target of 60", arriving(6*s, 8*s), 57e6, 61e6)
	w.r.SetAdvertisedRate(10e6)
	check("receiver takes 10", arriving(9*s, 11*s), 9.4e6, 10.3e6)
	w.r.SetAdvertisedRate(0)
	w.s.SetRate(0, 0)
	check("no limit", arriving(14*s, 16*s), 90e6, 101e6)
	w.s.SetRate(5e6, 0)
	w.s.SetPolicy(congestion.Fixed)
	check("fixed at 5", arriving(17*s, 19*s), 4.8e6, 5.2e6)
}

func TestPauseOfTheApplicationDoesNotSlowTheFlow(t *testing.T) {
	t.Parallel()
	up, down := symmetric(100e6, 40*ms, 40*ms, .01)
	w := build(t, 1, scenario{up: up, down: down, pieces: 30_000})
	w.net.RunWhile(20*time.Second, func() bool { return !w.book.done() })
	w.net.Run(w.net.Now() + 5*time.Second)
	w.book.limit += 20_000
	w.s.Wake()
	w.sh.Wake()
	begun := w.net.Now()
	w.net.RunWhile(begun+20*time.Second, func() bool { return !w.book.done() })
	ideal := 2424 * ms // 20,000 packets of 1,500 bytes at 99 Mb/s
	if took := w.net.Now() - begun; took > ideal*5/4+200*ms {
		t.Fatalf("took %v after the pause, want about %v: %v", took, ideal, w)
	}
}

// TestTailIsRepeated: redundant copies bring the last packets home in fewer round trips.
func TestTailIsRepeated(t *testing.T) {
	t.Parallel()
	var took [2]time.Duration
	for i, repeats := range []bool{true, false} {
		for seed := range uint64(20) {
			up, down := symmetric(100e6, 200*ms, 20*ms, .1)
			w := build(t, seed, scenario{up: up, down: down, pieces: 60, sender: func(c *Config) { c.InitialRate = 50e6 }})
			w.book.repeats = repeats
			w.net.RunWhile(20*time.Second, func() bool { return !w.book.done() })
			took[i] += w.net.Now()
		}
	}
	if took[0] > took[1]*8/10 {
		t.Fatalf("with copies %v on average, without %v: want a fifth less", took[0]/20, took[1]/20)
	}
}

// TestNoAllocationPerPacket drives a warm pair without a network.
func TestNoAllocationPerPacket(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	src := &counter{}
	s, err := NewSender(Config{ConnID: 7, SendSecret: secret(1), RecvSecret: secret(2), Peer: nodeAddr, Trusted: true, MTU: MTU4, InitialRate: 1e9, Policy: congestion.Fixed, TargetRate: 1e9}, src)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewReceiver(Config{ConnID: 7, SendSecret: secret(2), RecvSecret: secret(1)}, src)
	if err != nil {
		t.Fatal(err)
	}
	b := wire.NewBatch()
	now := time.Duration(0)
	step := func() {
		now += 500 * time.Microsecond
		for b.Reset(); s.AppendDatagrams(now, b) > 0; b.Reset() {
			for d := range b.All() {
				_ = r.HandleDatagram(now, clientAddr, d)
			}
		}
		for b.Reset(); r.AppendDatagrams(now, b) > 0; b.Reset() {
			for d := range b.All() {
				_ = s.HandleDatagram(now, nodeAddr, d)
			}
		}
	}
	for range 2000 {
		step()
	}
	before := src.delivered
	allocs := testing.AllocsPerRun(1000, step)
	if packets := src.delivered - before; packets < 10_000 || allocs > 0.1 {
		t.Fatalf("%.2f allocations per 500 µs, %d packets in all", allocs, packets)
	}
}

type counter struct{ token, delivered uint64 }

func (c *counter) Fill(_ time.Duration, buf []byte) (int, uint64) {
	c.token++
	return len(buf), c.token
}
func (c *counter) Repeat(time.Duration, uint64, []byte) int { return 0 }
func (c *counter) Acked(uint64)                             {}
func (c *counter) Lost(uint64)                              {}
func (c *counter) Left() int64                              { return -1 }
func (c *counter) Deliver(time.Duration, []byte) error      { c.delivered++; return nil }
