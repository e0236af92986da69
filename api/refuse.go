package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/godwit/godwit/access"
	"github.com/godwit/godwit/access/password"
	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/statestore"
)

// storeRetry is when to try again while the state store is away: it is expected back within seconds.
const storeRetry = 5 * time.Second

// problem turns any error into the document that the caller gets. What it does not know is a defect: the log has it, the
// caller gets the request id.
func (s *Server) problem(ctx context.Context, err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		out := *p
		out.RequestID = requestID(ctx)
		return &out
	}
	p = s.classify(ctx, err)
	p.RequestID = requestID(ctx)
	return p
}

func (s *Server) classify(ctx context.Context, err error) *Problem {
	var fields policy.FieldErrors
	var full *access.NoCapacity
	var refused *access.Refused
	switch {
	case errors.As(err, &fields):
		p := newProblem(http.StatusUnprocessableEntity, "invalid", fields.Error())
		for _, f := range fields {
			p.Errors = append(p.Errors, Invalid{Location: "body." + f.Field, Message: f.Problem})
		}
		return p
	case errors.As(err, &full):
		p := newProblem(http.StatusServiceUnavailable, "no_capacity", full.Error())
		p.retryAfter(full.RetryAfter)
		return p
	case errors.As(err, &refused):
		p := newProblem(http.StatusUnprocessableEntity, "invalid", refused.Error())
		p.Errors = []Invalid{{Location: "body." + refused.Field, Message: refused.Problem}}
		return p
	case errors.Is(err, access.ErrForbidden):
		return newProblem(http.StatusForbidden, "", err.Error())
	case errors.Is(err, access.ErrEnded):
		return newProblem(http.StatusConflict, "ended", err.Error())
	case errors.Is(err, password.ErrWeak):
		p := newProblem(http.StatusUnprocessableEntity, "invalid", err.Error())
		p.Errors = []Invalid{{Location: "body.password", Message: err.Error()}}
		return p
	case errors.Is(err, statestore.ErrNotFound):
		return newProblem(http.StatusNotFound, "", err.Error())
	case errors.Is(err, statestore.ErrConflict), errors.Is(err, statestore.ErrState):
		return newProblem(http.StatusConflict, "", err.Error())
	case errors.Is(err, statestore.ErrStale):
		return newProblem(http.StatusPreconditionFailed, "", err.Error()+": read it again and repeat the change on the newer version")
	case errors.Is(err, statestore.ErrInvalid):
		return newProblem(http.StatusUnprocessableEntity, "invalid", err.Error())
	case errors.Is(err, statestore.ErrUnavailable):
		p := newProblem(http.StatusServiceUnavailable, "store_unavailable", "the state store cannot be reached at the moment; nothing is lost, try again")
		p.retryAfter(storeRetry)
		return p
	case ctx.Err() != nil:
		return newProblem(http.StatusServiceUnavailable, "interrupted", "the request was given up before it was done")
	}
	s.log.ErrorContext(ctx, "request failed", "request", requestID(ctx), "error", err)
	return newProblem(http.StatusInternalServerError, "", "the manager failed at this; its log says more under the request id")
}

// retryAfter tells the caller when to come back, in whole seconds and at least one.
func (p *Problem) retryAfter(d time.Duration) {
	if p.headers == nil {
		p.headers = http.Header{}
	}
	p.headers.Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(d.Seconds())))))
}

// refuse answers from a middleware of huma's.
func (s *Server) refuse(ctx huma.Context, err error) {
	p := s.problem(ctx.Context(), err)
	for k, vs := range p.headers {
		for _, v := range vs {
			ctx.AppendHeader(k, v)
		}
	}
	ctx.SetHeader("Content-Type", problemType)
	ctx.SetStatus(p.Status)
	_ = json.NewEncoder(ctx.BodyWriter()).Encode(p) // a client that left needs no answer
}

// refuseHTTP answers outside of huma.
func (s *Server) refuseHTTP(w http.ResponseWriter, r *http.Request, err error) {
	p := s.problem(r.Context(), err)
	for k, vs := range p.headers {
		w.Header()[k] = vs
	}
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // a client that left needs no answer
}

const problemType = "application/problem+json"

func notFound(what, name string) error {
	return newProblem(http.StatusNotFound, "", fmt.Sprintf("there is no %s %q", what, name))
}

func conflict(format string, args ...any) error {
	return newProblem(http.StatusConflict, "", fmt.Sprintf(format, args...))
}

func invalid(field, format string, args ...any) error {
	message := fmt.Sprintf(format, args...)
	p := newProblem(http.StatusUnprocessableEntity, "invalid", "refused: "+field+": "+message)
	p.Errors = []Invalid{{Location: field, Message: message}}
	return p
}
