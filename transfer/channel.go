package transfer

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/godwit/godwit/transfer/packetio"
)

// Channel is a control connection that another program encrypts and
// authenticates, such as ssh. It takes the place of TCP and TLS.
type Channel struct {
	// Conn carries the frames. Where it knows no deadlines, a silent peer is
	// noticed only when the connection ends.
	Conn net.Conn

	// Secret is known to both ends and to nobody else: 32 random bytes that one
	// of them made for this channel and sent over it. The keys of datagrams
	// follow from it.
	Secret []byte

	// Data is where the node takes datagrams, for its client. Invalid: nowhere,
	// data ride the channel.
	Data netip.AddrPort

	// Local is the address of the node that its client sends datagrams to, for
	// the node. Invalid: unknown.
	Local netip.Addr
}

// ChannelSecretSize is the length of a [Channel.Secret] in bytes.
const ChannelSecretSize = 32

// link derives what TLS would have given.
func (c Channel) link() (*link, error) {
	if len(c.Secret) != ChannelSecretSize {
		return nil, newError(CodeProtocol, "the channel has no secret", nil)
	}
	bound, err := hkdf.Key(sha256.New, c.Secret, nil, exporterBinding, sha256.Size)
	if err != nil {
		return nil, newError(CodeInternal, "no binding for the channel", err)
	}
	both, err := hkdf.Key(sha256.New, c.Secret, nil, exporterData, 64)
	if err != nil {
		return nil, newError(CodeInternal, "no keys for the data path", err)
	}
	return &link{
		Conn: c.Conn, bound: bound, toNode: both[:32], toClient: both[32:],
		data: c.Data, local: c.Local, carrier: TransportSSH,
	}, nil
}

// ServeChannel serves the one session of a channel, and takes its datagrams
// from udp, which may be nil. It returns when the session has ended, nil when
// it is complete, and closes both. It takes the place of Serve.
func (s *Server) ServeChannel(ctx context.Context, c Channel, udp *packetio.Listener) error {
	defer c.Conn.Close()
	if udp != nil {
		defer func() { _ = udp.Close() }()
	}
	l, err := c.link()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	if s.closed || s.cancel != nil {
		s.mu.Unlock()
		return errors.New("transfer server: already served or closed")
	}
	s.cancel, s.udp = cancel, udp
	s.mu.Unlock()
	defer close(s.served)
	hctx, stop := context.WithTimeout(ctx, handshakeTimeout)
	defer stop()
	l.since = time.Now()
	return s.serveLink(ctx, hctx, l, func() {})
}
