package packetio

import (
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/godwit/godwit/transfer/wire"
)

// Port is one session's place on a Listener. See the package comment.
type Port struct {
	id     wire.ConnID
	l      *Listener
	in     *inbox
	own    atomic.Pointer[Conn] // set by Connect; nil: all goes through the shared socket
	timer  *time.Timer
	closed atomic.Bool
	side   bool // the inbox's turn in Recv
}

// ID returns the connection id.
func (p *Port) ID() wire.ConnID { return p.id }

// Connect gives the port a socket of its own for this peer, in place of an
// earlier one. local is the address that the peer sends to, such as the
// control connection's; zero where unknown. Where the system cannot share a
// port, all stays with the shared socket, and nil is returned.
func (p *Port) Connect(local netip.Addr, peer netip.AddrPort) error {
	if !shares {
		return nil
	}
	at := p.l.Addr()
	if local.IsValid() {
		at = netip.AddrPortFrom(local.Unmap(), at.Port())
	}
	if at.Addr().IsUnspecified() {
		// Bound to any address, but in the peer's family.
		family := netip.IPv6Unspecified()
		if peer.Addr().Unmap().Is4() {
			family = netip.IPv4Unspecified()
		}
		at = netip.AddrPortFrom(family, at.Port())
	}
	c, err := open(net.UDPAddrFromAddrPort(at), peer, p.l.o)
	if err != nil {
		return err
	}
	c.only(p.id)
	p.l.gather(c)
	p.l.mu.Lock()
	p.leave()
	old := p.own.Swap(c)
	p.l.peers[peer] = p
	p.l.mu.Unlock()
	if old != nil {
		_ = old.Close() // nothing to do about a socket that does not close
	}
	return nil
}

// Expect is like Connect for a peer that has not proved yet to be there: nothing
// happens where another port has a socket for it.
func (p *Port) Expect(local netip.Addr, peer netip.AddrPort) error {
	p.l.mu.RLock()
	other := p.l.peers[peer]
	p.l.mu.RUnlock()
	if other != nil {
		return nil
	}
	return p.Connect(local, peer)
}

// leave takes the port off the list of those with sockets of their own; under the
// listener's lock.
func (p *Port) leave() {
	if c := p.own.Load(); c != nil && p.l.peers[c.peer] == p {
		delete(p.l.peers, c.peer)
	}
}

// Connected returns the peer of the port's own socket; zero: it has none.
func (p *Port) Connected() netip.AddrPort {
	if c := p.own.Load(); c != nil {
		return c.peer
	}
	return netip.AddrPort{}
}

// SendBatch is like Conn.SendBatch. A batch to another address than the one
// connected to leaves by the shared socket.
func (p *Port) SendBatch(b *wire.Batch) error {
	if c := p.own.Load(); c != nil && c.peer == b.Addr {
		return c.SendBatch(b)
	}
	p.l.sendMu.Lock()
	defer p.l.sendMu.Unlock()
	return p.l.shared.SendBatch(b)
}

// Recv is like Conn.Recv.
func (p *Port) Recv(m *Messages) (int, error) {
	if p.closed.Load() {
		return 0, fmt.Errorf("receiving data: %w", net.ErrClosed)
	}
	// Turn by turn, so that a flood on one side does not starve the other.
	p.side = !p.side
	c := p.own.Load()
	if p.side || c == nil {
		if n := p.in.take(m); n > 0 || c == nil {
			return n, nil
		}
		return c.Recv(m)
	}
	if n, err := c.Recv(m); n > 0 || err != nil {
		return n, err
	}
	return p.in.take(m), nil
}

// Wait is like Conn.Wait.
func (p *Port) Wait(d time.Duration) error {
	if p.closed.Load() {
		return fmt.Errorf("waiting for data: %w", net.ErrClosed)
	}
	if d <= 0 || !p.in.empty() {
		return nil
	}
	if c := p.own.Load(); c != nil {
		return c.Wait(d)
	}
	if d < time.Millisecond {
		sleep(d)
		return nil
	}
	p.timer.Reset(d)
	select {
	case <-p.in.signal:
	case <-p.timer.C:
	}
	return nil
}

// Rest is like Conn.Rest. A port without a socket of its own does not rest: its
// inbox is small.
func (p *Port) Rest(d time.Duration) {
	if c := p.own.Load(); c != nil {
		c.Rest(d)
	}
}

// Buffer is like Conn.Buffer.
func (p *Port) Buffer() int {
	if c := p.own.Load(); c != nil {
		return c.Buffer()
	}
	return 0
}

// Wake is like Conn.Wake.
func (p *Port) Wake() {
	p.in.notify()
	p.wakeOwn()
}

func (p *Port) wakeOwn() {
	if c := p.own.Load(); c != nil {
		c.Wake()
	}
}

// Close gives the connection id back; waiting calls return.
func (p *Port) Close() error {
	if p.closed.Swap(true) {
		return nil
	}
	p.l.mu.Lock()
	delete(p.l.ports, p.id)
	p.leave()
	p.l.mu.Unlock()
	p.in.notify()
	p.timer.Stop()
	if c := p.own.Load(); c != nil {
		return c.Close()
	}
	return nil
}
