package packetio

import (
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/godwit/godwit/transfer/wire"
)

// TestOthersLoseNothingWhileASocketIsMade: between its binding and its connecting, a
// port's new socket is as good for any datagram as the shared one.
func TestOthersLoseNothingWhileASocketIsMade(t *testing.T) {
	t.Parallel()
	l, err := Listen(netip.MustParseAddrPort("127.0.0.1:0"), Options{})
	must(t, err)
	defer l.Close()
	came := make(chan uint64, 1<<16)
	defer l.Divert(func(_ netip.AddrPort, d []byte) bool {
		came <- binary.BigEndian.Uint64(d[1:])
		return true
	})()
	stranger, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(l.Addr()))
	must(t, err)
	defer stranger.Close()
	const sockets, each = 400, 40 // all of them are less than a socket holds
	for i := range sockets {
		p, err := l.Open(wire.ConnID(i + 1))
		must(t, err)
		var both sync.WaitGroup
		both.Go(func() {
			d := []byte{0: 0xc0, 8: 0}
			for n := range each {
				binary.BigEndian.PutUint64(d[1:], uint64(i*each+n))
				if _, err := stranger.Write(d); err != nil {
					t.Error(err)
				}
			}
		})
		both.Go(func() {
			if err := p.Expect(netip.Addr{}, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(20000+i))); err != nil {
				t.Error(err)
			}
		})
		both.Wait()
		must(t, p.Close())
	}
	for got := range sockets * each {
		select {
		case <-came:
		case <-time.After(5 * time.Second):
			t.Fatalf("%d of %d datagrams came", got, sockets*each)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
