package api

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/godwit/godwit/statestore"
)

// requestIDHeader carries the id of a request: a proxy's, when it looks like one, or a new one. It is sent back.
const requestIDHeader = "X-Request-Id"

func (s *Server) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(requestIDHeader)
		if !plainID(id) {
			id = statestore.NewIDAt(s.now())
		}
		w.Header().Set(requestIDHeader, id)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestCtx, id)))
	})
}

// plainID accepts what proxies send and nothing that could disturb a log.
func plainID(id string) bool {
	if len(id) < 8 || len(id) > 64 {
		return false
	}
	return strings.Trim(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.") == ""
}

// guard sets what keeps browsers from lending the console's session to others.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Strict-Transport-Security", "max-age=31536000")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "+
			"font-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'")
		if strings.HasPrefix(r.URL.Path, "/api/") {
			h.Set("Cache-Control", "no-store")
		}
		next.ServeHTTP(w, r)
	})
}

// sameOrigin refuses requests that change something and come from another site's page (Fetch metadata, else Origin).
// Programs send neither header and pass: they hold no cookie that could be abused.
func (s *Server) sameOrigin() func(http.Handler) http.Handler {
	p := http.NewCrossOriginProtection()
	p.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.refuseHTTP(w, r, newProblem(http.StatusForbidden, "cross_origin", "the request comes from another site's page; open the console itself"))
	}))
	return p.Handler
}

// recovered turns a panic into an answer and a line in the log; the manager lives on.
func (s *Server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler { //nolint:errorlint // net/http compares by identity, too
				panic(v)
			}
			s.log.ErrorContext(ctx, "request panicked", "request", requestID(ctx), "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			s.refuseHTTP(w, r, newProblem(http.StatusInternalServerError, "", "the manager failed at this; its log says more under the request id"))
		}()
		next.ServeHTTP(w, r)
	})
}

// observe counts and times requests by route, never by path: paths have no bound.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(rec, r)
		route := routePattern(r)
		s.metrics.requests.WithLabelValues(r.Method, route, fmt.Sprint(rec.status)).Inc()
		if route != "/api/v1/events" {
			s.metrics.seconds.WithLabelValues(route).Observe(time.Since(began).Seconds())
		}
		s.log.DebugContext(r.Context(), "request", "id", requestID(r.Context()), "method", r.Method, "path", r.URL.Path, "status", rec.status, "took", time.Since(began))
	})
}

// recorder remembers the status. Unwrap lets http.ResponseController reach flushing and deadlines.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap is http.ResponseController's way through.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
