package statestore

import (
	"context"
	"encoding/json"
	"fmt"
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

// Put stores v as JSON.
func (s Settings) Put(ctx context.Context, key string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("setting %s: %w", key, err)
	}
	_, err = s.exec(ctx, "setting "+key, `INSERT INTO settings (key, value, updated_at) VALUES ($1, $2, $3)
		ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at`,
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
