package statestore

import (
	"context"
	"encoding/json"
	"time"
)

// AuditEntry says who changed what. Rows are never changed.
type AuditEntry struct {
	ID        string
	At        time.Time
	Actor     string // "user:NAME", "user:NAME token:NAME", "key:ID", "system"
	Action    string // "create", "update", "drain", …
	Object    string // "cluster", "node", …
	ObjectID  string
	Before    json.RawMessage // nil for a creation; without secrets
	After     json.RawMessage // nil for a deletion; without secrets
	RequestID string
	Address   string
	Version   *int64 // of the object, that the change made; nil where it has none
}

// Audit is the list of AuditEntry.
type Audit struct{ *handle }

const auditColumns = "id, at, actor, action, object, object_id, before, after, request_id, address, version"

// Append writes an entry; ID and At are set. Call it in the transaction of the
// change.
func (a Audit) Append(ctx context.Context, e AuditEntry) error {
	now := a.now()
	_, err := a.exec(ctx, "audit entry", `INSERT INTO audit (`+auditColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		NewIDAt(now), now, e.Actor, e.Action, e.Object, e.ObjectID, e.Before, e.After, e.RequestID, e.Address, e.Version)
	return err
}

// AuditFilter narrows Audit.List; zero fields match everything.
type AuditFilter struct {
	Actor, Action, Object, ObjectID string    // a user's entries are those of the user's tokens too
	Query                           string    // in actor, action, object, id, before or after, without regard to case
	From, To                        time.Time // [From, To)
	Since                           int64     // only changes that made a version above it
}

// List pages through entries, newest first.
func (a Audit) List(ctx context.Context, f AuditFilter, p Page) (List[AuditEntry], error) {
	after, err := p.after("audit")
	if err != nil {
		return List[AuditEntry]{}, err
	}
	rows, err := all[AuditEntry](ctx, a.handle, "audit", `SELECT `+auditColumns+` FROM audit
		WHERE ($1 = '' OR id < $1) AND ($2 = '' OR actor = $2 OR starts_with(actor, $2 || ' token:') OR starts_with($2, 'token:') AND right(actor, length($2) + 1) = ' ' || $2) AND ($3 = '' OR object = $3)
		  AND ($4 = '' OR object_id = $4) AND ($5::timestamptz IS NULL OR at >= $5) AND ($6::timestamptz IS NULL OR at < $6)
		  AND ($7 = '' OR action = $7) AND ($8 = 0 OR version > $8)
		  AND ($9 = '' OR position(lower($9) IN lower(concat_ws(' ', actor, action, object, object_id, before::text, after::text))) > 0)
		ORDER BY id DESC LIMIT $10`,
		after, f.Actor, f.Object, f.ObjectID, orNull(f.From), orNull(f.To), f.Action, f.Since, f.Query, p.limit()+1)
	return paged("audit", rows, p.limit(), func(e AuditEntry) string { return e.ID }), err
}

// Deleted returns the newest deletion of an object of a kind that had this id or
// name; ErrNotFound when the audit knows of none.
func (a Audit) Deleted(ctx context.Context, object, name string) (AuditEntry, error) {
	rows, err := all[AuditEntry](ctx, a.handle, "audit", `SELECT `+auditColumns+` FROM audit
		WHERE object = $1 AND action = 'delete' AND (object_id = $2 OR before ->> 'name' = $2)
		ORDER BY id DESC LIMIT 1`, object, name)
	if err == nil && len(rows) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return AuditEntry{}, err
	}
	return rows[0], nil
}

// Forget deletes entries older than the time: the operator's retention.
func (a Audit) Forget(ctx context.Context, before time.Time) (int64, error) {
	return a.exec(ctx, "old audit entries", `DELETE FROM audit WHERE at < $1`, before)
}
