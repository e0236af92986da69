package packetio

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/godwit/godwit/transfer/wire"
)

var loopback = netip.MustParseAddrPort("127.0.0.1:0")

// patience is how long a test waits for what must happen; it measures nothing.
const patience = 10 * time.Second

// socket is what Conn and Port have in common.
type socket interface {
	SendBatch(*wire.Batch) error
	Recv(*Messages) (int, error)
	Wait(time.Duration) error
	Wake()
	Close() error
}

func listen(t *testing.T, o Options) *Listener {
	t.Helper()
	l, err := Listen(loopback, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func openPort(t *testing.T, l *Listener, id wire.ConnID) *Port {
	t.Helper()
	p, err := l.Open(id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func dial(t *testing.T, l *Listener, o Options) *Conn {
	t.Helper()
	c, err := Dial(l.Addr(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// datagram is a well-formed one with a recognisable body.
func datagram(id wire.ConnID, number uint32, size int) []byte {
	b := bytes.Repeat([]byte{byte(number)}, size)
	wire.Header{Kind: wire.KindData, ConnID: id, Number: number}.Put(b)
	return b
}

func fill(b *wire.Batch, to netip.AddrPort, datagrams ...[]byte) *wire.Batch {
	b.Reset()
	b.Addr = to
	for _, d := range datagrams {
		copy(b.Next(len(d)), d)
		b.Commit(len(d))
	}
	return b
}

// collect receives n datagrams.
func collect(t *testing.T, s socket, n int) (got [][]byte, from []netip.AddrPort) {
	t.Helper()
	m := NewMessages()
	for deadline := time.Now().Add(patience); len(got) < n; {
		if time.Now().After(deadline) {
			t.Fatalf("received %d of %d datagrams", len(got), n)
		}
		if err := s.Wait(time.Second); err != nil {
			t.Fatal(err)
		}
		for {
			k, err := s.Recv(m)
			if err != nil {
				t.Fatal(err)
			}
			if k == 0 {
				break
			}
			for f, d := range m.All() {
				got = append(got, bytes.Clone(d))
				from = append(from, f)
			}
		}
	}
	return got, from
}

func TestBatchArrivesWholeInEveryCombination(t *testing.T) {
	t.Parallel()
	for _, client := range []bool{false, true} {
		for _, node := range []bool{false, true} {
			t.Run(fmt.Sprintf("plain client %v, plain node %v", client, node), func(t *testing.T) {
				t.Parallel()
				l := listen(t, Options{Plain: node})
				p := openPort(t, l, 1)
				c := dial(t, l, Options{Plain: client})
				var want [][]byte
				for i := range 43 {
					want = append(want, datagram(1, uint32(i), 1472))
				}
				want = append(want, datagram(1, 99, 300))
				if err := c.SendBatch(fill(wire.NewBatch(), l.Addr(), want...)); err != nil {
					t.Fatal(err)
				}
				got, from := collect(t, p, len(want))
				for i := range want {
					if !bytes.Equal(got[i], want[i]) {
						t.Fatalf("datagram %d differs: %d bytes, want %d", i, len(got[i]), len(want[i]))
					}
				}
				// And back, through the shared socket and then through the port's own.
				for _, own := range []bool{false, true} {
					if own {
						if err := p.Connect(netip.Addr{}, from[0]); err != nil {
							t.Fatal(err)
						}
					}
					if err := p.SendBatch(fill(wire.NewBatch(), from[0], want...)); err != nil {
						t.Fatal(err)
					}
					back, _ := collect(t, c, len(want))
					if !bytes.Equal(bytes.Join(back, nil), bytes.Join(want, nil)) {
						t.Fatalf("answer differs (own socket: %v)", own)
					}
				}
			})
		}
	}
}

func TestPortFollowsAPeerThatMoved(t *testing.T) {
	t.Parallel()
	l := listen(t, Options{})
	p := openPort(t, l, 5)
	first, second := dial(t, l, Options{}), dial(t, l, Options{})
	send := func(c *Conn, number uint32) netip.AddrPort {
		t.Helper()
		if err := c.SendBatch(fill(wire.NewBatch(), l.Addr(), datagram(5, number, 100))); err != nil {
			t.Fatal(err)
		}
		_, from := collect(t, p, 1)
		if want := c.LocalAddr(); from[0] != want {
			t.Fatalf("datagram from %v, want %v", from[0], want)
		}
		return from[0]
	}
	if err := p.Connect(netip.Addr{}, send(first, 1)); err != nil {
		t.Fatal(err)
	}
	send(first, 2)
	moved := send(second, 3) // the shared socket catches it
	if err := p.SendBatch(fill(wire.NewBatch(), moved, datagram(5, 4, 100))); err != nil {
		t.Fatal(err)
	}
	collect(t, second, 1)
	if err := p.Connect(netip.Addr{}, moved); err != nil {
		t.Fatal(err)
	}
	if p.Connected() != moved {
		t.Fatalf("connected to %v, want %v", p.Connected(), moved)
	}
	send(second, 5)
}

func TestPortsDoNotSeeEachOther(t *testing.T) {
	t.Parallel()
	l := listen(t, Options{})
	a, b := openPort(t, l, 1), openPort(t, l, 2)
	c := dial(t, l, Options{})
	batch := fill(wire.NewBatch(), l.Addr(), datagram(1, 1, 64), datagram(2, 2, 64), datagram(1, 3, 64), datagram(2, 4, 64))
	if err := c.SendBatch(batch); err != nil {
		t.Fatal(err)
	}
	for id, p := range map[wire.ConnID]*Port{1: a, 2: b} {
		got, _ := collect(t, p, 2)
		for _, d := range got {
			if h, err := wire.ParseHeader(d); err != nil || h.ConnID != id {
				t.Fatalf("port %d got %v, %v", id, h, err)
			}
		}
	}
}

func TestStrangersGetNoAnswerAndNoState(t *testing.T) {
	t.Parallel()
	l := listen(t, Options{})
	p := openPort(t, l, 1)
	c := dial(t, l, Options{})
	junk := [][]byte{datagram(9, 1, 200), datagram(1, 2, 200), {0xff}, {}}
	junk[1][0] = 0x99 // not one of ours
	for _, d := range junk {
		if len(d) == 0 {
			continue
		}
		if err := c.SendBatch(fill(wire.NewBatch(), l.Addr(), d)); err != nil {
			t.Fatal(err)
		}
	}
	// One of ours comes last: when it is here, the others were looked at.
	if err := c.SendBatch(fill(wire.NewBatch(), l.Addr(), datagram(1, 7, 64))); err != nil {
		t.Fatal(err)
	}
	if got, _ := collect(t, p, 1); len(got) != 1 {
		t.Fatalf("port saw %d datagrams, want its own one", len(got))
	}
	if n := l.Strangers(); n != 3 {
		t.Fatalf("%d strangers counted, want 3", n)
	}
	if n, err := c.Recv(NewMessages()); n != 0 || err != nil {
		t.Fatalf("strangers were answered: %d, %v", n, err)
	}
}

func TestWakeAndCloseEndAWait(t *testing.T) {
	t.Parallel()
	for _, plain := range []bool{false, true} {
		l := listen(t, Options{Plain: plain})
		p, q := openPort(t, l, 1), openPort(t, l, 2)
		c := dial(t, l, Options{Plain: plain})
		if err := q.Connect(netip.Addr{}, c.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		for name, s := range map[string]socket{"conn": c, "port": p, "connected port": q} {
			for _, end := range []string{"wake", "wake first", "close"} {
				done := make(chan error, 1)
				if end == "wake first" {
					s.Wake()
				}
				go func() { done <- s.Wait(time.Hour) }()
				switch end {
				case "wake":
					s.Wake()
				case "close":
					if err := s.Close(); err != nil {
						t.Fatal(err)
					}
				}
				select {
				case err := <-done:
					if end != "close" && err != nil {
						t.Errorf("%s, plain %v: %s: %v", name, plain, end, err)
					}
				case <-time.After(patience):
					t.Fatalf("%s, plain %v: %s did not end the wait", name, plain, end)
				}
			}
			if _, err := s.Recv(NewMessages()); !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s, plain %v: receiving after Close: %v, want it to say closed", name, plain, err)
			}
		}
	}
}

func TestSecondListenerOnThePortIsRefused(t *testing.T) {
	t.Parallel()
	l := listen(t, Options{})
	if second, err := Listen(l.Addr(), Options{}); err == nil {
		_ = second.Close()
		t.Fatal("two listeners share a port: each would steal the other's datagrams")
	}
	openPort(t, l, 3)
	if _, err := l.Open(3); !errors.Is(err, ErrInUse) {
		t.Fatalf("second port with the id: %v", err)
	}
}

func TestInboxIsBounded(t *testing.T) {
	t.Parallel()
	q := newInbox()
	from := netip.MustParseAddrPort("192.0.2.9:9")
	for i := range 3 * inboxCount {
		q.put(from, datagram(1, uint32(i), 1400), time.Now().Add(-time.Minute))
	}
	if len(q.buf) > inboxBytes || q.dropped == 0 {
		t.Fatalf("inbox holds %d bytes, dropped %d", len(q.buf), q.dropped)
	}
	m, count := NewMessages(), 0
	for q.take(m) > 0 {
		for _, d := range m.All() {
			if m.Age() < time.Minute {
				t.Fatalf("datagram %d, a minute old, is said to have come %v ago", count, m.Age())
			}
			if h, err := wire.ParseHeader(d); err != nil || h.Number != uint32(count) {
				t.Fatalf("datagram %d is %+v, %v", count, h, err)
			}
			count++
		}
	}
	if uint64(count)+q.dropped != 3*inboxCount {
		t.Fatalf("%d taken and %d dropped do not add up", count, q.dropped)
	}
}
