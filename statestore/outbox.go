package statestore

import (
	"context"
	"time"
)

// OutboxEvent is an event that a manager made, waiting to be relayed.
type OutboxEvent struct {
	Seq       int64
	ID        string // idempotency key
	Subject   string
	Payload   []byte
	CreatedAt time.Time
}

// Outbox holds events that were written in the transaction of the change they
// tell of. One relay, the leader's, publishes them at least once and in order:
// an event that was made after another one was committed never overtakes it.
type Outbox struct{ *handle }

// Append adds an event; id may be empty. Call it in the change's transaction.
func (o Outbox) Append(ctx context.Context, id, subject string, payload []byte) error {
	now := o.now()
	if id == "" {
		id = NewIDAt(now)
	}
	if payload == nil {
		payload = []byte{}
	}
	_, err := o.exec(ctx, "outbox event",
		`INSERT INTO outbox (id, subject, payload, created_at) VALUES ($1, $2, $3, $4)`, id, subject, payload, now)
	return err
}

// Pending returns events not yet sent, in order, up to limit.
func (o Outbox) Pending(ctx context.Context, limit int) ([]OutboxEvent, error) {
	return all[OutboxEvent](ctx, o.handle, "outbox", `SELECT seq, id, subject, payload, created_at FROM outbox
		WHERE sent_at IS NULL ORDER BY seq LIMIT $1`, Page{Limit: limit}.limit())
}

// MarkSent notes that events were acknowledged by the journal.
func (o Outbox) MarkSent(ctx context.Context, seqs []int64) error {
	_, err := o.exec(ctx, "outbox", `UPDATE outbox SET sent_at = $2 WHERE seq = ANY($1) AND sent_at IS NULL`, seqs, o.now())
	return err
}

// Forget deletes events sent before the time.
func (o Outbox) Forget(ctx context.Context, before time.Time) (int64, error) {
	return o.exec(ctx, "old outbox events", `DELETE FROM outbox WHERE sent_at < $1`, before)
}
