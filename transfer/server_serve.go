package transfer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/godwit/godwit/transfer/notary"
	"github.com/godwit/godwit/transfer/packetio"
	"github.com/godwit/godwit/transfer/quick"
)

// maxGreeting bounds connections that have not been authorized yet: strangers
// cost at most this many goroutines and handshakes.
const maxGreeting = 256

// Serve serves sessions from tcp and udp, which have the same port number (see
// Listen),
// until ctx ends or Close is called; then it ends all sessions, closes both
// sockets and returns nil. It may be called once.
func (s *Server) Serve(ctx context.Context, tcp net.Listener, udp *packetio.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	if s.closed || s.cancel != nil {
		s.mu.Unlock()
		_ = tcp.Close()
		_ = udp.Close()
		return errors.New("transfer server: already served or closed")
	}
	s.cancel, s.udp = cancel, udp
	s.mu.Unlock()
	defer close(s.served)

	stop := context.AfterFunc(ctx, func() { _ = tcp.Close() })
	defer stop()
	defer func() { _ = udp.Close() }()
	defer s.savePaths(0) // when all sessions have ended
	var wg sync.WaitGroup
	defer wg.Wait()
	defer s.endAll()

	quicker, err := quick.Listen(udp, serverTLS(QuickALPN, s.config.Certificate, s.config.Named))
	if err != nil {
		return fmt.Errorf("transfer server: %w", err)
	}
	defer quicker.Close() // before waiting for sessions: no more begin
	wg.Go(func() { s.serveQuicks(ctx, quicker) })
	defer udp.Divert(s.note(udp))()

	config := serverTLS(ALPN, s.config.Certificate, s.config.Named)
	greeting := make(chan struct{}, maxGreeting)
	for {
		conn, err := tcp.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			if errors.Is(err, net.ErrClosed) {
				return fmt.Errorf("transfer server: %w", err)
			}
			s.log.Warn("accept failed", "error", err) // out of files: others must end first
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
			continue
		}
		select {
		case greeting <- struct{}{}:
		default:
			_ = conn.Close()
			continue
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			s.serveConn(ctx, tls.Server(conn, config), sync.OnceFunc(func() { <-greeting }))
		}()
	}
}

// note tells clients that ask where they are.
func (s *Server) note(udp *packetio.Listener) func(from netip.AddrPort, d []byte) bool {
	room := make([]byte, 0, notary.AnswerSize)
	return func(from netip.AddrPort, d []byte) bool {
		answer, ok := s.notary.Answer(room, from, d)
		if ok {
			_, _ = udp.WriteTo(answer, from) // it may get lost on the way as well
		}
		return ok
	}
}

// pathsEvery is how often what was learnt of paths is saved at most.
const pathsEvery = 10 * time.Second

func (s *Server) savePaths(every time.Duration) {
	if err := s.config.Paths.SaveEvery(every); err != nil {
		s.log.Debug("paths are not remembered", "error", err)
	}
}

// Close ends all sessions and Serve, and returns when both are gone.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	cancel := s.cancel
	s.mu.Unlock()
	if cancel != nil {
		cancel()
		<-s.served
	}
	return nil
}

func (s *Server) endAll() {
	for _, x := range s.live() {
		x.cancel(newError(CodeMoved, "the node stops serving", nil))
	}
}
