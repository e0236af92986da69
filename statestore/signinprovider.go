package statestore

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// ProviderKind is how a sign-in provider is spoken to.
type ProviderKind string

// The kinds of sign-in provider.
const (
	ProviderOIDC ProviderKind = "oidc"
	ProviderLDAP ProviderKind = "ldap"
)

// SignInProvider vouches for people who have no password here. Config is the caller's; its secret (of the client, or of
// the user that searches) is sealed and read by Secret alone.
type SignInProvider struct {
	ID        string
	Name      string
	Kind      ProviderKind
	Config    json.RawMessage
	Enabled   bool
	Version   int64
	CreatedAt time.Time
	UpdatedAt time.Time
	OkAt      *time.Time // when it last did what it is for
	FailedAt  *time.Time // when it last did not
	Failure   string     // why
}

// SignInProviders are the rows of SignInProvider.
type SignInProviders struct{ *handle }

const providerColumns = "id, name, kind, config, enabled, version, created_at, updated_at, ok_at, failed_at, failure"

// Create stores a provider. ErrConflict: the name is taken.
func (s SignInProviders) Create(ctx context.Context, r SignInProvider, secret Secret) (SignInProvider, error) {
	now := s.now()
	if r.ID == "" {
		r.ID = NewIDAt(now)
	}
	return one[SignInProvider](ctx, s.handle, "sign-in provider "+r.Name,
		`INSERT INTO sign_in_providers (id, name, kind, config, secret, enabled, created_at, updated_at)
		 VALUES ($1, $2, $3, $4, $5, $6, $7, $7) RETURNING `+providerColumns,
		r.ID, r.Name, string(r.Kind), orObject(r.Config), s.sealOptional(secret, "sign_in_providers", "secret", r.ID), r.Enabled, now)
}

// Update writes name, config and whether it is enabled, and forgets how it answered. secret nil leaves the one stored.
// r.Version is the one that the caller read: ErrStale when the row has another.
func (s SignInProviders) Update(ctx context.Context, r SignInProvider, secret Secret) (SignInProvider, error) {
	rows, err := all[SignInProvider](ctx, s.handle, "sign-in provider "+r.Name,
		`UPDATE sign_in_providers SET name = $2, config = $3, enabled = $4, updated_at = $5, version = version + 1,
		   secret = CASE WHEN $6 THEN $7 ELSE secret END, ok_at = NULL, failed_at = NULL, failure = ''
		 WHERE id = $1 AND version = $8 RETURNING `+providerColumns,
		r.ID, r.Name, orObject(r.Config), r.Enabled, s.now(),
		secret != nil, s.sealOptional(secret, "sign_in_providers", "secret", r.ID), r.Version)
	if err != nil {
		return SignInProvider{}, err
	}
	if len(rows) == 0 {
		if _, err := s.Get(ctx, r.ID); err != nil {
			return SignInProvider{}, err
		}
		return SignInProvider{}, fmt.Errorf("sign-in provider %s: %w", r.Name, ErrStale)
	}
	return rows[0], nil
}

// Report notes how the provider answered: failure is empty when it did what it is for.
func (s SignInProviders) Report(ctx context.Context, id, failure string) error {
	now := s.now()
	if failure == "" {
		return s.touch(ctx, "sign-in provider "+id, `UPDATE sign_in_providers SET ok_at = $2, failure = '' WHERE id = $1`, id, now)
	}
	return s.touch(ctx, "sign-in provider "+id, `UPDATE sign_in_providers SET failed_at = $2, failure = $3 WHERE id = $1`, id, now, failure)
}

// Delete removes a provider. Its users stay, disabled and without sessions: what they did keeps its name.
func (s SignInProviders) Delete(ctx context.Context, id string) error {
	return s.tx(ctx, func(h *handle) error {
		if _, err := h.exec(ctx, "logins", `DELETE FROM logins WHERE user_id IN (SELECT id FROM users WHERE provider_id = $1)`, id); err != nil {
			return err
		}
		if _, err := h.exec(ctx, "users", `UPDATE users SET disabled_at = coalesce(disabled_at, $2), version = version + 1, updated_at = $2
			WHERE provider_id = $1`, id, h.now()); err != nil {
			return err
		}
		return h.touch(ctx, "sign-in provider "+id, `DELETE FROM sign_in_providers WHERE id = $1`, id)
	})
}

// Secret opens what Create or Update was given; nil when it has none.
func (s SignInProviders) Secret(ctx context.Context, id string) (Secret, error) {
	return s.unseal(ctx, "sign-in provider "+id, "sign_in_providers", "secret", id)
}

// Get returns the provider with the id.
func (s SignInProviders) Get(ctx context.Context, id string) (SignInProvider, error) {
	return one[SignInProvider](ctx, s.handle, "sign-in provider "+id, `SELECT `+providerColumns+` FROM sign_in_providers WHERE id = $1`, id)
}

// ByName returns the provider with the name.
func (s SignInProviders) ByName(ctx context.Context, name string) (SignInProvider, error) {
	return one[SignInProvider](ctx, s.handle, "sign-in provider "+name, `SELECT `+providerColumns+` FROM sign_in_providers WHERE name = $1`, name)
}

// List pages through providers, oldest first.
func (s SignInProviders) List(ctx context.Context, p Page) (List[SignInProvider], error) {
	after, err := p.after("sign_in_providers")
	if err != nil {
		return List[SignInProvider]{}, err
	}
	rows, err := all[SignInProvider](ctx, s.handle, "sign-in providers",
		`SELECT `+providerColumns+` FROM sign_in_providers WHERE id > $1 ORDER BY id LIMIT $2`, after, p.limit()+1)
	return paged("sign_in_providers", rows, p.limit(), func(r SignInProvider) string { return r.ID }), err
}
