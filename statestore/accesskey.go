package statestore

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// AccessKey is a tenant. Its secret (or the verifier made from it) and the
// credentials of its storage are sealed and read only by name.
type AccessKey struct {
	ID          string
	Name        string
	Storage     json.RawMessage // {"type":"local","path":…}; without credentials
	Limits      json.RawMessage
	Permissions []string
	CreatedAt   time.Time
	UpdatedAt   time.Time
	ExpiresAt   *time.Time
	RevokedAt   *time.Time
	RotatedFrom *string // key that this one replaces
	LastUsedAt  *time.Time
	Version     int64 // counts changes, from 1
}

// Usable tells whether the key may be used at the time.
func (k AccessKey) Usable(at time.Time) bool {
	return k.RevokedAt == nil && (k.ExpiresAt == nil || at.Before(*k.ExpiresAt))
}

// AccessKeys are the rows of AccessKey.
type AccessKeys struct{ *handle }

const accessKeyColumns = `id, name, storage, limits, permissions, created_at, updated_at, expires_at,
	revoked_at, rotated_from, last_used_at, version`

// Create stores a key. ID may be empty; credentials may be nil. ErrConflict:
// a key that is not revoked has the name.
func (a AccessKeys) Create(ctx context.Context, r AccessKey, secret, credentials Secret) (AccessKey, error) {
	now := a.now()
	if r.ID == "" {
		r.ID = NewIDAt(now)
	}
	return one[AccessKey](ctx, a.handle, "access key "+r.Name, `INSERT INTO access_keys
		(id, name, secret, storage, credentials, limits, permissions, created_at, updated_at, expires_at, rotated_from)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10) RETURNING `+accessKeyColumns,
		r.ID, r.Name, a.sealer.Seal(secret, "access_keys", "secret", r.ID), orObject(r.Storage),
		a.sealOptional(credentials, "access_keys", "credentials", r.ID), orObject(r.Limits),
		strs(r.Permissions), now, r.ExpiresAt, r.RotatedFrom)
}

// Update writes name, storage, limits, permissions and expiry. credentials nil
// leaves those stored; an empty, non-nil value removes them. ErrStale: the row
// has another version than r.
func (a AccessKeys) Update(ctx context.Context, r AccessKey, credentials Secret) (AccessKey, error) {
	rows, err := all[AccessKey](ctx, a.handle, "access key "+r.Name, `UPDATE access_keys
		SET name = $2, storage = $3, limits = $4, permissions = $5, expires_at = $6, updated_at = $7, version = version + 1,
		    credentials = CASE WHEN $8 THEN $9 ELSE credentials END
		WHERE id = $1 AND version = $10 RETURNING `+accessKeyColumns,
		r.ID, r.Name, orObject(r.Storage), orObject(r.Limits), strs(r.Permissions), r.ExpiresAt, a.now(),
		credentials != nil, a.sealOptional(credentials, "access_keys", "credentials", r.ID), r.Version)
	if err != nil {
		return AccessKey{}, err
	}
	if len(rows) == 0 {
		if _, err := a.Get(ctx, r.ID); err != nil {
			return AccessKey{}, err
		}
		return AccessKey{}, fmt.Errorf("access key %s: %w", r.Name, ErrStale)
	}
	return rows[0], nil
}

// Rotate replaces the key's secret.
func (a AccessKeys) Rotate(ctx context.Context, id string, secret Secret) (AccessKey, error) {
	return one[AccessKey](ctx, a.handle, "access key "+id,
		`UPDATE access_keys SET secret = $2, updated_at = $3, version = version + 1 WHERE id = $1 AND revoked_at IS NULL RETURNING `+accessKeyColumns,
		id, a.sealer.Seal(secret, "access_keys", "secret", id), a.now())
}

// Secret opens what Create was given.
func (a AccessKeys) Secret(ctx context.Context, id string) (Secret, error) {
	return a.unseal(ctx, "access key "+id, "access_keys", "secret", id)
}

// Credentials opens the credentials of the key's storage; nil when it has none.
func (a AccessKeys) Credentials(ctx context.Context, id string) (Secret, error) {
	return a.unseal(ctx, "access key "+id, "access_keys", "credentials", id)
}

// Revoke ends the key for good.
func (a AccessKeys) Revoke(ctx context.Context, id string) error {
	return a.touch(ctx, "access key "+id,
		`UPDATE access_keys SET revoked_at = coalesce(revoked_at, $2), updated_at = $2, version = version + 1 WHERE id = $1`, id, a.now())
}

// Used notes that the key was used; times never go back.
func (a AccessKeys) Used(ctx context.Context, id string) error {
	return a.touch(ctx, "access key "+id,
		`UPDATE access_keys SET last_used_at = greatest(last_used_at, $2) WHERE id = $1`, id, a.now())
}

// Get returns the key with the id, revoked or not.
func (a AccessKeys) Get(ctx context.Context, id string) (AccessKey, error) {
	return one[AccessKey](ctx, a.handle, "access key "+id,
		`SELECT `+accessKeyColumns+` FROM access_keys WHERE id = $1`, id)
}

// ByName returns the key that has the name and is not revoked.
func (a AccessKeys) ByName(ctx context.Context, name string) (AccessKey, error) {
	return one[AccessKey](ctx, a.handle, "access key "+name,
		`SELECT `+accessKeyColumns+` FROM access_keys WHERE name = $1 AND revoked_at IS NULL`, name)
}

// AccessKeyFilter narrows AccessKeys.List; zero fields match everything but
// revoked keys.
type AccessKeyFilter struct {
	Query   string // in name or id, without regard to case
	Revoked bool   // revoked ones too
}

// List pages through keys, newest first.
func (a AccessKeys) List(ctx context.Context, f AccessKeyFilter, p Page) (List[AccessKey], error) {
	after, err := p.after("access_keys")
	if err != nil {
		return List[AccessKey]{}, err
	}
	rows, err := all[AccessKey](ctx, a.handle, "access keys", `SELECT `+accessKeyColumns+` FROM access_keys
		WHERE ($1 = '' OR id < $1) AND ($2 OR revoked_at IS NULL)
		  AND ($3 = '' OR position(lower($3) IN lower(name)) > 0 OR position(lower($3) IN id) > 0)
		ORDER BY id DESC LIMIT $4`, after, f.Revoked, f.Query, p.limit()+1)
	return paged("access_keys", rows, p.limit(), func(r AccessKey) string { return r.ID }), err
}
