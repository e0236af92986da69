package api

import (
	"context"
	"crypto/sha256"
	"errors"

	"github.com/godwit/godwit/statestore"
)

// listSessions shows callers their own sessions, and administrators all.
func (s *Server) listSessions(ctx context.Context, in *sessionsIn) (*body[Page[Session]], error) {
	who := callerOf(ctx)
	f := statestore.LoginFilter{UserID: who.own()}
	if in.User != "" {
		u, err := findUser(ctx, s.store.Tables, in.User)
		if err != nil {
			return nil, err
		}
		if f.UserID != "" && u.ID != f.UserID {
			return nil, notFound("user", in.User)
		}
		f.UserID = u.ID
	}
	names, err := userNames(ctx, s.store.Tables)
	if err != nil {
		return nil, err
	}
	l, err := s.store.Logins.List(ctx, f, in.page())
	return paged(l, err, sessionView(names, who))
}

func sessionView(names map[string]string, who caller) func(statestore.Login) Session {
	current := sha256.Sum256(who.session)
	return func(l statestore.Login) Session {
		return Session{
			ID: l.ID, User: Ref{ID: l.UserID, Name: names[l.UserID]}, CreatedAt: l.CreatedAt, LastUsed: l.SeenAt, ExpiresAt: l.ExpiresAt,
			Address: l.Address, Agent: l.Agent, Current: len(who.session) > 0 && string(l.Hash) == string(current[:]),
		}
	}
}

// endSession signs out another browser; the caller's own too, whose cookie is then worth nothing.
func (s *Server) endSession(ctx context.Context, in *sessionIn) (*empty, error) {
	who := callerOf(ctx)
	err := s.change(ctx, "end", "session", func(tx *statestore.Tables, a *trail) error {
		l, err := tx.Logins.Get(ctx, in.ID)
		if errors.Is(err, statestore.ErrNotFound) || err == nil && l.UserID != who.userID && who.role != RoleAdmin {
			return notFound("session", in.ID)
		}
		if err != nil {
			return err
		}
		u, err := tx.Users.Get(ctx, l.UserID)
		if err != nil {
			return err
		}
		a.id = l.ID
		a.before = map[string]any{"user": u.Name, "address": l.Address, "created_at": l.CreatedAt}
		return tx.Logins.End(ctx, l.ID)
	})
	return &empty{}, err
}
