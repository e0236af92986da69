package quick

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/quic-go/quic-go"
)

const (
	handshakeTimeout = 5 * time.Second
	// idleTimeout ends connections whose other end says nothing: a session's TCP
	// connection has come by then, or never will.
	idleTimeout = 10 * time.Second
	// window is what a peer may send ahead: a hello is smaller, mostly by far.
	window = 256 << 10
)

// ErrNoStream is what reading and writing says before a stream is open.
var ErrNoStream = errors.New("quick: no stream is open")

func settings() *quic.Config {
	return &quic.Config{
		Versions:                []quic.Version{quic.Version1},
		HandshakeIdleTimeout:    handshakeTimeout,
		MaxIdleTimeout:          idleTimeout,
		DisablePathMTUDiscovery: true, // a few packets do not pay for it
		MaxIncomingStreams:      -1,
		MaxIncomingUniStreams:   -1,

		InitialStreamReceiveWindow: window, MaxStreamReceiveWindow: window,
		InitialConnectionReceiveWindow: window, MaxConnectionReceiveWindow: window,
	}
}

// Conn is one connection whose handshake is done. One goroutine may read while
// another writes; the other methods are safe for concurrent use.
type Conn struct {
	conn    *quic.Conn
	stream  *quic.Stream
	release func()
}

// Dial makes a connection and opens its stream. The errors of config's checks
// are in the chain of its own.
func Dial(ctx context.Context, to netip.AddrPort, config *tls.Config) (*Conn, error) {
	network := "udp6"
	if to.Addr().Is4() {
		network = "udp4"
	}
	udp, err := net.ListenUDP(network, nil)
	if err != nil {
		return nil, err
	}
	tr := &quic.Transport{Conn: modest{udp}}
	release := func() {
		_ = tr.Close()
		_ = udp.Close()
	}
	conn, err := tr.Dial(ctx, net.UDPAddrFromAddrPort(to), config, settings())
	if err != nil {
		release()
		return nil, err
	}
	c := &Conn{conn: conn, release: release}
	if c.stream, err = conn.OpenStream(); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Open waits for the client's stream, at the node's end.
func (c *Conn) Open(ctx context.Context) (err error) {
	c.stream, err = c.conn.AcceptStream(ctx)
	return err
}

// TLS is the state of the handshake.
func (c *Conn) TLS() tls.ConnectionState { return c.conn.ConnectionState().TLS }

// RemoteAddr is where the peer is.
func (c *Conn) RemoteAddr() net.Addr { return c.conn.RemoteAddr() }

// Context ends with the connection.
func (c *Conn) Context() context.Context { return c.conn.Context() }

// Read reads from the stream.
func (c *Conn) Read(b []byte) (int, error) {
	if c.stream == nil {
		return 0, ErrNoStream
	}
	return c.stream.Read(b)
}

// Write writes to the stream.
func (c *Conn) Write(b []byte) (int, error) {
	if c.stream == nil {
		return 0, ErrNoStream
	}
	return c.stream.Write(b)
}

// SetDeadline is for reads and writes.
func (c *Conn) SetDeadline(t time.Time) error {
	if c.stream == nil {
		return ErrNoStream
	}
	return c.stream.SetDeadline(t)
}

// Close ends the connection at once: what was written and has not arrived may
// never do. It may be called twice.
func (c *Conn) Close() {
	_ = c.conn.CloseWithError(0, "") // has ended already
	if c.release != nil {
		c.release()
	}
}

// modest is a UDP socket without the means for gigabits, which cost system calls
// and memory: a handshake needs none of them.
type modest struct{ net.PacketConn }

func (modest) SetReadBuffer(int) error  { return nil }
func (modest) SetWriteBuffer(int) error { return nil }
