package statestore

import (
	"context"
	"fmt"
	"time"
)

// SetupTokens are one-time links that let somebody make their user. Only
// hashes are kept.
type SetupTokens struct{ *handle }

// Create stores a token that makes one user of the role within ttl.
func (s SetupTokens) Create(ctx context.Context, token Secret, role Role, ttl time.Duration) error {
	now := s.now()
	_, err := s.exec(ctx, "set-up link",
		`INSERT INTO setup_tokens (hash, role, created_at, expires_at) VALUES ($1, $2, $3, $4)`,
		hashToken(token), string(role), now, now.Add(ttl))
	return err
}

// Check tells whether the token could be consumed now, and for which role.
func (s SetupTokens) Check(ctx context.Context, token Secret) (Role, error) {
	var role string
	var expires time.Time
	var used *time.Time
	err := s.q.QueryRow(ctx, `SELECT role, expires_at, used_at FROM setup_tokens WHERE hash = $1`,
		hashToken(token)).Scan(&role, &expires, &used)
	switch {
	case err != nil:
		return "", fault(err, "set-up link")
	case used != nil:
		return "", fmt.Errorf("set-up link: %w", ErrUsed)
	case !s.now().Before(expires):
		return "", fmt.Errorf("set-up link: %w", ErrExpired)
	}
	return Role(role), nil
}

// Consume takes the token, once. Call it in the transaction that makes the
// user. ErrNotFound, ErrExpired or ErrUsed.
func (s SetupTokens) Consume(ctx context.Context, token Secret) (Role, error) {
	role, err := s.Check(ctx, token)
	if err != nil {
		return "", err
	}
	n, err := s.exec(ctx, "set-up link",
		`UPDATE setup_tokens SET used_at = $2 WHERE hash = $1 AND used_at IS NULL`, hashToken(token), s.now())
	if err == nil && n == 0 {
		err = fmt.Errorf("set-up link: %w", ErrUsed)
	}
	return role, err
}

// Forget deletes links that expired before the time.
func (s SetupTokens) Forget(ctx context.Context, before time.Time) (int64, error) {
	return s.exec(ctx, "old set-up links", `DELETE FROM setup_tokens WHERE expires_at < $1`, before)
}
