package statestore

import (
	"context"
	"time"
)

// SigningKey signs transfer tokens. The private half is sealed and read by Key
// alone; nodes get the public one.
type SigningKey struct {
	ID          string // key id in the token's header
	Algorithm   string // "EdDSA"
	PublicKey   []byte
	CreatedAt   time.Time
	RetiredAt   *time.Time // signs no more
	AcceptUntil *time.Time // verified until then; nil: while active
}

// SigningKeys are the rows of SigningKey.
type SigningKeys struct{ *handle }

const signingKeyColumns = "id, algorithm, public_key, created_at, retired_at, accept_until"

// CreateFirst stores the first key. When an active one exists already, that
// one is returned, with made false.
func (s SigningKeys) CreateFirst(ctx context.Context, r SigningKey, key Secret) (out SigningKey, made bool, err error) {
	return first(ctx, s.handle, "signing key",
		func(h *handle) ([]SigningKey, error) {
			return all[SigningKey](ctx, h, "signing key", `SELECT `+signingKeyColumns+` FROM signing_keys
				WHERE retired_at IS NULL ORDER BY id DESC LIMIT 1`)
		},
		func(h *handle) (SigningKey, error) { return SigningKeys{h}.Create(ctx, r, key) })
}

// Create stores a key, the one that signs from now on. ID may be empty.
func (s SigningKeys) Create(ctx context.Context, r SigningKey, key Secret) (SigningKey, error) {
	now := s.now()
	if r.ID == "" {
		r.ID = NewIDAt(now)
	}
	return one[SigningKey](ctx, s.handle, "signing key "+r.ID,
		`INSERT INTO signing_keys (id, algorithm, public_key, key, created_at)
		 VALUES ($1, $2, $3, $4, $5) RETURNING `+signingKeyColumns,
		r.ID, r.Algorithm, r.PublicKey, s.sealer.Seal(key, "signing_keys", "key", r.ID), now)
}

// Active returns the key that signs: the newest that is not retired.
func (s SigningKeys) Active(ctx context.Context) (SigningKey, error) {
	return one[SigningKey](ctx, s.handle, "signing key", `SELECT `+signingKeyColumns+` FROM signing_keys
		WHERE retired_at IS NULL ORDER BY id DESC LIMIT 1`)
}

// Accepted returns the keys whose tokens are valid now, newest first.
func (s SigningKeys) Accepted(ctx context.Context) ([]SigningKey, error) {
	return all[SigningKey](ctx, s.handle, "signing keys", `SELECT `+signingKeyColumns+` FROM signing_keys
		WHERE retired_at IS NULL OR accept_until > $1 ORDER BY id DESC`, s.now())
}

// Key opens the private key.
func (s SigningKeys) Key(ctx context.Context, id string) (Secret, error) {
	return s.unseal(ctx, "signing key "+id, "signing_keys", "key", id)
}

// Retire stops the key from signing; its tokens are accepted for grace more.
func (s SigningKeys) Retire(ctx context.Context, id string, grace time.Duration) error {
	now := s.now()
	return s.touch(ctx, "signing key "+id, `UPDATE signing_keys
		SET retired_at = coalesce(retired_at, $2), accept_until = coalesce(accept_until, $3) WHERE id = $1`,
		id, now, now.Add(grace))
}
