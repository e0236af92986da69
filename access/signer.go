package access

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"github.com/godwit/godwit/access/token"
	"github.com/godwit/godwit/statestore"
)

const (
	algorithm = "EdDSA"
	// signerAge is how long a manager signs with the key it knows before it looks again: another manager may have
	// rotated.
	signerAge = 30 * time.Second
)

// Signer signs transfer tokens. It is safe for concurrent use.
type Signer struct {
	store *statestore.Store
	now   func() time.Time

	mu   sync.Mutex
	id   string
	key  ed25519.PrivateKey
	read time.Time
}

// NewSigner returns a signer on the store's keys. Prepare makes the first.
func NewSigner(store *statestore.Store, now func() time.Time) *Signer {
	return &Signer{store: store, now: now}
}

// Prepare makes the first signing key if there is none.
func (s *Signer) Prepare(ctx context.Context) error {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("signing key: %w", err)
	}
	_, _, err = s.store.SigningKeys.CreateFirst(ctx, statestore.SigningKey{Algorithm: algorithm, PublicKey: public}, statestore.Secret(private.Seed()))
	return err
}

// Rotate makes a new signing key and retires the one before, whose tokens are accepted for as long as one can last.
// Call it in a transaction, with the tables of which it is given.
func (s *Signer) Rotate(ctx context.Context, tx *statestore.Tables) (statestore.SigningKey, error) {
	old, err := tx.SigningKeys.Active(ctx)
	if err != nil {
		return statestore.SigningKey{}, err
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return statestore.SigningKey{}, fmt.Errorf("signing key: %w", err)
	}
	row, err := tx.SigningKeys.Create(ctx, statestore.SigningKey{Algorithm: algorithm, PublicKey: public}, statestore.Secret(private.Seed()))
	if err != nil {
		return statestore.SigningKey{}, err
	}
	return row, tx.SigningKeys.Retire(ctx, old.ID, MaxLifetime+signerAge)
}

// Keys are those whose tokens are valid now.
func (s *Signer) Keys(ctx context.Context) (token.Keys, error) {
	rows, err := s.store.SigningKeys.Accepted(ctx)
	if err != nil {
		return nil, err
	}
	keys := make(token.Keys, len(rows))
	for _, r := range rows {
		keys[r.ID] = ed25519.PublicKey(r.PublicKey)
	}
	return keys, nil
}

// Sign makes a token with the active key.
func (s *Signer) Sign(ctx context.Context, c token.Claims) (string, error) {
	id, key, err := s.active(ctx)
	if err != nil {
		return "", err
	}
	return token.Sign(id, key, c)
}

func (s *Signer) active(ctx context.Context) (string, ed25519.PrivateKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.key != nil && s.now().Sub(s.read) < signerAge {
		return s.id, s.key, nil
	}
	row, err := s.store.SigningKeys.Active(ctx)
	if err != nil {
		return "", nil, err
	}
	if row.ID != s.id || s.key == nil {
		seed, err := s.store.SigningKeys.Key(ctx, row.ID)
		if err != nil {
			return "", nil, err
		}
		if len(seed) != ed25519.SeedSize {
			return "", nil, fmt.Errorf("signing key %s has %d bytes, not %d", row.ID, len(seed), ed25519.SeedSize)
		}
		s.id, s.key = row.ID, ed25519.NewKeyFromSeed(seed)
	}
	s.read = s.now()
	return s.id, s.key, nil
}
