package statestore

import (
	"context"
	"fmt"
	"time"
)

// Role is what a user may do. Each includes the ones before it.
type Role string

// The roles.
const (
	RoleViewer   Role = "viewer"
	RoleOperator Role = "operator"
	RoleAdmin    Role = "admin"
)

// User is a person (or a robot) who operates the cluster. The caller hashes
// passwords; the hash is read by PasswordHash alone.
type User struct {
	ID          string
	Name        string // unique without regard to case
	Role        Role
	CreatedAt   time.Time
	UpdatedAt   time.Time
	DisabledAt  *time.Time
	LastLoginAt *time.Time
	Version     int64   // counts changes, from 1
	ProviderID  *string // the sign-in provider that vouches for them; nil: they have a password here
	Subject     string  // the provider's own id of them
}

// Users are the rows of User.
type Users struct{ *handle }

const userColumns = "id, name, role, created_at, updated_at, disabled_at, last_login_at, version, provider_id, subject"

// Create stores a user. ID may be empty. ErrConflict: the name is taken.
func (u Users) Create(ctx context.Context, r User, passwordHash string) (User, error) {
	now := u.now()
	if r.ID == "" {
		r.ID = NewIDAt(now)
	}
	return one[User](ctx, u.handle, "user "+r.Name,
		`INSERT INTO users (id, name, password_hash, role, created_at, updated_at, provider_id, subject)
		 VALUES ($1, $2, $3, $4, $5, $5, $6, $7) RETURNING `+userColumns, r.ID, r.Name, passwordHash, string(r.Role), now, r.ProviderID, r.Subject)
}

// Update writes name, role and DisabledAt and raises the version. ErrStale: the
// row has another version than r. ErrState: it would leave no admin who can sign
// in with a password, whatever sign-in providers do. A user who is disabled
// loses their sessions.
func (u Users) Update(ctx context.Context, r User) (User, error) {
	var out User
	err := u.tx(ctx, func(h *handle) error {
		if err := h.lock(ctx, "users"); err != nil {
			return err
		}
		rows, err := all[User](ctx, h, "user "+r.Name, `UPDATE users SET name = $2, role = $3, disabled_at = $4, updated_at = $5,
			version = version + 1 WHERE id = $1 AND version = $6 RETURNING `+userColumns, r.ID, r.Name, string(r.Role), r.DisabledAt, h.now(), r.Version)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			if _, err := (Users{h}).Get(ctx, r.ID); err != nil {
				return err
			}
			return fmt.Errorf("user %s: %w", r.Name, ErrStale)
		}
		out = rows[0]
		if r.DisabledAt != nil {
			if _, err := h.exec(ctx, "logins", `DELETE FROM logins WHERE user_id = $1`, r.ID); err != nil {
				return err
			}
		}
		return someAdmin(ctx, h)
	})
	return out, err
}

// Delete removes a user with sessions and tokens. ErrState: the last admin.
func (u Users) Delete(ctx context.Context, id string) error {
	return u.tx(ctx, func(h *handle) error {
		if err := h.lock(ctx, "users"); err != nil {
			return err
		}
		if err := h.touch(ctx, "user "+id, `DELETE FROM users WHERE id = $1`, id); err != nil {
			return err
		}
		return someAdmin(ctx, h)
	})
}

func someAdmin(ctx context.Context, h *handle) error {
	var n int
	err := h.q.QueryRow(ctx, `SELECT count(*) FROM users WHERE role = 'admin' AND disabled_at IS NULL AND provider_id IS NULL`).Scan(&n)
	if err == nil && n == 0 {
		return &StateError{Object: "user", Found: "the last admin with a password", Wanted: []string{"another one to remain"}}
	}
	return fault(err, "users")
}

// SetPassword replaces the hash and ends the user's sessions, except the one
// whose token is given (nil: all).
func (u Users) SetPassword(ctx context.Context, id, passwordHash string, except Secret) error {
	return u.tx(ctx, func(h *handle) error {
		if err := h.touch(ctx, "user "+id, `UPDATE users SET password_hash = $2, updated_at = $3, version = version + 1 WHERE id = $1`,
			id, passwordHash, h.now()); err != nil {
			return err
		}
		_, err := h.exec(ctx, "logins", `DELETE FROM logins WHERE user_id = $1 AND hash <> $2`, id, hashToken(except))
		return err
	})
}

// PasswordHash returns what Create or SetPassword stored.
func (u Users) PasswordHash(ctx context.Context, id string) (string, error) {
	var hash string
	err := u.q.QueryRow(ctx, `SELECT password_hash FROM users WHERE id = $1`, id).Scan(&hash)
	return hash, fault(err, "user "+id)
}

// LoggedIn notes a successful sign-in.
func (u Users) LoggedIn(ctx context.Context, id string) error {
	return u.touch(ctx, "user "+id, `UPDATE users SET last_login_at = $2 WHERE id = $1`, id, u.now())
}

// Count returns how many users there are; 0 means that set-up is due.
func (u Users) Count(ctx context.Context) (int64, error) {
	var n int64
	err := u.q.QueryRow(ctx, `SELECT count(*) FROM users`).Scan(&n)
	return n, fault(err, "users")
}

// Get returns the user with the id.
func (u Users) Get(ctx context.Context, id string) (User, error) {
	return one[User](ctx, u.handle, "user "+id, `SELECT `+userColumns+` FROM users WHERE id = $1`, id)
}

// ByName returns the user with the name, without regard to case.
func (u Users) ByName(ctx context.Context, name string) (User, error) {
	return one[User](ctx, u.handle, "user "+name, `SELECT `+userColumns+` FROM users WHERE lower(name) = lower($1)`, name)
}

// BySubject returns the user whom a sign-in provider knows by the id.
func (u Users) BySubject(ctx context.Context, providerID, subject string) (User, error) {
	return one[User](ctx, u.handle, "user "+subject, `SELECT `+userColumns+` FROM users WHERE provider_id = $1 AND subject = $2`, providerID, subject)
}

// UserFilter narrows Users.List; zero fields match everything.
type UserFilter struct {
	Query string // in the name, without regard to case
	Role  Role
}

// List pages through users, oldest first.
func (u Users) List(ctx context.Context, f UserFilter, p Page) (List[User], error) {
	after, err := p.after("users")
	if err != nil {
		return List[User]{}, err
	}
	rows, err := all[User](ctx, u.handle, "users",
		`SELECT `+userColumns+` FROM users WHERE id > $1 AND ($2 = '' OR role = $2)
		 AND ($3 = '' OR position(lower($3) IN lower(name)) > 0) ORDER BY id LIMIT $4`, after, string(f.Role), f.Query, p.limit()+1)
	return paged("users", rows, p.limit(), func(r User) string { return r.ID }), err
}
