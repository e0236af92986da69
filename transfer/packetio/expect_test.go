package packetio

import (
	"net/netip"
	"testing"

	"github.com/godwit/godwit/transfer/wire"
)

// own receives datagrams of a port's own socket only.
func own(t *testing.T, p *Port) *Conn {
	t.Helper()
	c := p.own.Load()
	if c == nil {
		t.Skip("no sockets of their own here")
	}
	return c
}

func TestAnExpectedPeerSharesNoSocket(t *testing.T) {
	t.Parallel()
	l := listen(t, Options{})
	p, c := openPort(t, l, 1), dial(t, l, Options{})
	if err := p.Expect(netip.Addr{}, c.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	if err := c.SendBatch(fill(wire.NewBatch(), l.Addr(), datagram(1, 1, 100))); err != nil {
		t.Fatal(err)
	}
	collect(t, own(t, p), 1)
}

func TestAPeerThatComesFromElsewhereIsHeardAllTheSame(t *testing.T) {
	t.Parallel()
	l := listen(t, Options{})
	p, c, other := openPort(t, l, 1), dial(t, l, Options{}), dial(t, l, Options{})
	if err := p.Expect(netip.Addr{}, other.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	if err := c.SendBatch(fill(wire.NewBatch(), l.Addr(), datagram(1, 1, 100))); err != nil {
		t.Fatal(err)
	}
	if _, from := collect(t, p, 1); from[0] != c.LocalAddr() {
		t.Errorf("from %v, want %v", from[0], c.LocalAddr())
	}
}

// TestNobodyTakesAnothersPeerByNamingIt: who only says that it is at an address
// takes nothing from who is there; who proves it does.
func TestNobodyTakesAnothersPeerByNamingIt(t *testing.T) {
	t.Parallel()
	l := listen(t, Options{})
	first, second, c := openPort(t, l, 1), openPort(t, l, 2), dial(t, l, Options{})
	send := func(to *Port, number uint32) {
		t.Helper()
		if err := c.SendBatch(fill(wire.NewBatch(), l.Addr(), datagram(to.ID(), number, 100))); err != nil {
			t.Fatal(err)
		}
		collect(t, own(t, to), 1)
	}
	if err := first.Expect(netip.Addr{}, c.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	send(first, 1)
	if err := second.Expect(netip.Addr{}, c.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	if at := second.Connected(); at.IsValid() {
		t.Fatalf("the second has a socket for %v, which the first is at", at)
	}
	send(first, 2)
	if err := second.Connect(netip.Addr{}, c.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	send(second, 3)
	if err := first.Close(); err != nil { // which had the address before
		t.Fatal(err)
	}
	third := openPort(t, l, 3)
	if err := third.Expect(netip.Addr{}, c.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	if third.Connected().IsValid() {
		t.Fatal("the end of the first takes the second off the list")
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	if err := third.Expect(netip.Addr{}, c.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	send(third, 4)
}
