// Package proof answers an authority that looks for the proof that a name leads
// to this node: HTTP-01, RFC 8555, section 8.3. It listens only while there is
// something to prove, and answers nothing else.
package proof

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// path below which proofs are looked for.
const path = "/.well-known/acme-challenge/"

// Handler answers with what of says of a token; found is false where it says
// nothing.
func Handler(of func(ctx context.Context, token string) (text string, found bool)) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+path+"{token}", func(w http.ResponseWriter, r *http.Request) {
		text, found := of(r.Context(), r.PathValue("token"))
		if !found {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write([]byte(text)) // whoever hung up asks again
	})
	return mux
}

// Server bounds what strangers can ask of a Handler.
func Server(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second, IdleTimeout: 5 * time.Second,
		MaxHeaderBytes: 8 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// Responder holds the proofs of one node. Safe for concurrent use.
type Responder struct {
	host string
	log  *slog.Logger

	mu     sync.Mutex
	texts  map[string]string // by token
	port   int
	server *http.Server // nil while nothing is to be proved
	done   chan struct{}
}

// New listens at host, all addresses if empty, once there is something to prove.
func New(host string, log *slog.Logger) *Responder { return &Responder{host: host, log: log} }

// Show replaces the proofs, by token, and listens at port while there are any.
// An error says why nobody can be answered; it is tried again with the next call.
func (r *Responder) Show(ctx context.Context, port int, texts map[string]string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.texts = maps.Clone(texts)
	if r.server != nil && (len(texts) == 0 || port != r.port) {
		r.end()
	}
	if len(texts) == 0 || r.server != nil {
		return nil
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(r.host, strconv.Itoa(port)))
	if err != nil {
		return fmt.Errorf("the proof of names cannot be answered: %w", err)
	}
	server, done := Server(Handler(r.text), r.log), make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			r.log.Warn("the proof of names is not answered any more", "error", err)
		}
	}()
	r.server, r.done, r.port = server, done, port
	return nil
}

func (r *Responder) text(_ context.Context, token string) (string, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	text, found := r.texts[token]
	return text, found
}

// Close ends it.
func (r *Responder) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.texts = nil
	if r.server != nil {
		r.end()
	}
}

// end stops listening; r.mu is held, which answers under way need: they are cut off.
func (r *Responder) end() {
	_ = r.server.Close() // connections are of no use any more
	<-r.done
	r.server = nil
}
