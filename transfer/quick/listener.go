package quick

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/godwit/godwit/transfer/packetio"
)

const (
	// mostOpen bounds connections, from the first datagram to the end. One lasts
	// three round trips, so a node at 100 ms takes 800 sessions a second this way;
	// the rest comes over TCP.
	mostOpen = 256
	// provenFrom is how many are open when clients begin to be asked to prove their
	// address first.
	provenFrom = 64
)

var errMany = errors.New("too many connections")

// Listener takes connections on a node's UDP port.
type Listener struct {
	tr   *quic.Transport
	l    *quic.Listener
	port *port
	undo func() // of the port's diversion
	open atomic.Int32
}

// Listen takes what comes to udp and names none of its ports. config is of TLS
// 1.3 with a protocol name.
func Listen(udp *packetio.Listener, config *tls.Config) (*Listener, error) {
	l := &Listener{}
	l.port = newPort(udp, func() int { return int(l.open.Load()) })
	l.tr = &quic.Transport{
		Conn: l.port, ConnectionIDLength: 8, DisableVersionNegotiationPackets: true,
		VerifySourceAddress: func(net.Addr) bool { return l.open.Load() >= provenFrom },
		ConnContext: func(ctx context.Context, _ *quic.ClientInfo) (context.Context, error) {
			if l.open.Load() >= mostOpen {
				return nil, errMany
			}
			l.open.Add(1)
			context.AfterFunc(ctx, func() { l.open.Add(-1) })
			return ctx, nil
		},
	}
	c := settings()
	c.MaxIncomingStreams = 1
	var err error
	if l.l, err = l.tr.Listen(config, c); err != nil {
		return nil, err
	}
	l.undo = udp.Divert(l.port.take)
	return l, nil
}

// Accept returns the next connection; an error once ctx has ended or Close was
// called.
func (l *Listener) Accept(ctx context.Context) (*Conn, error) {
	conn, err := l.l.Accept(ctx)
	if err != nil {
		return nil, err
	}
	return &Conn{conn: conn}, nil
}

// Close ends all connections.
func (l *Listener) Close() {
	l.undo()
	_ = l.l.Close()
	_ = l.tr.Close()
}

// port is the part of a node's UDP port that QUIC sees.
type port struct {
	udp  *packetio.Listener
	gate *gate
	open func() int
	in   chan arrival
	free chan []byte
	over chan struct{}
	once sync.Once
}

type arrival struct {
	from netip.AddrPort
	b    []byte
}

// waiting is how many datagrams wait for QUIC; further ones are dropped.
const waiting = 256

func newPort(udp *packetio.Listener, open func() int) *port {
	return &port{
		udp: udp, gate: newGate(time.Now), open: open, over: make(chan struct{}),
		in: make(chan arrival, waiting), free: make(chan []byte, waiting),
	}
}

// take is for the goroutine that reads the port; it does not wait.
func (p *port) take(from netip.AddrPort, b []byte) bool {
	if !p.gate.admits(b, p.open(), mostOpen) {
		return false
	}
	var room []byte
	select {
	case room = <-p.free:
	default:
		room = make([]byte, 0, longest)
	}
	select {
	case p.in <- arrival{from, append(room[:0], b...)}:
		return true
	default:
		return false
	}
}

// ReadFrom is for QUIC.
func (p *port) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case a := <-p.in:
		n := copy(b, a.b)
		select {
		case p.free <- a.b:
		default:
		}
		return n, net.UDPAddrFromAddrPort(a.from), nil
	case <-p.over:
		return 0, nil, net.ErrClosed
	}
}

// WriteTo is for QUIC.
func (p *port) WriteTo(b []byte, to net.Addr) (int, error) {
	u, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, &net.AddrError{Err: "no UDP address", Addr: to.String()}
	}
	return p.udp.WriteTo(b, u.AddrPort())
}

// Close does nothing: the port belongs to others as well.
func (p *port) Close() error { return nil }

func (p *port) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(p.udp.Addr()) }

// SetReadDeadline ends reading for good; QUIC does so only when it closes.
func (p *port) SetReadDeadline(t time.Time) error {
	if !t.IsZero() {
		p.once.Do(func() { close(p.over) })
	}
	return nil
}

func (p *port) SetDeadline(time.Time) error      { return nil }
func (p *port) SetWriteDeadline(time.Time) error { return nil }
func (p *port) SetReadBuffer(int) error          { return nil }
func (p *port) SetWriteBuffer(int) error         { return nil }
