package statestore

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"

	"github.com/jackc/pgx/v5"
	"golang.org/x/crypto/chacha20poly1305"
)

// A sealed secret is
//
//	1 byte   form, 1
//	4 bytes  id of the master key
//	24 bytes random nonce
//	n + 16   XChaCha20-Poly1305 of the secret
//
// with table, column and row id as associated data: a ciphertext that is
// copied to another place does not open there. The long nonce may be random
// without end, which AES-GCM's 12 bytes may not.
const (
	sealForm   = 1
	sealHeader = 1 + 4
)

// Sealer seals secrets with the newest master key and opens those of all it
// was given.
type Sealer struct {
	newest string
	aeads  map[string]cipher.AEAD // by key id
}

// NewSealer seals with key; old ones are kept for opening.
func NewSealer(key MasterKey, old ...MasterKey) (*Sealer, error) {
	s := &Sealer{newest: string(key.id()), aeads: map[string]cipher.AEAD{}}
	for _, k := range append([]MasterKey{key}, old...) {
		aead, err := chacha20poly1305.NewX(k.bytes)
		if err != nil {
			return nil, fmt.Errorf("master key: %w", err)
		}
		s.aeads[string(k.id())] = aead
	}
	return s, nil
}

// Seal encrypts the secret for its place: table, column and row id.
func (s *Sealer) Seal(secret Secret, table, column, row string) []byte {
	aead := s.aeads[s.newest]
	out := make([]byte, sealHeader+aead.NonceSize(), sealHeader+aead.NonceSize()+len(secret)+aead.Overhead())
	out[0] = sealForm
	copy(out[1:], s.newest)
	nonce := out[sealHeader:]
	if _, err := rand.Read(nonce); err != nil {
		panic("no randomness: " + err.Error()) // the runtime itself ends here since Go 1.24
	}
	return aead.Seal(out, nonce, secret, place(table, column, row))
}

// Open decrypts what Seal made for the same place, or fails with ErrUnsealed.
func (s *Sealer) Open(sealed []byte, table, column, row string) (Secret, error) {
	name := table + "." + column + " of " + row
	if len(sealed) < sealHeader+chacha20poly1305.NonceSizeX+chacha20poly1305.Overhead || sealed[0] != sealForm {
		return nil, fmt.Errorf("%s: not a sealed secret: %w", name, ErrUnsealed)
	}
	id := string(sealed[1:sealHeader])
	aead, ok := s.aeads[id]
	if !ok {
		return nil, fmt.Errorf("%s: sealed with master key %s, which was not given (%s was): %w",
			name, hex.EncodeToString([]byte(id)), hex.EncodeToString([]byte(s.newest)), ErrUnsealed)
	}
	nonce, text := sealed[sealHeader:sealHeader+aead.NonceSize()], sealed[sealHeader+aead.NonceSize():]
	out, err := aead.Open(nil, nonce, text, place(table, column, row))
	if err != nil {
		return nil, fmt.Errorf("%s: altered, or not sealed for this place: %w", name, ErrUnsealed)
	}
	return out, nil
}

// place is unambiguous: none of the parts holds a NUL, as Postgres' text cannot.
func place(table, column, row string) []byte {
	return []byte(table + "\x00" + column + "\x00" + row)
}

// SealText seals what leaves the store for a while, such as in a cookie, for a
// purpose; OpenText opens it for the same one alone.
func (t *Tables) SealText(secret Secret, purpose string) string {
	return base64.RawURLEncoding.EncodeToString(t.h.sealer.Seal(secret, "", "", purpose))
}

// OpenText opens what SealText made, or fails with ErrUnsealed.
func (t *Tables) OpenText(sealed, purpose string) (Secret, error) {
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return nil, fmt.Errorf("%s: not a sealed secret: %w", purpose, ErrUnsealed)
	}
	return t.h.sealer.Open(raw, "", "", purpose)
}

// sealOptional seals what is there; nothing stays NULL.
func (h *handle) sealOptional(secret Secret, table, column, row string) []byte {
	if len(secret) == 0 {
		return nil
	}
	return h.sealer.Seal(secret, table, column, row)
}

// unseal reads and opens one sealed column of the row with the id; NULL is nil.
func (h *handle) unseal(ctx context.Context, object, table, column, id string) (Secret, error) {
	var sealed []byte
	sql := `SELECT ` + pgx.Identifier{column}.Sanitize() + ` FROM ` + pgx.Identifier{table}.Sanitize() + ` WHERE id = $1`
	if err := h.q.QueryRow(ctx, sql, id).Scan(&sealed); err != nil {
		return nil, fault(err, object)
	}
	if sealed == nil {
		return nil, nil
	}
	return h.sealer.Open(sealed, table, column, id)
}
