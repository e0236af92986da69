package statestore

import (
	"context"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// querier is what pool and transaction have in common.
type querier interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Begin(ctx context.Context) (pgx.Tx, error)
}

// handle is what every noun works with.
type handle struct {
	q      querier
	sealer *Sealer
	clock  func() time.Time
	days   *days
	inTx   bool
}

// now is the injected time in the resolution that Postgres keeps, so that what
// is written equals what is read back.
func (h *handle) now() time.Time { return h.clock().UTC().Truncate(time.Microsecond) }

// Tables holds every noun over one source of connections.
type Tables struct {
	AccessKeys     AccessKeys
	APITokens      APITokens
	Audit          Audit
	Authorities    Authorities
	Certificates   Certificates
	Clusters       Clusters
	Conditions     Conditions
	Configurations Configurations
	Consoles       Consoles
	Decisions      Decisions
	Deliveries     Deliveries
	Forecasts      Forecasts
	Idempotency    Idempotency
	JoinTokens     JoinTokens
	Journal        Journal
	Loads          Loads
	Logins         Logins
	Nodes          Nodes
	Notifications  Notifications
	Outbox         Outbox
	Policies       Policies
	Rollouts       Rollouts
	Settings       Settings
	SetupTokens    SetupTokens
	SignIn         SignInProviders
	SigningKeys    SigningKeys
	Templates      Templates
	Transfers      Transfers
	Users          Users

	// ClusterCertificates are those that nodes show by name; Certificates their own.
	ClusterCertificates ClusterCertificates

	h *handle
}

func newTables(h *handle) *Tables {
	return &Tables{
		AccessKeys: AccessKeys{h}, APITokens: APITokens{h}, Audit: Audit{h},
		Authorities: Authorities{h}, Certificates: Certificates{h}, Clusters: Clusters{h}, ClusterCertificates: ClusterCertificates{h},
		Configurations: Configurations{h}, Consoles: Consoles{h}, Deliveries: Deliveries{h}, Notifications: Notifications{h},
		Conditions: Conditions{h}, Decisions: Decisions{h}, Forecasts: Forecasts{h},
		Idempotency: Idempotency{h}, JoinTokens: JoinTokens{h}, Loads: Loads{h},
		Journal: Journal{h}, Logins: Logins{h}, Nodes: Nodes{h}, Outbox: Outbox{h},
		Policies: Policies{h}, Rollouts: Rollouts{h}, Settings: Settings{h}, SetupTokens: SetupTokens{h}, SignIn: SignInProviders{h},
		SigningKeys: SigningKeys{h}, Templates: Templates{h}, Transfers: Transfers{h},
		Users: Users{h}, h: h,
	}
}

// tx runs f in a transaction, or in a savepoint when the handle is in one
// already. It commits when f returns nil.
func (h *handle) tx(ctx context.Context, f func(*handle) error) error {
	tx, err := h.q.Begin(ctx)
	if err != nil {
		return fault(err, "transaction")
	}
	inner := *h
	inner.q, inner.inTx = tx, true
	if err := f(&inner); err != nil {
		rollback(ctx, tx)
		return err
	}
	return fault(tx.Commit(ctx), "transaction")
}

// rollback works also when ctx has ended: a connection must not go back to
// the pool in the middle of a transaction.
func rollback(ctx context.Context, tx pgx.Tx) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = tx.Rollback(ctx) // the cause is reported; a dead connection is dropped by the pool
}

// Now is the store's clock: the time that rows are written with.
func (t *Tables) Now() time.Time { return t.h.now() }

// one reads exactly one row into T by column names.
func one[T any](ctx context.Context, h *handle, object, sql string, args ...any) (T, error) {
	rows, err := h.q.Query(ctx, sql, args...)
	if err != nil {
		var zero T
		return zero, fault(err, object)
	}
	v, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[T])
	return v, fault(err, object)
}

// first makes the first row of its kind, unless one that is there already was
// faster: that one is returned, with made false. lock names the kind.
func first[T any](ctx context.Context, h *handle, lock string, there func(*handle) ([]T, error), create func(*handle) (T, error)) (out T, made bool, err error) {
	err = h.tx(ctx, func(h *handle) error {
		if err := h.lock(ctx, lock); err != nil {
			return err
		}
		rows, err := there(h)
		if err != nil {
			return err
		}
		if len(rows) > 0 {
			out = rows[0]
			return nil
		}
		made = true
		out, err = create(h)
		return err
	})
	return out, made, err
}

// all reads all rows into T by column names. The slice is never nil.
func all[T any](ctx context.Context, h *handle, object, sql string, args ...any) ([]T, error) {
	rows, err := h.q.Query(ctx, sql, args...)
	if err != nil {
		return nil, fault(err, object)
	}
	v, err := pgx.CollectRows(rows, pgx.RowToStructByName[T])
	if v == nil {
		v = []T{}
	}
	return v, fault(err, object)
}

// exec runs a statement and returns how many rows it touched.
func (h *handle) exec(ctx context.Context, object, sql string, args ...any) (int64, error) {
	tag, err := h.q.Exec(ctx, sql, args...)
	return tag.RowsAffected(), fault(err, object)
}

// touch runs a statement that must touch a row, or fails with ErrNotFound.
func (h *handle) touch(ctx context.Context, object, sql string, args ...any) error {
	n, err := h.exec(ctx, object, sql, args...)
	if err == nil && n == 0 {
		err = fault(pgx.ErrNoRows, object)
	}
	return err
}

// orObject gives columns that are NOT NULL an empty object for nothing.
func orObject(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage("{}")
	}
	return raw
}

func strs[T ~string](in []T) []string {
	out := make([]string, len(in))
	for i, v := range in {
		out[i] = string(v)
	}
	return out
}

func containsFold(s, part string) bool {
	return strings.Contains(strings.ToLower(s), strings.ToLower(part))
}

// validText tells what Postgres takes as text.
func validText(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }
