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
	held    atomic.Bool  // TCP carries nothing, and does not break
	toNode  atomic.Int64 // datagrams that passed
	toHere  atomic.Int64

	mute netip.AddrPort // behind it; its datagrams vanish; under mu

	front *net.UDPConn
	node  *net.UDPAddr
	mu    sync.Mutex
	out   map[netip.AddrPort]*net.UDPConn // by who is behind it
	wg    sync.WaitGroup
}

// through puts a relay in front of n.
func through(t testing.TB, n *node) *relay {
	t.Helper()
	return throughLate(t, n, nil)
}

// throughLate is through, where TCP connections are taken at once but carry nothing
// before a value comes from late for each; nil: at once.
func throughLate(t testing.TB, n *node, late <-chan struct{}) *relay {
	t.Helper()
	tcp, udp, err := Listen(n.spec.Host, 0)
	must(t, err)
	must(t, udp.Close())
	at := tcp.Addr().(*net.TCPAddr)
	r := &relay{spec: n.spec, node: &net.UDPAddr{IP: at.IP, Port: n.spec.Port}, out: map[netip.AddrPort]*net.UDPConn{}}
	r.spec.Port = at.Port
	r.front, err = net.ListenUDP("udp", &net.UDPAddr{IP: at.IP, Port: at.Port})
	must(t, err)
	_ = r.front.SetReadBuffer(4 << 20)
	ctx, cancel := context.WithCancel(context.Background())
	r.wg.Go(r.forward)
	r.wg.Go(func() {
		for {
			c, err := tcp.Accept()
			if err != nil {
				return
			}
			r.wg.Go(func() { r.carry(ctx, c, late) })
		}
	})
	t.Cleanup(func() {
		cancel()
		_, _ = tcp.Close(), r.front.Close()
		r.rebind()
		r.mu.Lock()
		r.out = nil
		r.mu.Unlock()
		r.wg.Wait()
	})
	return r
}

// carry forwards one connection.
func (r *relay) carry(ctx context.Context, c net.Conn, late <-chan struct{}) {
	defer c.Close()
	if late != nil {
		select {
		case <-late:
		case <-ctx.Done():
			return
		}
	}
	up, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(r.spec.Host, fmt.Sprint(r.node.Port)))
	if err != nil {
		return
	}
	defer up.Close()
	stop := context.AfterFunc(ctx, func() { _, _ = c.Close(), up.Close() })
	defer stop()
	r.wg.Go(func() {
		_, _ = io.Copy(up, gate{ctx, r, c})
		_, _ = c.Close(), up.Close()
	})
	_, _ = io.Copy(c, gate{ctx, r, up})
}

// gate is a reader of a connection that is held with all.
type gate struct {
	ctx context.Context
	r   *relay
	net.Conn
}

func (g gate) Read(b []byte) (int, error) {
	n, err := g.Conn.Read(b)
	if g.r.held.Load() {
		<-g.ctx.Done()
		return 0, g.ctx.Err()
	}
	return n, err
}

// rebind gives clients other addresses, as the node sees them.
func (r *relay) rebind() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, out := range r.out {
		_ = out.Close()
	}
	clear(r.out)
}

// blockOne has the datagrams of one of the sockets behind it vanish.
func (r *relay) blockOne() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for who := range r.out {
		r.mute = who
	}
}

func (r *relay) muted(who netip.AddrPort) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mute == who
}

// outside is the socket of who is behind it.
func (r *relay) outside(who netip.AddrPort) *net.UDPConn {
	r.mu.Lock()
	defer r.mu.Unlock()
	if out := r.out[who]; out != nil || r.out == nil {
		return out // nil: it is the end
	}
	out, err := net.DialUDP("udp", nil, r.node)
	if err != nil {
		return nil
	}
	_ = out.SetReadBuffer(4 << 20)
	r.out[who] = out
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
			if !r.blocked.Load() && !r.muted(who) {
				r.toHere.Add(1)
				_, _ = r.front.WriteToUDPAddrPort(buf[:n], who)
			}
		}
	})
	return out
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
		if r.blocked.Load() || r.muted(from) {
			continue
		}
		if out := r.outside(from); out != nil {
			r.toNode.Add(1)
			_, _ = out.Write(buf[:n])
		}
	}
}
