package statestore

import (
	"context"
	"fmt"
	"time"
)

// Login is a signed-in browser or CLI of a user. Only the token's hash is kept.
type Login struct {
	ID        string // names the login to people; the hash is of the token
	Hash      []byte
	UserID    string
	CreatedAt time.Time
	SeenAt    time.Time
	ExpiresAt time.Time
	Address   string
	Agent     string
}

// Logins are the rows of Login.
type Logins struct{ *handle }

const loginColumns = "id, hash, user_id, created_at, seen_at, expires_at, address, agent"

// Create stores a login that lasts for ttl.
func (l Logins) Create(ctx context.Context, r Login, token Secret, ttl time.Duration) (Login, error) {
	now := l.now()
	return one[Login](ctx, l.handle, "login", `INSERT INTO logins (`+loginColumns+`)
		VALUES ($1, $2, $3, $4, $4, $5, $6, $7) RETURNING `+loginColumns,
		NewIDAt(now), hashToken(token), r.UserID, now, now.Add(ttl), r.Address, r.Agent)
}

// Lookup returns the login of a token and its user. ErrNotFound: unknown, or
// the user is disabled; ErrExpired.
func (l Logins) Lookup(ctx context.Context, token Secret) (Login, User, error) {
	row, err := one[Login](ctx, l.handle, "login", `SELECT `+loginColumns+` FROM logins WHERE hash = $1`, hashToken(token))
	if err != nil {
		return Login{}, User{}, err
	}
	if !l.now().Before(row.ExpiresAt) {
		return Login{}, User{}, fmt.Errorf("login: %w", ErrExpired)
	}
	u, err := one[User](ctx, l.handle, "login",
		`SELECT `+userColumns+` FROM users WHERE id = $1 AND disabled_at IS NULL`, row.UserID)
	return row, u, err
}

// Extend notes that the login was used and lets it last for ttl from now.
func (l Logins) Extend(ctx context.Context, token Secret, ttl time.Duration) error {
	now := l.now()
	return l.touch(ctx, "login", `UPDATE logins SET seen_at = $2, expires_at = greatest(expires_at, $3)
		WHERE hash = $1 AND expires_at > $2`, hashToken(token), now, now.Add(ttl))
}

// Delete signs out. An unknown token is no error.
func (l Logins) Delete(ctx context.Context, token Secret) error {
	_, err := l.exec(ctx, "login", `DELETE FROM logins WHERE hash = $1`, hashToken(token))
	return err
}

// LoginFilter narrows Logins.List; zero fields match everything.
type LoginFilter struct{ UserID string }

// List pages through the logins that have not expired, newest first.
func (l Logins) List(ctx context.Context, f LoginFilter, p Page) (List[Login], error) {
	after, err := p.after("logins")
	if err != nil {
		return List[Login]{}, err
	}
	rows, err := all[Login](ctx, l.handle, "logins", `SELECT `+loginColumns+` FROM logins
		WHERE ($1 = '' OR id < $1) AND ($2 = '' OR user_id = $2) AND expires_at > $3 ORDER BY id DESC LIMIT $4`,
		after, f.UserID, l.now(), p.limit()+1)
	return paged("logins", rows, p.limit(), func(r Login) string { return r.ID }), err
}

// Get returns the login with the id, unless it expired.
func (l Logins) Get(ctx context.Context, id string) (Login, error) {
	return one[Login](ctx, l.handle, "session "+id, `SELECT `+loginColumns+` FROM logins WHERE id = $1 AND expires_at > $2`, id, l.now())
}

// End deletes the login with the id.
func (l Logins) End(ctx context.Context, id string) error {
	return l.touch(ctx, "session "+id, `DELETE FROM logins WHERE id = $1`, id)
}

// Forget deletes logins that expired before the time.
func (l Logins) Forget(ctx context.Context, before time.Time) (int64, error) {
	return l.exec(ctx, "old logins", `DELETE FROM logins WHERE expires_at < $1`, before)
}
