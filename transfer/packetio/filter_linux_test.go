package packetio

import (
	"net/netip"
	"testing"
	"time"

	"github.com/godwit/godwit/transfer/wire"
)

func TestAStrangersFloodUnderThePeersAddressTakesNoRoom(t *testing.T) {
	t.Parallel()
	l, err := Listen(netip.MustParseAddrPort("127.0.0.1:0"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	p, err := l.Open(5)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close() }()
	c, err := Dial(l.Addr(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := p.Connect(netip.Addr{}, c.LocalAddr()); err != nil || p.own.Load() == nil {
		t.Skip("no socket of its own here:", err)
	}
	// Far more than the buffer holds, of a session that is not this one.
	for n := range uint32(p.Buffer()/60_000 + 200) {
		if err := c.SendBatch(fill(wire.NewBatch(), l.Addr(), datagram(6, n, 60_000))); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.SendBatch(fill(wire.NewBatch(), l.Addr(), datagram(5, 1, 100))); err != nil {
		t.Fatal(err)
	}
	m := NewMessages()
	for range 100 {
		if err := p.Wait(time.Second); err != nil {
			t.Fatal(err)
		}
		if n, err := p.Recv(m); err != nil {
			t.Fatal(err)
		} else if n > 0 {
			break
		}
	}
	got := 0
	for _, d := range m.All() {
		got++
		if h, err := wire.ParseHeader(d); err != nil || h.ConnID != 5 {
			t.Errorf("a stranger's datagram came through: %+v %v", h, err)
		}
	}
	if got != 1 {
		t.Errorf("%d datagrams, want the session's one", got)
	}
}
