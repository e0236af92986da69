package transfer

import (
	"crypto/sha256"
	"crypto/tls"
	"net"
	"net/netip"
	"time"
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
}

// tlsLink is a link over a connection whose handshake is done. Datagrams go to
// the same address and port number.
func tlsLink(conn *tls.Conn, rtt time.Duration) (*link, error) {
	keepShort(conn)
	state := conn.ConnectionState()
	bound, err := state.ExportKeyingMaterial(exporterBinding, nil, sha256.Size)
	if err != nil {
		return nil, newError(CodeInternal, "no binding for the connection", err)
	}
	both, err := state.ExportKeyingMaterial(exporterData, nil, 64)
	if err != nil {
		return nil, newError(CodeInternal, "no keys for the data path", err)
	}
	return &link{
		Conn: conn, bound: bound, toNode: both[:32], toClient: both[32:], rtt: rtt,
		data: addrOf(conn.RemoteAddr()), local: addrOf(conn.LocalAddr()).Addr(), carrier: TransportTCP,
	}, nil
}
