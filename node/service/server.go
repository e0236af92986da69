package service

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/godwit/godwit/fleet/command"
	"github.com/godwit/godwit/transfer"
)

// Backend is the transfer service behind Server's routes.
type Backend interface {
	Status() Status
	Configure(c Config) error
	Share(s Shares)
	Drain(reason string)
	Undrain()
	SetRate(r command.RateRequest) error
	Cancel(r command.CancelRequest) (ended int, err error)
	Move(r command.MoveRequest) command.MoveAnswer
	Revoke(r command.RevokeRequest)
	Forget(accessKey string)
}

// ErrNotFound tells of a session that is not there.
var ErrNotFound = errors.New("no such session on this node")

// NewServer returns the child's routes.
func NewServer(b Backend, q *Queue) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { reply(w, b.Status(), nil) })
	mux.HandleFunc("PUT /config", with(func(c Config) (any, error) { return nil, b.Configure(c) }))
	mux.HandleFunc("PUT /shares", with(func(s Shares) (any, error) { b.Share(s); return nil, nil }))
	mux.HandleFunc("POST /drain", with(func(d command.DrainRequest) (any, error) { b.Drain(d.Reason); return nil, nil }))
	mux.HandleFunc("POST /undrain", with(func(command.Nothing) (any, error) { b.Undrain(); return nil, nil }))
	mux.HandleFunc("POST /sessions/{id}/rate", with(func(r command.RateRequest) (any, error) { return nil, b.SetRate(r) }))
	mux.HandleFunc("POST /cancel", with(func(r command.CancelRequest) (any, error) {
		_, err := b.Cancel(r)
		return nil, err
	}))
	mux.HandleFunc("POST /move", with(func(r command.MoveRequest) (any, error) { return b.Move(r), nil }))
	mux.HandleFunc("POST /revoke", with(func(r command.RevokeRequest) (any, error) { b.Revoke(r); return nil, nil }))
	mux.HandleFunc("POST /forget", with(func(r command.TenantRequest) (any, error) { b.Forget(r.AccessKey); return nil, nil }))
	mux.HandleFunc("POST /events/ack", with(func(a Ack) (any, error) { q.Ack(a.Seq); return nil, nil }))
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) { stream(r.Context(), w, q) })
	return mux
}

func with[T any](do func(T) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var v T
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<20)).Decode(&v); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		out, err := do(v)
		reply(w, out, err)
	}
}

func reply(w http.ResponseWriter, v any, err error) {
	w.Header().Set("Content-Type", "application/json")
	switch {
	case errors.Is(err, ErrNotFound):
		http.Error(w, err.Error(), http.StatusNotFound)
	case err != nil:
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
	default:
		_ = json.NewEncoder(w).Encode(v) // the agent hung up
	}
}

// stream writes events as they come until the agent hangs up.
func stream(ctx context.Context, w http.ResponseWriter, q *Queue) {
	rc := http.NewResponseController(w)
	w.Header().Set("Content-Type", "application/x-ndjson")
	enc := json.NewEncoder(w)
	var last uint64
	for {
		events, more := q.after(last)
		for _, e := range events {
			if enc.Encode(e) != nil {
				return
			}
			last = e.Seq
		}
		if rc.Flush() != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-more:
		}
	}
}

// Serve serves h on a Unix socket listener until ctx ends.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	s := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// AnswerTenants returns the agent's routes: POST /tenant.
func AnswerTenants(ask func(ctx context.Context, r command.TenantRequest) (command.Tenant, error)) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /tenant", func(w http.ResponseWriter, r *http.Request) {
		var req command.TenantRequest
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&req); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
		defer cancel()
		t, err := ask(ctx, req)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(command.Seal(t, unavailable(err))) // the child hung up
	})
	return mux
}

// unavailable gives errors of delivery the code that tells the child to fall back on what it knows.
func unavailable(err error) error {
	if errors.Is(err, command.ErrNotConnected) || errors.Is(err, command.ErrTimeout) || errors.Is(err, context.DeadlineExceeded) {
		return command.Errorf(command.CodeUnavailable, "the manager cannot be asked now")
	}
	return err
}

// CancelError is what a cancelled session's client is told.
func CancelError(reason string) *transfer.Error {
	if reason == "" {
		reason = "cancelled by an operator"
	}
	return &transfer.Error{Code: transfer.CodeCancelled, Message: "the transfer was ended: " + reason}
}
