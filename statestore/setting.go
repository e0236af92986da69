package statestore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Settings are the installation's own values by key.
type Settings struct{ *handle }

// Get reads the setting into v. ErrNotFound: it was never set.
func (s Settings) Get(ctx context.Context, key string, v any) error {
	var raw []byte
	if err := s.q.QueryRow(ctx, `SELECT value FROM settings WHERE key = $1`, key).Scan(&raw); err != nil {
		return fault(err, "setting "+key)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("setting %s: %w", key, err)
	}
	return nil
}

// Version counts the changes of a setting; 0 while it was never set.
func (s Settings) Version(ctx context.Context, key string) (int64, error) {
	var v int64
	err := s.q.QueryRow(ctx, `SELECT version FROM settings WHERE key = $1`, key).Scan(&v)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	return v, fault(err, "setting "+key)
}

// Edit is Put for somebody who read version base: ErrStale when the setting has
// another by now. It returns the new version.
func (s Settings) Edit(ctx context.Context, key string, base int64, v any) (int64, error) {
	err := s.tx(ctx, func(h *handle) error {
		if err := h.lock(ctx, "setting "+key); err != nil {
			return err
		}
		now, err := Settings{h}.Version(ctx, key)
		if err != nil {
			return err
		}
		if now != base {
			return fmt.Errorf("setting %s: %w", key, ErrStale)
		}
		return Settings{h}.Put(ctx, key, v)
	})
	return base + 1, err
}

// Put stores v as JSON.
func (s Settings) Put(ctx context.Context, key string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("setting %s: %w", key, err)
	}
	_, err = s.exec(ctx, "setting "+key, `INSERT INTO settings (key, value, updated_at) VALUES ($1, $2, $3)
		ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at, version = settings.version + 1`,
		key, json.RawMessage(raw), s.now())
	return err
}

// PutFirst stores v unless the key is set, and reads what is stored into v, a
// pointer: of several managers that make a value at once, all use the same.
func (s Settings) PutFirst(ctx context.Context, key string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("setting %s: %w", key, err)
	}
	if _, err := s.exec(ctx, "setting "+key,
		`INSERT INTO settings (key, value, updated_at) VALUES ($1, $2, $3) ON CONFLICT (key) DO NOTHING`,
		key, json.RawMessage(raw), s.now()); err != nil {
		return err
	}
	return s.Get(ctx, key, v)
}

// Delete removes the setting. An unknown key is no error.
func (s Settings) Delete(ctx context.Context, key string) error {
	_, err := s.exec(ctx, "setting "+key, `DELETE FROM settings WHERE key = $1`, key)
	return err
}

// PutSealed stores a secret of the installation under the key.
func (s Settings) PutSealed(ctx context.Context, key string, secret Secret) error {
	_, err := s.exec(ctx, "sealed setting "+key,
		`INSERT INTO sealed_settings (key, value, updated_at) VALUES ($1, $2, $3)
		 ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at`,
		key, s.sealer.Seal(secret, "sealed_settings", "value", key), s.now())
	return err
}

// PutSealedFirst stores a secret unless the key has one, and returns the one
// that is stored: of several managers that make one at once, all use the same.
func (s Settings) PutSealedFirst(ctx context.Context, key string, secret Secret) (Secret, error) {
	_, err := s.exec(ctx, "sealed setting "+key,
		`INSERT INTO sealed_settings (key, value, updated_at) VALUES ($1, $2, $3) ON CONFLICT (key) DO NOTHING`,
		key, s.sealer.Seal(secret, "sealed_settings", "value", key), s.now())
	if err != nil {
		return nil, err
	}
	return s.Sealed(ctx, key)
}

// Sealed opens a secret of the installation.
func (s Settings) Sealed(ctx context.Context, key string) (Secret, error) {
	var raw []byte
	if err := s.q.QueryRow(ctx, `SELECT value FROM sealed_settings WHERE key = $1`, key).Scan(&raw); err != nil {
		return nil, fault(err, "sealed setting "+key)
	}
	return s.sealer.Open(raw, "sealed_settings", "value", key)
}
