package transfer

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
)

// relay stands between one client and a node as a NAT with a firewall does: the
// node sees the relay's addresses, and datagrams pass as long as they may.
type relay struct {
	spec    Spec
	blocked atomic.Bool  // datagrams vanish
	toNode  atomic.Int64 // datagrams that passed
	toHere  atomic.Int64

	front *net.UDPConn
	node  *net.UDPAddr
	mu    sync.Mutex
	out   *net.UDPConn
	wg    sync.WaitGroup
	peer  atomic.Pointer[netip.AddrPort]
}

// through puts a relay in front of n.
func through(t testing.TB, n *node) *relay {
	t.Helper()
	tcp, udp, err := Listen(n.spec.Host, 0)
	must(t, err)
	must(t, udp.Close())
	at := tcp.Addr().(*net.TCPAddr)
	r := &relay{spec: n.spec, node: &net.UDPAddr{IP: at.IP, Port: n.spec.Port}}
	r.spec.Port = at.Port
	r.front, err = net.ListenUDP("udp", &net.UDPAddr{IP: at.IP, Port: at.Port})
	must(t, err)
	_ = r.front.SetReadBuffer(4 << 20)
	r.rebind(t)
	ctx, cancel := context.WithCancel(context.Background())
	r.wg.Go(r.forward)
	r.wg.Go(func() {
		for {
			c, err := tcp.Accept()
			if err != nil {
				return
			}
			up, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(n.spec.Host, fmt.Sprint(n.spec.Port)))
			if err != nil {
				_ = c.Close()
				continue
			}
			stop := context.AfterFunc(ctx, func() { _, _ = c.Close(), up.Close() })
			one := func(to, from net.Conn) func() {
				return func() {
					_, _ = io.Copy(to, from)
					_, _ = c.Close(), up.Close()
					stop()
				}
			}
			r.wg.Go(one(up, c))
			r.wg.Go(one(c, up))
		}
	})
	t.Cleanup(func() {
		cancel()
		_, _ = tcp.Close(), r.front.Close()
		r.mu.Lock()
		_ = r.out.Close()
		r.mu.Unlock()
		r.wg.Wait()
	})
	return r
}

// rebind gives the client another address, as the node sees it.
func (r *relay) rebind(t testing.TB) {
	t.Helper()
	out, err := net.DialUDP("udp", nil, r.node)
	must(t, err)
	_ = out.SetReadBuffer(4 << 20)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.out != nil {
		_ = r.out.Close()
	}
	r.out = out
	r.wg.Go(func() {
		buf := make([]byte, 65536)
		for {
			n, err := out.Read(buf)
			if err != nil {
				if closed(err) {
					return
				}
				continue
			}
			if to := r.peer.Load(); to != nil && !r.blocked.Load() {
				r.toHere.Add(1)
				_, _ = r.front.WriteToUDPAddrPort(buf[:n], *to)
			}
		}
	})
}

func (r *relay) forward() {
	buf := make([]byte, 65536)
	for {
		n, from, err := r.front.ReadFromUDPAddrPort(buf)
		if err != nil {
			if closed(err) {
				return
			}
			continue
		}
		r.peer.Store(&from)
		if r.blocked.Load() {
			continue
		}
		r.mu.Lock()
		out := r.out
		r.mu.Unlock()
		r.toNode.Add(1)
		_, _ = out.Write(buf[:n])
	}
}
