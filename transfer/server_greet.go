package transfer

import (
	"context"
	"crypto/tls"
)

// serveConn greets one client and, if it may, serves its session. greeted is
// called once the client is known.
func (s *Server) serveConn(ctx context.Context, conn *tls.Conn, greeted func()) {
	defer conn.Close()
	defer greeted()
	hctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	if err := conn.HandshakeContext(hctx); err != nil {
		return
	}
}
