package statestore

import (
	"context"
	"fmt"
	"time"
)

// APIToken lets a program act for a user within scopes. Only its hash is kept.
type APIToken struct {
	ID         string
	Name       string
	UserID     string
	Scopes     []string
	CreatedAt  time.Time
	ExpiresAt  *time.Time
	LastUsedAt *time.Time
	RevokedAt  *time.Time
	Version    int64 // counts changes, from 1
}

// APITokens are the rows of APIToken.
type APITokens struct{ *handle }

const apiTokenColumns = "id, name, user_id, scopes, created_at, expires_at, last_used_at, revoked_at, version"

// Create stores a token. ID may be empty.
func (a APITokens) Create(ctx context.Context, r APIToken, token Secret) (APIToken, error) {
	now := a.now()
	if r.ID == "" {
		r.ID = NewIDAt(now)
	}
	return one[APIToken](ctx, a.handle, "API token "+r.Name,
		`INSERT INTO api_tokens (id, hash, name, user_id, scopes, created_at, expires_at)
		 VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING `+apiTokenColumns,
		r.ID, hashToken(token), r.Name, r.UserID, strs(r.Scopes), now, r.ExpiresAt)
}

// Lookup returns the row of a token and its user, and notes the use (at most
// once a minute). ErrNotFound: unknown, revoked, or the user is disabled;
// ErrExpired.
func (a APITokens) Lookup(ctx context.Context, token Secret) (APIToken, User, error) {
	row, err := one[APIToken](ctx, a.handle, "API token",
		`SELECT `+apiTokenColumns+` FROM api_tokens WHERE hash = $1 AND revoked_at IS NULL`, hashToken(token))
	if err != nil {
		return APIToken{}, User{}, err
	}
	now := a.now()
	if row.ExpiresAt != nil && !now.Before(*row.ExpiresAt) {
		return APIToken{}, User{}, fmt.Errorf("API token %s: %w", row.Name, ErrExpired)
	}
	u, err := one[User](ctx, a.handle, "API token "+row.Name,
		`SELECT `+userColumns+` FROM users WHERE id = $1 AND disabled_at IS NULL`, row.UserID)
	if err != nil {
		return APIToken{}, User{}, err
	}
	if row.LastUsedAt == nil || now.Sub(*row.LastUsedAt) >= time.Minute {
		_, err = a.exec(ctx, "API token "+row.Name, `UPDATE api_tokens SET last_used_at = $2 WHERE id = $1`, row.ID, now)
		row.LastUsedAt = &now
	}
	return row, u, err
}

// Update writes name, scopes and expiry. r.Version is the one that the caller
// read: ErrStale when the row has another.
func (a APITokens) Update(ctx context.Context, r APIToken) (APIToken, error) {
	rows, err := all[APIToken](ctx, a.handle, "API token "+r.Name, `UPDATE api_tokens SET name = $2, scopes = $3, expires_at = $4,
		version = version + 1 WHERE id = $1 AND version = $5 AND revoked_at IS NULL RETURNING `+apiTokenColumns,
		r.ID, r.Name, strs(r.Scopes), r.ExpiresAt, r.Version)
	if err != nil {
		return APIToken{}, err
	}
	if len(rows) == 0 {
		if _, err := a.Get(ctx, r.ID); err != nil {
			return APIToken{}, err
		}
		return APIToken{}, fmt.Errorf("API token %s: %w", r.Name, ErrStale)
	}
	return rows[0], nil
}

// Revoke ends the token.
func (a APITokens) Revoke(ctx context.Context, id string) error {
	return a.touch(ctx, "API token "+id,
		`UPDATE api_tokens SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1`, id, a.now())
}

// Get returns the token with the id.
func (a APITokens) Get(ctx context.Context, id string) (APIToken, error) {
	return one[APIToken](ctx, a.handle, "API token "+id, `SELECT `+apiTokenColumns+` FROM api_tokens WHERE id = $1`, id)
}

// APITokenFilter narrows APITokens.List; zero fields match everything but
// revoked tokens.
type APITokenFilter struct {
	UserID  string
	Query   string // in the name, without regard to case
	Revoked bool   // revoked ones too
}

// List pages through tokens, newest first.
func (a APITokens) List(ctx context.Context, f APITokenFilter, p Page) (List[APIToken], error) {
	after, err := p.after("api_tokens")
	if err != nil {
		return List[APIToken]{}, err
	}
	rows, err := all[APIToken](ctx, a.handle, "API tokens", `SELECT `+apiTokenColumns+` FROM api_tokens
		WHERE ($1 = '' OR id < $1) AND ($2 = '' OR user_id = $2) AND ($3 OR revoked_at IS NULL)
		  AND ($4 = '' OR position(lower($4) IN lower(name)) > 0) ORDER BY id DESC LIMIT $5`, after, f.UserID, f.Revoked, f.Query, p.limit()+1)
	return paged("api_tokens", rows, p.limit(), func(r APIToken) string { return r.ID }), err
}
