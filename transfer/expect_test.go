package transfer

import (
	"net/netip"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/packetio"
)

// TestNodeHasASocketBeforeTheFirstDatagram: for where the client says that they
// come from, at the address that its connection proves.
func TestNodeHasASocketBeforeTheFirstDatagram(t *testing.T) {
	t.Parallel()
	for name, port := range map[string]uint16{"a port": 40_000, "none": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := startNode(t, t.TempDir(), nil)
			h := byHand(t, n)
			tcp := h.tcp()
			hello := control.Hello{Direction: string(Push), Paths: []string{"."}, Policy: string(Fair), DataPort: port}
			h.c.sign(&hello, tcp, n.spec)
			must(t, sendHello(tcp, hello))
			_, err := readAccept(tcp)
			must(t, err)
			var sock *packetio.Port
			await(t, "session", func() bool {
				for _, x := range n.live() {
					x.mu.Lock()
					if x.live != nil {
						sock = x.live.lanes[0].sock.(*packetio.Port)
					}
					x.mu.Unlock()
				}
				return sock != nil
			})
			want := netip.AddrPort{}
			if port != 0 {
				want = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)
			}
			if got := sock.Connected(); got != want {
				t.Errorf("a socket for %v, want %v", got, want)
			}
		})
	}
}

// TestClientSaysWhereItsDatagramsComeFrom in every kind of session that has some.
func TestClientSaysWhereItsDatagramsComeFrom(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		quick     bool
		transport Transport
		want      bool
	}{
		"over TCP":        {false, TransportAuto, true},
		"over QUIC":       {true, TransportAuto, true},
		"never datagrams": {false, TransportTCP, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var n *node
			var said atomic.Int64
			n = startNode(t, t.TempDir(), func(c *ServerConfig, _ *grants) {
				c.OnEvent = func(e SessionEvent) {
					for _, x := range n.live() {
						if e.Kind == SessionStarted && e.Session.ID == x.status.ID && x.hello.DataPort != 0 {
							said.Add(1)
						}
					}
				}
			})
			c := client(t, n)
			if x.quick {
				c = quickClient(t, n.spec)
			}
			src, to := t.TempDir(), t.TempDir()
			write(t, filepath.Join(src, "f"), 100_000)
			options := Options{Transport: x.transport}
			mustRun(t, c, Job{Direction: Push, Sources: []string{src + "/"}, Destination: ".", Options: options})
			mustRun(t, c, Job{Direction: Pull, Sources: []string{"./"}, Destination: to, Options: options})
			same(t, src, to)
			want := int64(0)
			if x.want {
				want = 2
			}
			if got := said.Load(); got != want {
				t.Errorf("%d sessions say so, want %d", got, want)
			}
		})
	}
}
