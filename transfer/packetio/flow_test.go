package packetio_test

import (
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godwit/godwit/transfer/congestion"
	"github.com/godwit/godwit/transfer/flow"
	"github.com/godwit/godwit/transfer/packetio"
	"github.com/godwit/godwit/transfer/wire"
)

// endpoint is what Sender and Receiver have in common.
type endpoint interface {
	HandleDatagram(time.Duration, netip.AddrPort, []byte) error
	AppendDatagrams(time.Duration, *wire.Batch) int
	NextDeadline() time.Duration
}

type socket interface {
	SendBatch(*wire.Batch) error
	Recv(*packetio.Messages) (int, error)
	Wait(time.Duration) error
}

// drive runs an endpoint on a socket until stop.
func drive(e endpoint, s socket, start time.Time, stop *atomic.Bool, fail func(error)) {
	b, m := wire.NewBatch(), packetio.NewMessages()
	for !stop.Load() {
		for range packetio.Round {
			if b.Reset(); e.AppendDatagrams(time.Since(start), b) == 0 {
				break
			}
			if err := s.SendBatch(b); err != nil {
				fail(err)
				return
			}
		}
		if err := s.Wait(min(e.NextDeadline()-time.Since(start), 50*time.Millisecond)); err != nil {
			fail(err)
			return
		}
		for {
			n, err := s.Recv(m)
			if err != nil {
				fail(err)
				return
			}
			if n == 0 {
				break
			}
			now := time.Since(start)
			for from, d := range m.All() {
				_ = e.HandleDatagram(now, from, d) // a bad datagram is the flow's to drop
			}
		}
	}
}

// source counts; what it sends are zeros with a number. It keeps what was lost for sending again.
type source struct {
	left  int64 // bytes
	size  map[uint64]int
	token uint64
	acked atomic.Int64
}

func (s *source) Left() int64 { return s.left }

func (s *source) Fill(_ time.Duration, buf []byte) (int, uint64) {
	n := int(min(int64(len(buf)), s.left))
	if n == 0 {
		return 0, 0
	}
	s.left -= int64(n)
	s.token++
	if s.size != nil {
		s.size[s.token] = n
	}
	return n, s.token
}

func (s *source) Repeat(_ time.Duration, token uint64, buf []byte) int { return s.size[token] }

func (s *source) Acked(token uint64) {
	s.acked.Add(int64(s.size[token]))
	delete(s.size, token)
}

func (s *source) Lost(token uint64) { s.left += int64(s.size[token]) }

type sink struct{ bytes atomic.Int64 }

func (s *sink) Deliver(_ time.Duration, p []byte) error {
	s.bytes.Add(int64(len(p)))
	return nil
}

func secret(b byte) []byte {
	s := make([]byte, flow.SecretSize)
	s[0] = b
	return s
}

// pair starts a client that sends and a node that receives, over loopback.
func pair(t testing.TB, src *source, dst *sink, o packetio.Options, mtu int, rate float64) (stop func()) {
	t.Helper()
	l, err := packetio.Listen(netip.MustParseAddrPort("127.0.0.1:0"), o)
	if err != nil {
		t.Fatal(err)
	}
	port, err := l.Open(1)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := packetio.Dial(l.Addr(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := port.Connect(netip.Addr{}, conn.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	s, err := flow.NewSender(flow.Config{ConnID: 1, SendSecret: secret(1), RecvSecret: secret(2), Peer: l.Addr(),
		Trusted: true, MTU: mtu, RTT: time.Millisecond, Policy: congestion.Fair, TargetRate: rate, InitialRate: rate / 8}, src)
	if err != nil {
		t.Fatal(err)
	}
	r, err := flow.NewReceiver(flow.Config{ConnID: 1, SendSecret: secret(2), RecvSecret: secret(1), MTU: mtu, RTT: time.Millisecond}, dst)
	if err != nil {
		t.Fatal(err)
	}
	var ended atomic.Bool
	done := make(chan struct{}, 2)
	start := time.Now()
	fail := func(err error) { t.Error(err) }
	go func() { drive(s, conn, start, &ended, fail); done <- struct{}{} }()
	go func() { drive(r, port, start, &ended, fail); done <- struct{}{} }()
	return func() {
		ended.Store(true)
		<-done
		<-done
		st := s.Stats(time.Since(start))
		t.Logf("rtt %v queue %v sent %d lost %d spurious %d repeated %d", st.RTT, st.Queue, st.SentPackets, st.LostPackets, st.SpuriousPackets, st.RepeatedPackets)
		for _, c := range []interface{ Close() error }{conn, port, l} {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestFlowFinishesOverLoopback(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]packetio.Options{"kernel": {}, "plain": {Plain: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const total = 8 << 20
			src, dst := &source{left: total, size: map[uint64]int{}}, &sink{}
			stop := pair(t, src, dst, o, flow.MTU4, 400e6)
			for deadline := time.Now().Add(30 * time.Second); src.acked.Load() < total; {
				if time.Now().After(deadline) {
					stop()
					t.Fatalf("%d of %d bytes acknowledged", src.acked.Load(), total)
				}
				time.Sleep(time.Millisecond) // polling with a deadline
			}
			stop()
			if got := dst.bytes.Load(); got < total {
				t.Fatalf("sink took %d bytes, want %d at least", got, total)
			}
		})
	}
}

// BenchmarkFlow measures sealing, sending, receiving and opening over loopback
// sockets, congestion control and feedback included. Mb/s are payload bytes.
func BenchmarkFlow(b *testing.B) {
	for _, c := range []struct {
		name string
		o    packetio.Options
		mtu  int
	}{{"kernel-1472", packetio.Options{}, flow.MTU4}, {"plain-1472", packetio.Options{Plain: true}, flow.MTU4}, {"kernel-8972", packetio.Options{}, 8972}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			src, dst := &source{left: 1 << 60}, &sink{}
			stop := pair(b, src, dst, c.o, c.mtu, 40e9)
			per := int64(c.mtu - wire.Overhead)
			b.SetBytes(per)
			for dst.bytes.Load() < 64<<20 { // past start-up
				time.Sleep(time.Millisecond)
			}
			from := dst.bytes.Load()
			b.ResetTimer()
			for dst.bytes.Load()-from < int64(b.N)*per {
				time.Sleep(time.Millisecond)
			}
			b.StopTimer()
			stop()
		})
	}
}
