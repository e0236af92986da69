package transfer

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/quick"
)

// link is what a session is set up over: an encrypted byte stream between
// client and node, and what both ends, and nobody else, know because of it.
type link struct {
	net.Conn
	bound            []byte         // what proofs of this link sign
	toNode, toClient []byte         // secrets of the data path
	rtt              time.Duration  // client: as long as connecting took; 0: unknown
	since            time.Time      // node: when it greeted the client, which answers at once; zero: it did not
	data             netip.AddrPort // client: where the node takes datagrams; invalid: nowhere
	local            netip.Addr     // node: where the client sends to; invalid: unknown
	carrier          Transport      // what data ride that ride the link
	quick            *quickWay      // nil: all of it is one connection
}

// quickWay is what a link has whose session begins over QUIC: Conn is then a
// lateConn, and the answer to the hello goes both ways.
type quickWay struct {
	conn *quick.Conn
	late *lateConn
	id   joinID
	key  []byte // of the proof that a TCP connection belongs here
}

// joinID names a handshake over QUIC. Nobody but its two ends knows it.
type joinID [16]byte

// proof says that whoever made the handshake also made the TLS connection that is
// bound to bound.
func (q *quickWay) proof(bound []byte) []byte {
	m := hmac.New(sha256.New, q.key)
	m.Write(bound)
	return m.Sum(nil)
}

// tell writes a frame to the peer's end of QUIC; without effect where there is
// none. What is lost on the way comes over TCP.
func (l *link) tell(t control.Type, v any) {
	if l.quick == nil {
		return
	}
	if frame, err := control.AppendJSON(nil, t, v); err == nil {
		_, _ = l.quick.conn.Write(frame)
	}
}

// tlsLink is a link over a connection whose handshake is done. Datagrams go to
// the same address and port number.
func tlsLink(conn *tls.Conn, rtt time.Duration) (*link, error) {
	keepShort(conn)
	l := &link{
		Conn: conn, rtt: rtt, data: addrOf(conn.RemoteAddr()), local: addrOf(conn.LocalAddr()).Addr(), carrier: TransportTCP,
	}
	return l, l.derive(conn.ConnectionState())
}

// quickLink is a link over QUIC, whose control connection has within to come.
func quickLink(conn *quick.Conn, within time.Duration) (*link, error) {
	state := conn.TLS()
	both, err := state.ExportKeyingMaterial(exporterJoin, nil, len(joinID{})+sha256.Size)
	if err != nil {
		return nil, newError(CodeInternal, "no name for the session", err)
	}
	at := conn.RemoteAddr()
	q := &quickWay{conn: conn, id: joinID(both), key: both[len(joinID{}):]}
	l := &link{data: addrOf(at), carrier: TransportTCP, quick: q}
	if err := l.derive(state); err != nil {
		return nil, err
	}
	q.late = newLateConn(at, within, errNoControl)
	l.Conn = q.late
	return l, nil
}

var errNoControl = errors.New("it began over UDP, and its TCP connection did not come")

// derive takes what only the two ends of the handshake know.
func (l *link) derive(state tls.ConnectionState) (err error) {
	if l.bound, err = state.ExportKeyingMaterial(exporterBinding, nil, sha256.Size); err != nil {
		return newError(CodeInternal, "no binding for the connection", err)
	}
	both, err := state.ExportKeyingMaterial(exporterData, nil, 64)
	if err != nil {
		return newError(CodeInternal, "no keys for the data path", err)
	}
	l.toNode, l.toClient = both[:32], both[32:]
	return nil
}
