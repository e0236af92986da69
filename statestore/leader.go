package statestore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Term counts elections. It is the fencing token of every leader's write: a
// term that is no longer the current one writes nothing.
type Term int64

const leaderName = "manager"

// fenced runs f in a transaction that commits only under the current term.
//
// The leader row carries a unique key (name, term). A fenced transaction holds
// it FOR KEY SHARE until it commits: an election, which changes the key, waits
// for that; a renewal, which only moves the expiry, does not. So either the
// write is committed before the next leader is elected, or it sees the new
// term and fails; no check-then-write gap remains. What a frozen manager holds
// open is ended by idle_in_transaction_session_timeout (store.go).
func (h *handle) fenced(ctx context.Context, term Term, f func(*handle) error) error {
	return h.tx(ctx, func(h *handle) error {
		var one int
		err := h.q.QueryRow(ctx, `SELECT 1 FROM leader WHERE name = $1 AND term = $2 FOR KEY SHARE`,
			leaderName, int64(term)).Scan(&one)
		if errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("term %d: %w", term, ErrFenced)
		}
		if err != nil {
			return fault(err, "leader")
		}
		return f(h)
	})
}

// Lease is the row of the leader.
type Lease struct {
	Term      Term
	Holder    string
	ElectedAt time.Time
	ExpiresAt time.Time
}

// Lease returns the newest lease, which may have expired; ErrNotFound before
// the first election.
func (s *Store) Lease(ctx context.Context) (Lease, error) {
	return one[Lease](ctx, s.h, "leader",
		`SELECT term, holder, elected_at, expires_at FROM leader WHERE name = $1`, leaderName)
}

// elect takes the lease when it is free or expired. at nil means the
// database's clock, the one clock that all managers share.
func (h *handle) elect(ctx context.Context, holder string, ttl time.Duration, at *time.Time) (Term, bool, error) {
	rows, err := all[struct{ Term Term }](ctx, h, "leader", `
		WITH t AS (SELECT coalesce($4::timestamptz, clock_timestamp()) AS now)
		INSERT INTO leader (name, term, holder, elected_at, expires_at)
		SELECT $1, 1, $2, t.now, t.now + $3::interval FROM t
		ON CONFLICT (name) DO UPDATE SET term = leader.term + 1, holder = excluded.holder,
		  elected_at = excluded.elected_at, expires_at = excluded.expires_at
		  WHERE leader.expires_at <= excluded.elected_at
		RETURNING term`, leaderName, holder, ttl, at)
	if err != nil || len(rows) == 0 {
		return 0, false, err
	}
	return rows[0].Term, true, nil
}

// renew moves the expiry of a lease that is still held.
func (h *handle) renew(ctx context.Context, holder string, term Term, ttl time.Duration, at *time.Time) (bool, error) {
	n, err := h.exec(ctx, "leader", `UPDATE leader
		SET expires_at = coalesce($5::timestamptz, clock_timestamp()) + $4::interval
		WHERE name = $1 AND holder = $2 AND term = $3
		  AND expires_at > coalesce($5::timestamptz, clock_timestamp())`, leaderName, holder, int64(term), ttl, at)
	return n == 1, err
}

// resign frees a lease that is still held; the term stays, and with it the
// fence, until the next election.
func (h *handle) resign(ctx context.Context, holder string, term Term, at *time.Time) error {
	_, err := h.exec(ctx, "leader", `UPDATE leader SET expires_at = coalesce($4::timestamptz, clock_timestamp())
		WHERE name = $1 AND holder = $2 AND term = $3`, leaderName, holder, int64(term), at)
	return err
}
