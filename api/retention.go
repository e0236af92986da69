package api

import (
	"context"
	"errors"
	"time"
)

// day is what retention is counted in.
const day = 24 * time.Hour

// forget deletes what is past the time that the settings keep it, and what nobody can use any more. Every manager may do
// it, at any time.
func (s *Server) forget(ctx context.Context) error {
	now := s.now()
	var errs []error
	for _, f := range []func(context.Context, time.Time) (int64, error){
		s.store.Logins.Forget, s.store.SetupTokens.Forget, s.store.Idempotency.Forget,
	} {
		_, err := f(ctx, now.Add(-keepLinks))
		errs = append(errs, err)
	}
	v, _, err := s.readSettings(ctx, s.store.Tables)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	keep := func(days int) time.Time { return now.Add(-time.Duration(days) * day) }
	for _, f := range []func(context.Context, time.Time) (int64, error){
		s.store.Decisions.Forget, s.store.Nodes.Forget, s.store.Conditions.Forget,
	} {
		_, err := f(ctx, keep(v.Retention.Decisions))
		errs = append(errs, err)
	}
	_, historyErr := s.store.DropDays(ctx, keep(v.Retention.History))
	_, auditErr := s.store.Audit.Forget(ctx, keep(v.Retention.Audit))
	return errors.Join(append(errs, historyErr, auditErr)...)
}
