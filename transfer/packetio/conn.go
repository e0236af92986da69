package packetio

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/godwit/godwit/transfer/wire"
)

// bufferSize is what sockets ask for: at 10 Gb/s it bridges 6 ms of a busy host.
const bufferSize = 8 << 20

// ErrTooLong says that a datagram exceeds what the local interface carries:
// lower the flow's MTU.
var ErrTooLong = errors.New("datagram too long for the network interface")

// Options adjust a socket.
type Options struct {
	// Plain turns batching by the kernel off.
	Plain bool
}

// Conn is a UDP socket. See the package comment for how it is used.
type Conn struct {
	udp    *net.UDPConn // of a socket that is not connected
	local  netip.AddrPort
	peer   netip.AddrPort // connected to; zero: not connected
	engine engine
}

// engine is what differs between systems.
type engine interface {
	control(f func(fd uintptr)) error
	send(b *wire.Batch, to netip.AddrPort) error
	recv(m *Messages) (int, error)
	wait(d time.Duration) error
	wake()
	rest(d time.Duration)
	buffer() int
	close() error
}

// Dial returns a socket connected to a node.
func Dial(to netip.AddrPort, o Options) (*Conn, error) {
	return open(nil, to, o)
}

// open makes a socket, bound to local if given, connected to peer if given.
func open(local net.Addr, peer netip.AddrPort, o Options) (*Conn, error) {
	ctx := context.Background() // nothing here waits
	var udp *net.UDPConn
	if peer.IsValid() {
		d := net.Dialer{LocalAddr: local, Control: control(local != nil)}
		c, err := d.DialContext(ctx, "udp", peer.String())
		if err != nil {
			return nil, fmt.Errorf("data socket: %w", err)
		}
		udp = c.(*net.UDPConn)
	} else {
		lc := net.ListenConfig{Control: control(false)}
		c, err := lc.ListenPacket(ctx, "udp", local.String())
		if err != nil {
			return nil, fmt.Errorf("data socket: %w", err)
		}
		udp = c.(*net.UDPConn)
	}
	growBuffers(udp)
	if !peer.IsValid() {
		share(udp)
	}
	c := &Conn{local: udp.LocalAddr().(*net.UDPAddr).AddrPort(), peer: peer}
	var err error
	if c.engine, err = newEngine(udp, peer.IsValid(), o); err != nil {
		_ = udp.Close()
		return nil, fmt.Errorf("data socket: %w", err)
	}
	if !peer.IsValid() {
		c.udp = udp
	}
	return c, nil
}

// LocalAddr returns the socket's own address.
func (c *Conn) LocalAddr() netip.AddrPort { return c.local }

// SendBatch sends the batch to its address. Conditions of the network that may
// pass, such as an unreachable peer, are not errors: the flow notices losses
// and silence. ErrTooLong asks for a lower MTU.
func (c *Conn) SendBatch(b *wire.Batch) error {
	if b.Count() == 0 {
		return nil
	}
	to := b.Addr
	if c.peer.IsValid() {
		to = netip.AddrPort{}
	}
	err := c.engine.send(b, to)
	switch {
	case err == nil || passing(err):
		return nil
	case errors.Is(err, syscall.EMSGSIZE):
		return ErrTooLong
	default:
		return fmt.Errorf("sending data: %w", err)
	}
}

// Recv fills m with datagrams that have arrived and returns how many reads
// that took; 0: nothing is there. It does not wait.
func (c *Conn) Recv(m *Messages) (int, error) {
	n, err := c.engine.recv(m)
	if err != nil && !passing(err) {
		return 0, fmt.Errorf("receiving data: %w", err)
	}
	return n, nil
}

// Wait returns when a datagram can be received, when d has passed, or after
// Wake. Below 2 ms it is exact to about 50 µs where the system allows, because
// pacing depends on it, and Wake may then take as long as d.
func (c *Conn) Wait(d time.Duration) error {
	if d <= 0 {
		return nil
	}
	if err := c.engine.wait(d); err != nil && !passing(err) {
		return fmt.Errorf("waiting for data: %w", err)
	}
	return nil
}

// Rest lets datagrams gather for d, up to 2 ms, whatever comes: a wake-up costs
// more than the datagrams that it is for. Where the socket cannot, it returns at
// once.
func (c *Conn) Rest(d time.Duration) { c.engine.rest(d) }

// Buffer is how many bytes the socket holds for a reader that rests; 0: unknown.
func (c *Conn) Buffer() int { return c.engine.buffer() }

// Wake ends the present or the next Wait.
func (c *Conn) Wake() { c.engine.wake() }

// Close closes the socket; waiting calls return.
func (c *Conn) Close() error { return c.engine.close() }

// passing reports whether an error is the network's and may pass. Some come
// from ICMP messages, which anybody can forge.
func passing(err error) bool {
	for _, e := range passingErrors {
		if errors.Is(err, e) {
			return true
		}
	}
	return errors.Is(err, os.ErrDeadlineExceeded)
}
