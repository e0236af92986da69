package statestore

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// Idempotency remembers, for a day, what was answered to requests that carried a key of their sender's choice, so that
// one that is repeated is not carried out again. Its promise is at most once:
//
//	claimed ──▶ changed ──▶ answered
//	   │ refused, or its manager died before the change
//	   ▼
//	 free
//
// The note that something was changed is written in the transaction of the change, by the holder of the claim alone.
// So a claim whose holder died can be taken over exactly when nothing was changed, and a holder that wakes up after its
// claim was taken over changes nothing.
type Idempotency struct{ *handle }

// Claim is the right to carry out the request of a key.
type Claim struct {
	id    []byte
	claim string
}

// Answered is what became of a request with the same key before.
type Answered struct {
	// Answer is nil while the request is carried out, or when its answer was lost.
	Answer *Answer
	// Object and ObjectID name what was changed; empty when nothing was yet.
	Object, ObjectID string
}

// Answer is what was answered to a request. It may hold a secret and is stored sealed.
type Answer struct {
	Status  int                 `json:"status"`
	Headers map[string][]string `json:"headers"`
	Body    []byte              `json:"body"`
}

const (
	// idempotencyKept is how long an answer can be asked for again.
	idempotencyKept = 24 * time.Hour
	// claimTrust is how long a holder is believed to be at work: longer than any request may take.
	claimTrust = 2 * time.Minute
)

type idempotencyRow struct {
	Request   []byte
	Claim     string
	ClaimedAt time.Time
	ExpiresAt time.Time
	Object    string
	ObjectID  string
	Answer    []byte
}

// Claim takes the key, which is the sender's and his alone, for a request with the given hash. It returns the claim, or
// what became of the request before (then the claim is nil). ErrConflict: the key was used for another request.
func (i Idempotency) Claim(ctx context.Context, sender, key string, request []byte) (*Claim, Answered, error) {
	id := hashToken(Secret(sender + "\x00" + key))
	var claim *Claim
	var before Answered
	err := i.tx(ctx, func(h *handle) error {
		now := h.now()
		if _, err := h.exec(ctx, "idempotency key", `DELETE FROM idempotency_keys WHERE id = $1 AND expires_at <= $2`, id, now); err != nil {
			return err
		}
		c := NewIDAt(now)
		n, err := h.exec(ctx, "idempotency key", `INSERT INTO idempotency_keys (id, request, claim, claimed_at, expires_at)
			VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING`, id, request, c, now, now.Add(idempotencyKept))
		if err != nil {
			return err
		}
		if n == 1 {
			claim = &Claim{id: id, claim: c}
			return nil
		}
		row, err := one[idempotencyRow](ctx, h, "idempotency key", `SELECT request, claim, claimed_at, expires_at, object, object_id, answer
			FROM idempotency_keys WHERE id = $1 FOR UPDATE`, id)
		if err != nil {
			return err
		}
		switch {
		case string(row.Request) != string(request):
			return fmt.Errorf("idempotency key: %w: it was used for another request", ErrConflict)
		case row.Answer != nil:
			before.Answer, err = Idempotency{h}.open(row.Answer, id)
			return err
		case row.Object == "" && now.Sub(row.ClaimedAt) > claimTrust:
			claim = &Claim{id: id, claim: c}
			return h.touch(ctx, "idempotency key", `UPDATE idempotency_keys SET claim = $2, claimed_at = $3 WHERE id = $1`, id, c, now)
		}
		before.Object, before.ObjectID = row.Object, row.ObjectID
		return nil
	})
	return claim, before, err
}

// Changed notes, in the transaction of a change, that the request of the claim made it. ErrStale: the claim was taken
// over; the change must not be made.
func (i Idempotency) Changed(ctx context.Context, c *Claim, object, id string) error {
	n, err := i.exec(ctx, "idempotency key", `UPDATE idempotency_keys SET object = $3, object_id = $4 WHERE id = $1 AND claim = $2`,
		c.id, c.claim, object, id)
	if err == nil && n == 0 {
		err = fmt.Errorf("idempotency key: %w", ErrStale)
	}
	return err
}

// Answer stores what was answered.
func (i Idempotency) Answer(ctx context.Context, c *Claim, a Answer) error {
	raw, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("idempotency key: %w", err)
	}
	return i.touch(ctx, "idempotency key", `UPDATE idempotency_keys SET answer = $3 WHERE id = $1 AND claim = $2`,
		c.id, c.claim, i.sealer.Seal(raw, "idempotency_keys", "answer", hex.EncodeToString(c.id)))
}

// Free gives the key back, unless something was changed under it: a request that was refused may be mended and sent
// again.
func (i Idempotency) Free(ctx context.Context, c *Claim) error {
	_, err := i.exec(ctx, "idempotency key", `DELETE FROM idempotency_keys WHERE id = $1 AND claim = $2 AND object = ''`, c.id, c.claim)
	return err
}

func (i Idempotency) open(sealed, id []byte) (*Answer, error) {
	raw, err := i.sealer.Open(sealed, "idempotency_keys", "answer", hex.EncodeToString(id))
	if err != nil {
		return nil, err
	}
	var a Answer
	if err := json.Unmarshal(raw, &a); err != nil {
		return nil, fmt.Errorf("idempotency key: %w", err)
	}
	return &a, nil
}

// Forget deletes what expired before the time.
func (i Idempotency) Forget(ctx context.Context, before time.Time) (int64, error) {
	return i.exec(ctx, "old idempotency keys", `DELETE FROM idempotency_keys WHERE expires_at < $1`, before)
}
