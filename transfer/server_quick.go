package transfer

import (
	"context"
	"crypto/hmac"
	"sync"
	"time"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/quick"
)

// A hello that comes over QUIC begins a session one round trip earlier than one
// over TCP. The TCP connection, which follows, joins it:
//
//	hello over QUIC  --> is the id new? --> session, its control connection late
//	hello over TCP   --> is the id known? --> proof holds? --> attached to that session
//	                                  no --> a session as any other, the id taken
//
// So one handshake over QUIC makes one session, whichever hello comes first, late,
// twice or never.

// openings are the handshakes over QUIC that a hello has come for.
type openings struct {
	mu sync.Mutex
	of map[joinID]*quickWay // nil: the hello came over TCP
}

// begin notes a hello over QUIC; false: there was one.
func (o *openings) begin(q *quickWay) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, known := o.of[q.id]; known {
		return false
	}
	o.put(q.id, q)
	return true
}

func (o *openings) put(id joinID, q *quickWay) {
	if o.of == nil {
		o.of = map[joinID]*quickWay{}
	}
	o.of[id] = q
}

// join notes a hello over TCP, on a connection with the given binding. It returns
// the session's place for it, if that was begun over QUIC; nil: the hello is to
// begin one.
func (o *openings) join(j *control.Join, bound []byte) (*lateConn, error) {
	if len(j.ID) != len(joinID{}) {
		return nil, newError(CodeProtocol, "the client joins a session without a name", nil)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	id := joinID(j.ID)
	q, known := o.of[id]
	switch {
	case !known && j.Begun:
		return nil, newError(CodeLost, "the session that this connection belongs to has ended", nil)
	case !known:
		o.put(id, nil)
		return nil, nil
	case q == nil:
		return nil, newError(CodeProtocol, "the client says hello twice", nil)
	case !hmac.Equal(q.proof(bound), j.Proof):
		return nil, newError(CodeUnauthorized, "the client does not prove that the session is its own", nil)
	}
	return q.late, nil
}

// forget makes room, later where the other hello may still be on its way.
func (o *openings) forget(id joinID, later bool) {
	if later {
		time.AfterFunc(DeadPeer, func() { o.forget(id, false) })
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.of, id)
}

// joinMost is how long a session that began over QUIC waits for its TCP connection:
// on a bad path that takes a few attempts, and datagrams carry what it would.
const joinMost = 4 * DeadPeer

// maxQuick bounds hellos over QUIC that have not been answered yet; more come over
// TCP.
const maxQuick = 128

// serveQuicks serves what comes to l until ctx ends.
func (s *Server) serveQuicks(ctx context.Context, l *quick.Listener) {
	var wg sync.WaitGroup
	defer wg.Wait()
	greeting := make(chan struct{}, maxQuick)
	for {
		conn, err := l.Accept(ctx)
		if err != nil {
			return // closed
		}
		select {
		case greeting <- struct{}{}:
		default:
			conn.Close()
			continue
		}
		wg.Go(func() { s.serveQuick(ctx, conn, sync.OnceFunc(func() { <-greeting })) })
	}
}

// lastWords is how long a refusal has to arrive before the connection that carries
// it ends.
const lastWords = 2 * time.Second

// serveQuick greets one client and, if it may, serves its session.
func (s *Server) serveQuick(ctx context.Context, conn *quick.Conn, greeted func()) {
	defer conn.Close()
	defer greeted()
	hctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	if err := conn.Open(hctx); err != nil {
		return
	}
	_ = conn.SetDeadline(time.Now().Add(handshakeTimeout)) // it is open
	hello, err := readHello(conn)
	if err != nil {
		return
	}
	l, err := quickLink(conn, s.joinsWithin)
	if err != nil {
		s.log.Warn("session refused", "peer", conn.RemoteAddr(), "error", err)
		return
	}
	q := l.quick
	defer func() { _ = l.Close() }()
	if !s.openings.begin(q) {
		return // it is served over TCP
	}
	defer s.openings.forget(q.id, false)
	unwatch := context.AfterFunc(conn.Context(), func() { q.late.fail(errNoControl) }) //nolint:contextcheck // the connection's end is meant
	defer unwatch()
	stop := context.AfterFunc(hctx, func() { _ = l.Close() })
	if s.serveHello(ctx, hctx, stop, l, hello, nil, greeted) == nil || q.late.attached() {
		return
	}
	select {
	case <-conn.Context().Done():
	case <-ctx.Done():
	case <-time.After(lastWords):
	}
}
