package statestore

import (
	"context"
	"time"
)

// TransferSession is a client and a node at work on a transfer.
type TransferSession struct {
	ID         string // unique within the transfer
	TransferID string
	NodeID     string
	// Lane is the stripe that the session serves: sessions of one lane follow
	// one another, lanes run side by side. 0 where nothing is striped.
	Lane       int
	StartedAt  time.Time
	EndedAt    *time.Time
	EndReason  string // "done", "moved", "node lost", …
	ErrorText  string
	Bytes      int64 // final or latest total, not an increment
	Files      int64
	ClientAddr string
}

const sessionColumns = `id, transfer_id, node_id, lane, started_at, ended_at, end_reason, error_text,
	bytes, files, client_addr`

// RecordSession stores what is known of a session and brings its transfer's
// totals up to date; a created transfer is running from then on. It is
// idempotent and takes events in any order: totals only grow, an end stays.
// ErrNotFound: no such transfer.
func (t Transfers) RecordSession(ctx context.Context, s TransferSession) error {
	day, err := dayOf(s.TransferID)
	if err != nil {
		return err
	}
	if err := t.days.ensure(ctx, t.handle, "transfer_sessions", day); err != nil {
		return err
	}
	name := "session of transfer " + s.TransferID
	return t.tx(ctx, func(h *handle) error {
		if _, err := lockTransfer(ctx, h, day, s.TransferID); err != nil {
			return err
		}
		if _, err := h.exec(ctx, name, `INSERT INTO transfer_sessions (day, `+sessionColumns+`)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
			ON CONFLICT (day, transfer_id, id) DO UPDATE SET
			  started_at = least(transfer_sessions.started_at, excluded.started_at),
			  ended_at = coalesce(transfer_sessions.ended_at, excluded.ended_at),
			  end_reason = CASE WHEN transfer_sessions.ended_at IS NULL THEN excluded.end_reason ELSE transfer_sessions.end_reason END,
			  error_text = CASE WHEN transfer_sessions.ended_at IS NULL THEN excluded.error_text ELSE transfer_sessions.error_text END,
			  bytes = greatest(transfer_sessions.bytes, excluded.bytes),
			  files = greatest(transfer_sessions.files, excluded.files),
			  client_addr = coalesce(nullif(excluded.client_addr, ''), transfer_sessions.client_addr)`,
			day, s.ID, s.TransferID, s.NodeID, s.Lane, s.StartedAt, s.EndedAt, s.EndReason, s.ErrorText,
			s.Bytes, s.Files, s.ClientAddr); err != nil {
			return err
		}
		return h.touch(ctx, name, `
			WITH seen AS (
			  SELECT *, lag(node_id) OVER (PARTITION BY lane ORDER BY started_at, id) AS before
			  FROM transfer_sessions WHERE day = $1 AND transfer_id = $2
			), sums AS (
			  SELECT count(*) AS sessions, sum(bytes) AS bytes, sum(files) AS files, min(started_at) AS started_at,
			         count(*) FILTER (WHERE before <> node_id) AS moved,
			         max(client_addr) AS client_addr FROM seen
			)
			UPDATE transfers t SET sessions = sums.sessions, bytes = sums.bytes, files = sums.files, moved = sums.moved,
			  started_at = least(t.started_at, sums.started_at), updated_at = $3,
			  client_addr = coalesce(nullif(t.client_addr, ''), sums.client_addr),
			  state = CASE WHEN t.state = 'created' THEN 'running' ELSE t.state END
			FROM sums WHERE t.day = $1 AND t.id = $2`, day, s.TransferID, h.now())
	})
}

// Sessions returns a transfer's sessions in the order they started.
func (t Transfers) Sessions(ctx context.Context, transferID string) ([]TransferSession, error) {
	day, err := dayOf(transferID)
	if err != nil {
		return nil, err
	}
	return all[TransferSession](ctx, t.handle, "sessions of transfer "+transferID,
		`SELECT `+sessionColumns+` FROM transfer_sessions WHERE day = $1 AND transfer_id = $2 ORDER BY started_at, id`,
		day, transferID)
}

// OpenSessions returns the sessions on a node that have not ended, as far as
// recorded: what ends with the node when it is lost.
func (t Transfers) OpenSessions(ctx context.Context, nodeID string) ([]TransferSession, error) {
	return all[TransferSession](ctx, t.handle, "sessions of node "+nodeID,
		`SELECT `+sessionColumns+` FROM transfer_sessions WHERE node_id = $1 AND ended_at IS NULL ORDER BY started_at, id`,
		nodeID)
}

// SessionEnds pages through the ends of all sessions after since, oldest
// first, up to limit: evidence for reports.
func (t Transfers) SessionEnds(ctx context.Context, since time.Time, limit int) ([]TransferSession, error) {
	return all[TransferSession](ctx, t.handle, "session ends", `SELECT `+sessionColumns+` FROM transfer_sessions
		WHERE ended_at > $1 ORDER BY ended_at, id LIMIT $2`, since, Page{Limit: limit}.limit())
}
