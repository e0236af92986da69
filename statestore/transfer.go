package statestore

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// Direction is the way that files go, seen from the client.
type Direction string

// The directions: send goes from client to cluster, receive comes back.
const (
	DirectionSend    Direction = "send"
	DirectionReceive Direction = "receive"
)

// TransferState is where a transfer is. Done, failed, cancelled and expired
// are final.
type TransferState string

// The states of a transfer.
const (
	TransferCreated   TransferState = "created"
	TransferRunning   TransferState = "running"
	TransferDone      TransferState = "done"
	TransferFailed    TransferState = "failed"
	TransferCancelled TransferState = "cancelled"
	TransferExpired   TransferState = "expired"
)

// Final tells whether nothing follows the state.
func (s TransferState) Final() bool { return s != TransferCreated && s != TransferRunning }

// Transfer is one job of one tenant. Its totals are those of its sessions as
// last recorded; the live picture is fleet's.
type Transfer struct {
	ID          string // made by NewID: its time decides the day it is stored under
	AccessKeyID string
	ClusterID   string
	Direction   Direction
	State       TransferState
	Name        string
	Paths       []string
	BasePath    string
	ClientKey   string // the client's Ed25519 public key, base64
	ClientAddr  string
	Limits      json.RawMessage
	Bytes       int64 // moved by all sessions
	Files       int64
	BytesTotal  int64 // as announced by the client; 0: unknown
	FilesTotal  int64
	Sessions    int
	Moved       int // sessions that continued one on another node
	ErrorText   string
	CreatedAt   time.Time
	StartedAt   *time.Time
	EndedAt     *time.Time
	ExpiresAt   *time.Time // a transfer still created then expires
	UpdatedAt   time.Time
}

// Transfers are the rows of Transfer and TransferSession.
type Transfers struct{ *handle }

const transferColumns = `id, access_key_id, cluster_id, direction, state, name, paths, base_path, client_key,
	client_addr, limits, bytes, files, bytes_total, files_total, sessions, moved, error_text,
	created_at, started_at, ended_at, expires_at, updated_at`

// Create stores a new transfer, in state created. ID may be empty; one given
// must be of NewID's form (ErrInvalid).
func (t Transfers) Create(ctx context.Context, r Transfer) (Transfer, error) {
	now := t.now()
	if r.ID == "" {
		r.ID = NewIDAt(now)
	}
	name := "transfer " + r.ID
	day, err := dayOf(r.ID)
	if err != nil {
		return Transfer{}, err
	}
	if err := t.days.ensure(ctx, t.handle, "transfers", day); err != nil {
		return Transfer{}, err
	}
	return one[Transfer](ctx, t.handle, name, `INSERT INTO transfers
		(day, id, access_key_id, cluster_id, direction, state, name, paths, base_path, client_key, client_addr,
		 limits, bytes_total, files_total, created_at, expires_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, 'created', $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $14) RETURNING `+transferColumns,
		day, r.ID, r.AccessKeyID, r.ClusterID, string(r.Direction), r.Name, strs(r.Paths), r.BasePath,
		r.ClientKey, r.ClientAddr, orObject(r.Limits), r.BytesTotal, r.FilesTotal, now, r.ExpiresAt)
}

// Transition moves a transfer from one of the states to another by
// compare-and-set; StartedAt and EndedAt follow. change, which may be nil,
// sets Name, ClientAddr, BytesTotal, FilesTotal, ErrorText and ExpiresAt in
// the same write; it sees the row, and other fields that it sets are ignored.
// A StateError (ErrState) names the state found. Final states stay.
func (t Transfers) Transition(ctx context.Context, id string, from []TransferState, to TransferState, change func(*Transfer)) (Transfer, error) {
	day, err := dayOf(id)
	if err != nil {
		return Transfer{}, err
	}
	name := "transfer " + id
	var out Transfer
	err = t.tx(ctx, func(h *handle) error {
		r, err := lockTransfer(ctx, h, day, id)
		if err != nil {
			return err
		}
		if !slices.Contains(from, r.State) || r.State.Final() && to != r.State {
			return &StateError{Object: name, Found: string(r.State), Wanted: strs(from)}
		}
		if change != nil {
			change(&r)
		}
		now := h.now()
		out, err = one[Transfer](ctx, h, name, `UPDATE transfers SET state = @to, name = @name,
			client_addr = @client_addr, bytes_total = @bytes_total, files_total = @files_total,
			error_text = @error_text, expires_at = @expires_at, updated_at = @now,
			started_at = CASE WHEN @to = 'running' THEN coalesce(started_at, @now) ELSE started_at END,
			ended_at = CASE WHEN @final THEN coalesce(ended_at, @now) ELSE NULL END
			WHERE day = @day AND id = @id RETURNING `+transferColumns, pgx.NamedArgs{
			"to": string(to), "name": r.Name, "client_addr": r.ClientAddr, "bytes_total": r.BytesTotal,
			"files_total": r.FilesTotal, "error_text": r.ErrorText, "expires_at": r.ExpiresAt,
			"now": now, "final": to.Final(), "day": day, "id": id,
		})
		return err
	})
	return out, err
}

