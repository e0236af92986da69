package api

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/godwit/godwit/statestore"
)

// settings is what can be set, as stored under settingsKey.
type settings struct {
	SessionHours int `json:"session_hours"`
}

const (
	settingsKey         = "api"
	defaultSessionHours = 12
)

func (s *Server) readSettings(ctx context.Context, t *statestore.Tables) (settings, error) {
	v := settings{SessionHours: defaultSessionHours}
	err := t.Settings.Get(ctx, settingsKey, &v)
	if errors.Is(err, statestore.ErrNotFound) {
		err = nil
	}
	return v, err
}

// sessionHours is how long a session lasts; the default when the store cannot say.
func (s *Server) sessionHours(ctx context.Context) time.Duration {
	v, err := s.readSettings(ctx, s.store.Tables)
	if err != nil || v.SessionHours < 1 {
		v.SessionHours = defaultSessionHours
	}
	return time.Duration(v.SessionHours) * time.Hour
}

func (s *Server) settingsView(v settings) Settings {
	return Settings{
		Version: s.config.Version, PublicURL: s.config.PublicURL, CASHA256: s.config.CASHA256,
		Login: "godwit login " + s.address(), StartedAt: s.started.UTC(), SessionHours: v.SessionHours,
	}
}

func (s *Server) getSettings(ctx context.Context, _ *struct{}) (*body[Settings], error) {
	v, err := s.readSettings(ctx, s.store.Tables)
	if err != nil {
		return nil, err
	}
	return ok(s.settingsView(v)), nil
}

func (s *Server) updateSettings(ctx context.Context, in *settingsIn) (*body[Settings], error) {
	var v settings
	err := s.change(ctx, "update", "settings", func(tx *statestore.Tables, a *trail) error {
		var err error
		if v, err = s.readSettings(ctx, tx); err != nil {
			return err
		}
		a.id, a.before = settingsKey, v
		if in.Body.SessionHours != nil {
			v.SessionHours = *in.Body.SessionHours
		}
		a.after = v
		return tx.Settings.Put(ctx, settingsKey, v)
	})
	if err != nil {
		return nil, err
	}
	return ok(s.settingsView(v)), nil
}

func (s *Server) listAudit(ctx context.Context, in *auditIn) (*body[Page[AuditEntry]], error) {
	l, err := s.store.Audit.List(ctx, statestore.AuditFilter{Actor: in.Actor, Object: in.Object, ObjectID: in.ObjectID}, in.page())
	return paged(l, err, func(e statestore.AuditEntry) AuditEntry {
		return AuditEntry{
			ID: e.ID, At: e.At, Actor: e.Actor, Action: e.Action, Object: e.Object, ObjectID: e.ObjectID,
			Before: raw(e.Before), After: raw(e.After), RequestID: e.RequestID, Address: e.Address,
		}
	})
}

// rotateSigningKey makes a new key. Nodes hear of it before managers sign with it: those keep the key they know for a
// while.
func (s *Server) rotateSigningKey(ctx context.Context, _ *struct{}) (*body[SigningKey], error) {
	var row statestore.SigningKey
	err := s.change(ctx, "rotate", "signing_key", func(tx *statestore.Tables, a *trail) error {
		var err error
		row, err = s.config.Signer.Rotate(ctx, tx)
		a.id, a.after = row.ID, SigningKey{ID: row.ID, CreatedAt: row.CreatedAt}
		return err
	})
	if err != nil {
		return nil, err
	}
	return ok(SigningKey{ID: row.ID, CreatedAt: row.CreatedAt}), nil
}

// raw turns stored JSON into what the schema calls an object.
func raw(b []byte) map[string]any {
	var m map[string]any
	if len(b) == 0 || json.Unmarshal(b, &m) != nil {
		return nil
	}
	return m
}
