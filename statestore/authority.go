package statestore

import (
	"context"
	"time"
)

// AuthorityKind is what an authority's certificates are for. Control and
// serving certificates have different issuers.
type AuthorityKind string

// The kinds of authority.
const (
	AuthorityControl AuthorityKind = "control"
	AuthorityServing AuthorityKind = "serving"
)

// Authority is one certificate authority of the cluster. Its private key is
// sealed and read by Key alone.
type Authority struct {
	ID        string
	Kind      AuthorityKind
	CertPEM   string
	NotAfter  time.Time
	CreatedAt time.Time
	RetiredAt *time.Time // signs no more, is still trusted
}

// Authorities are the rows of Authority.
type Authorities struct{ *handle }

const authorityColumns = "id, kind, cert_pem, not_after, created_at, retired_at"

// CreateFirst stores the first authority of its kind. When there is an active
// one already, another manager was faster: that one is returned, with made
// false, and the given key is worth nothing.
func (a Authorities) CreateFirst(ctx context.Context, r Authority, key Secret) (out Authority, made bool, err error) {
	return first(ctx, a.handle, "authority "+string(r.Kind),
		func(h *handle) ([]Authority, error) { return active(ctx, h, r.Kind) },
		func(h *handle) (Authority, error) { return Authorities{h}.Create(ctx, r, key) })
}

// Create stores an authority, the newest active one of its kind from now on.
// ID may be empty.
func (a Authorities) Create(ctx context.Context, r Authority, key Secret) (Authority, error) {
	now := a.now()
	if r.ID == "" {
		r.ID = NewIDAt(now)
	}
	return one[Authority](ctx, a.handle, "authority "+r.ID,
		`INSERT INTO authorities (id, kind, cert_pem, key, not_after, created_at)
		 VALUES ($1, $2, $3, $4, $5, $6) RETURNING `+authorityColumns,
		r.ID, string(r.Kind), r.CertPEM, a.sealer.Seal(key, "authorities", "key", r.ID), r.NotAfter, now)
}

// Active returns the authority of the kind that signs: the newest that is not
// retired.
func (a Authorities) Active(ctx context.Context, kind AuthorityKind) (Authority, error) {
	return one[Authority](ctx, a.handle, string(kind)+" authority", `SELECT `+authorityColumns+` FROM authorities
		WHERE kind = $1 AND retired_at IS NULL ORDER BY id DESC LIMIT 1`, string(kind))
}

func active(ctx context.Context, h *handle, kind AuthorityKind) ([]Authority, error) {
	return all[Authority](ctx, h, string(kind)+" authority", `SELECT `+authorityColumns+` FROM authorities
		WHERE kind = $1 AND retired_at IS NULL ORDER BY id DESC LIMIT 1`, string(kind))
}

// Trusted returns all authorities of the kind that have not expired, newest
// first, retired ones too.
func (a Authorities) Trusted(ctx context.Context, kind AuthorityKind) ([]Authority, error) {
	return all[Authority](ctx, a.handle, string(kind)+" authorities", `SELECT `+authorityColumns+` FROM authorities
		WHERE kind = $1 AND not_after > $2 ORDER BY id DESC`, string(kind), a.now())
}

// Key opens the authority's private key.
func (a Authorities) Key(ctx context.Context, id string) (Secret, error) {
	return a.unseal(ctx, "authority "+id, "authorities", "key", id)
}

// Retire stops the authority from signing.
func (a Authorities) Retire(ctx context.Context, id string) error {
	return a.touch(ctx, "authority "+id,
		`UPDATE authorities SET retired_at = coalesce(retired_at, $2) WHERE id = $1`, id, a.now())
}
