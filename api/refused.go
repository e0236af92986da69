package api

import (
	"context"
	"net/http"
	"time"

	"github.com/godwit/godwit/statestore"
)

// Refused sign-ins are written to the audit a few hundred at once and then one in ten seconds: who guesses on and on from
// many machines fills the log, not the database.
const (
	auditedRefusals     = 300
	auditedRefusalEvery = 10 * time.Second
)

// refused notes that somebody was not let in, in the log and in the audit, and returns why. provider is "" for a password
// kept here. A name that no user here has is not noted: people type passwords where names belong.
func (s *Server) refused(ctx context.Context, provider, name string, err error) *Problem {
	p := s.problem(ctx, err)
	if p.Status >= http.StatusInternalServerError { // nobody was refused, something failed
		return p
	}
	who := callerOf(ctx)
	after := map[string]any{"why": p.Code}
	if provider != "" {
		after["provider"] = provider
	}
	ctx = context.WithoutCancel(ctx) // who hangs up was refused all the same
	user, missing := s.store.Users.ByName(ctx, name)
	if missing == nil {
		after["name"] = user.Name
	}
	s.log.WarnContext(ctx, "sign-in refused", "provider", provider, "name", after["name"], "address", who.address, "request", requestID(ctx), "code", p.Code, "why", p.Detail)
	if _, room := s.guesses.audited.take(""); !room {
		return p
	}
	entry, failed := asJSON(after)
	if failed == nil {
		failed = s.store.Audit.Append(ctx, statestore.AuditEntry{
			Actor: who.actor(), Action: "sign_in_refused", Object: "user", ObjectID: user.ID, After: entry, RequestID: requestID(ctx), Address: who.address,
		})
	}
	if failed != nil {
		s.log.WarnContext(ctx, "a refused sign-in is not in the audit", "error", failed)
	}
	return p
}