func lockTransfer(ctx context.Context, h *handle, day time.Time, id string) (Transfer, error) {
	return one[Transfer](ctx, h, "transfer "+id,
		`SELECT `+transferColumns+` FROM transfers WHERE day = $1 AND id = $2 FOR NO KEY UPDATE`, day, id)
}

// Expire moves transfers that were created and never started in time to
// expired, and returns them.
func (t Transfers) Expire(ctx context.Context) ([]Transfer, error) {
	return all[Transfer](ctx, t.handle, "transfers", `UPDATE transfers
		SET state = 'expired', ended_at = $1, updated_at = $1
		WHERE state = 'created' AND expires_at <= $1 RETURNING `+transferColumns, t.now())
}

// Get returns the transfer with the id.
func (t Transfers) Get(ctx context.Context, id string) (Transfer, error) {
	day, err := dayOf(id)
	if err != nil {
		return Transfer{}, fault(pgx.ErrNoRows, "transfer "+id)
	}
	return one[Transfer](ctx, t.handle, "transfer "+id,
		`SELECT `+transferColumns+` FROM transfers WHERE day = $1 AND id = $2`, day, id)
}

// TransferFilter narrows Transfers.List; zero fields match everything.
type TransferFilter struct {
	AccessKeyID string
	ClusterID   string
	NodeID      string // with a session on the node
	Direction   Direction
	States      []TransferState
	From, To    time.Time // created within [From, To)
}

// List pages through transfers, newest first.
func (t Transfers) List(ctx context.Context, f TransferFilter, p Page) (List[Transfer], error) {
	after, err := p.after("transfers")
	if err != nil {
		return List[Transfer]{}, err
	}
	var day *time.Time
	if after != "" {
		d, err := dayOf(after)
		if err != nil {
			return List[Transfer]{}, err
		}
		day = &d
	}
	// Ordering by day first lets Postgres read the newest partition and stop.
	rows, err := all[Transfer](ctx, t.handle, "transfers", `SELECT `+transferColumns+` FROM transfers t
		WHERE ($1::date IS NULL OR (day <= $1 AND (day, id) < ($1, $2)))
		  AND ($3 = '' OR access_key_id = $3) AND ($4 = '' OR cluster_id = $4) AND ($5 = '' OR direction = $5)
		  AND (cardinality($6::text[]) = 0 OR state = ANY($6))
		  AND ($7::timestamptz IS NULL OR created_at >= $7) AND ($8::timestamptz IS NULL OR created_at < $8)
		  AND ($9 = '' OR EXISTS (SELECT FROM transfer_sessions s
		       WHERE s.day = t.day AND s.transfer_id = t.id AND s.node_id = $9))
		ORDER BY day DESC, id DESC LIMIT $10`, day, after, f.AccessKeyID, f.ClusterID, string(f.Direction),
		strs(f.States), orNull(f.From), orNull(f.To), f.NodeID, p.limit()+1)
	return paged("transfers", rows, p.limit(), func(r Transfer) string { return r.ID }), err
}

// Open returns the transfers that are created or running, oldest first, up to
// limit (0: 1000).
func (t Transfers) Open(ctx context.Context, limit int) ([]Transfer, error) {
	if limit <= 0 {
		limit = maxLimit
	}
	return all[Transfer](ctx, t.handle, "transfers", `SELECT `+transferColumns+` FROM transfers
		WHERE state IN ('created', 'running') ORDER BY id LIMIT $1`, limit)
}

// dayOf is the partition of a transfer.
func dayOf(id string) (time.Time, error) {
	at, err := IDTime(id)
	return day(at), err
}
