package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"time"

	"github.com/godwit/godwit/egress"
	"github.com/godwit/godwit/statestore"
)

// settings is what can be set, as stored under settingsKey.
type settings struct {
	SessionHours int           `json:"session_hours"`
	PasswordMin  int           `json:"password_min"`
	LocalSignIn  string        `json:"local_sign_in"`
	PublicURL    string        `json:"public_url"`
	Retention    RetentionDays `json:"retention"`
	// EgressAllow has a key of its own, which package egress names; it is here for the audit.
	EgressAllow []string `json:"egress_allow"`
}

const (
	settingsKey         = "api"
	defaultSessionHours = 12
	everyone            = "everyone"
	administrators      = "administrators"
)

// defaultSettings are those of an installation where nobody set any.
func defaultSettings() settings {
	return settings{
		SessionHours: defaultSessionHours, PasswordMin: 10, LocalSignIn: everyone, EgressAllow: []string{},
		Retention: RetentionDays{Decisions: 30, History: 90, Audit: 730},
	}
}

// readSettings returns the settings and their version.
func (s *Server) readSettings(ctx context.Context, t *statestore.Tables) (settings, int64, error) {
	v := defaultSettings()
	n, err := t.Settings.Version(ctx, settingsKey)
	if err != nil {
		return v, 0, err
	}
	for key, into := range map[string]any{settingsKey: &v, egress.SettingKey: &v.EgressAllow} {
		if err := t.Settings.Get(ctx, key, into); err != nil && !errors.Is(err, statestore.ErrNotFound) {
			return v, 0, err
		}
	}
	return v, n + 1, nil // a version is never 0: that of the defaults is 1
}

// sessionHours is how long a session lasts; the default when the store cannot say.
func (s *Server) sessionHours(ctx context.Context) time.Duration {
	v, _, err := s.readSettings(ctx, s.store.Tables)
	if err != nil || v.SessionHours < 1 {
		v.SessionHours = defaultSessionHours
	}
	return time.Duration(v.SessionHours) * time.Hour
}

func (s *Server) taggedSettings(v settings, version int64) *tagged[Settings] {
	public := v.PublicURL
	if public == "" {
		public = s.config.PublicURL
	}
	return &tagged[Settings]{ETag: etag(version), Body: Settings{
		Version: s.config.Version, PublicURL: public, CASHA256: s.config.CASHA256, Login: "godwit login " + s.pinned(public),
		StartedAt: s.started.UTC(), SessionHours: v.SessionHours, PasswordMin: v.PasswordMin, LocalSignIn: v.LocalSignIn,
		EgressAllow: v.EgressAllow, Retention: v.Retention, Providers: s.config.Clusters.Providers(),
	}}
}

// allowedEgress is what may be connected to besides public addresses.
func (s *Server) allowedEgress(ctx context.Context) ([]string, error) {
	v, _, err := s.readSettings(ctx, s.store.Tables)
	return v.EgressAllow, err
}

// publicURL is where people and sign-in providers reach the manager.
func (s *Server) publicURL(ctx context.Context) (string, error) {
	v, _, err := s.readSettings(ctx, s.store.Tables)
	if err != nil || v.PublicURL == "" {
		return s.config.PublicURL, err
	}
	return v.PublicURL, nil
}

// address is where clients reach the manager, with the pin that makes it safe; as it was started when the store cannot
// say otherwise.
func (s *Server) address(ctx context.Context) string {
	public, err := s.publicURL(ctx)
	if err != nil {
		public = s.config.PublicURL
	}
	return s.pinned(public)
}

func (s *Server) pinned(public string) string {
	if s.config.CASHA256 == "" {
		return public
	}
	return public + "#sha256=" + s.config.CASHA256
}

func (s *Server) getSettings(ctx context.Context, _ *struct{}) (*tagged[Settings], error) {
	v, n, err := s.readSettings(ctx, s.store.Tables)
	if err != nil {
		return nil, err
	}
	return s.taggedSettings(v, n), nil
}

func (s *Server) updateSettings(ctx context.Context, in *settingsIn) (*tagged[Settings], error) {
	if err := in.Body.check(); err != nil {
		return nil, err
	}
	var v settings
	var n int64
	err := s.change(ctx, "update", "settings", func(tx *statestore.Tables, a *trail) error {
		var err error
		if v, n, err = s.readSettings(ctx, tx); err != nil {
			return err
		}
		a.id, a.before = settingsKey, v
		if err := a.edits(in.IfMatch, n); err != nil {
			return err
		}
		in.Body.apply(&v)
		a.after = v
		stored, err := tx.Settings.Edit(ctx, settingsKey, n-1, v)
		if err != nil {
			return err
		}
		n = stored + 1
		return tx.Settings.Put(ctx, egress.SettingKey, v.EgressAllow)
	})
	if err != nil {
		return nil, err
	}
	return s.taggedSettings(v, n), nil
}

// check refuses what the types do not.
func (u *SettingsUpdate) check() error {
	if u.EgressAllow != nil {
		var entry *egress.EntryError
		if _, err := egress.Parse(*u.EgressAllow); errors.As(err, &entry) {
			return invalid("body.egress_allow", "%s", entry.Error())
		} else if err != nil {
			return err
		}
	}
	if u.PublicURL != nil && *u.PublicURL != "" {
		p, err := url.Parse(*u.PublicURL)
		if err != nil || p.Scheme != "https" || p.Hostname() == "" || p.Path != "" || p.RawQuery != "" || p.Fragment != "" || p.User != nil {
			return invalid("body.public_url", "is not of the form https://host or https://host:port")
		}
	}
	return nil
}

func (u *SettingsUpdate) apply(v *settings) {
	set(&v.SessionHours, u.SessionHours)
	set(&v.PasswordMin, u.PasswordMin)
	set(&v.LocalSignIn, u.LocalSignIn)
	set(&v.EgressAllow, u.EgressAllow)
	set(&v.PublicURL, u.PublicURL)
	if r := u.Retention; r != nil {
		set(&v.Retention.Decisions, r.Decisions)
		set(&v.Retention.History, r.History)
		set(&v.Retention.Audit, r.Audit)
	}
}

// set writes what was sent.
func set[T any](field *T, sent *T) {
	if sent != nil {
		*field = *sent
	}
}

func (s *Server) listAudit(ctx context.Context, in *auditIn) (*body[Page[AuditEntry]], error) {
	l, err := s.store.Audit.List(ctx, statestore.AuditFilter{
		Actor: in.Actor, Action: in.Action, Object: in.Object, ObjectID: in.ObjectID, Query: in.Search, From: in.From, To: in.To,
	}, in.page())
	if err != nil {
		return nil, cursorError(err)
	}
	names, err := s.store.Audit.Names(ctx, l.Items)
	return paged(l, err, func(e statestore.AuditEntry) AuditEntry { return auditView(e, names) })
}

func auditView(e statestore.AuditEntry, names statestore.AuditNames) AuditEntry {
	return AuditEntry{
		ID: e.ID, At: e.At, Actor: e.Actor, Action: e.Action, Object: e.Object, ObjectID: e.ObjectID,
		ObjectName: names.Object(e), ActorName: names.Actor(e),
		Before: raw(e.Before), After: raw(e.After), RequestID: e.RequestID, Address: e.Address,
	}
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
