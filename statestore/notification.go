package statestore

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Notification is where news of conditions is sent. Its secret (the key of a
// webhook's signatures, a mail account's password) is sealed and read only by
// name.
type Notification struct {
	ID        string
	Name      string
	Kind      string // webhook or email
	Enabled   bool
	Target    json.RawMessage // without secrets
	Filter    json.RawMessage
	Version   int64 // counts operators' changes, from 1
	CreatedAt time.Time
	UpdatedAt time.Time
	// How sending goes.
	LastSentAt   *time.Time
	FailingSince *time.Time // of the failures since the last success
	LastError    string
	HasSecret    bool
}

// Notifications are the rows of Notification.
type Notifications struct{ *handle }

const notificationColumns = `id, name, kind, enabled, target, filter, version, created_at, updated_at,
	last_sent_at, failing_since, last_error, secret IS NOT NULL AS has_secret`

// Create stores a notification; secret may be nil. ErrConflict: the name is taken.
func (n Notifications) Create(ctx context.Context, r Notification, secret Secret) (Notification, error) {
	now := n.now()
	if r.ID == "" {
		r.ID = NewIDAt(now)
	}
	return one[Notification](ctx, n.handle, "notification "+r.Name, `INSERT INTO notifications
		(id, name, kind, enabled, target, secret, filter, version, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $8) RETURNING `+notificationColumns,
		r.ID, r.Name, r.Kind, r.Enabled, orObject(r.Target), n.sealOptional(secret, "notifications", "secret", r.ID), orObject(r.Filter), now)
}

// Update writes name, enabled, target and filter. secret nil leaves the stored
// one; an empty, non-nil value removes it. r.Version is the one that the caller
// read: ErrStale when the row has another. What failed before is forgotten: the
// change may have mended it.
func (n Notifications) Update(ctx context.Context, r Notification, secret Secret) (Notification, error) {
	rows, err := all[Notification](ctx, n.handle, "notification "+r.Name, `UPDATE notifications
		SET name = $2, enabled = $3, target = $4, filter = $5, secret = CASE WHEN $6 THEN $7 ELSE secret END,
		    version = version + 1, updated_at = $8, failing_since = NULL, last_error = ''
		WHERE id = $1 AND version = $9 RETURNING `+notificationColumns,
		r.ID, r.Name, r.Enabled, orObject(r.Target), orObject(r.Filter), secret != nil,
		n.sealOptional(secret, "notifications", "secret", r.ID), n.now(), r.Version)
	if err != nil {
		return Notification{}, err
	}
	if len(rows) == 0 {
		if _, err := n.Get(ctx, r.ID); err != nil {
			return Notification{}, err
		}
		return Notification{}, fmt.Errorf("notification %s: %w", r.Name, ErrStale)
	}
	return rows[0], nil
}

// Secret opens the notification's secret; nil when it has none.
func (n Notifications) Secret(ctx context.Context, id string) (Secret, error) {
	return n.unseal(ctx, "notification "+id, "notifications", "secret", id)
}

// Succeeded notes that something was sent.
func (n Notifications) Succeeded(ctx context.Context, id string) error {
	return n.touch(ctx, "notification "+id, `UPDATE notifications
		SET last_sent_at = $2, failing_since = NULL, last_error = '' WHERE id = $1`, id, n.now())
}

// Failed notes that sending failed, and since when it does.
func (n Notifications) Failed(ctx context.Context, id, why string) error {
	return n.touch(ctx, "notification "+id, `UPDATE notifications
		SET failing_since = coalesce(failing_since, $2), last_error = $3 WHERE id = $1`, id, n.now(), why)
}

// Delete removes the notification with its deliveries.
func (n Notifications) Delete(ctx context.Context, id string) error {
	return n.touch(ctx, "notification "+id, `DELETE FROM notifications WHERE id = $1`, id)
}

// Get returns the notification with the id.
func (n Notifications) Get(ctx context.Context, id string) (Notification, error) {
	return one[Notification](ctx, n.handle, "notification "+id,
		`SELECT `+notificationColumns+` FROM notifications WHERE id = $1`, id)
}

// ByName returns the notification with the name.
func (n Notifications) ByName(ctx context.Context, name string) (Notification, error) {
	return one[Notification](ctx, n.handle, "notification "+name,
		`SELECT `+notificationColumns+` FROM notifications WHERE name = $1`, name)
}

// List pages through notifications, oldest first.
func (n Notifications) List(ctx context.Context, p Page) (List[Notification], error) {
	after, err := p.after("notifications")
	if err != nil {
		return List[Notification]{}, err
	}
	rows, err := all[Notification](ctx, n.handle, "notifications",
		`SELECT `+notificationColumns+` FROM notifications WHERE id > $1 ORDER BY id LIMIT $2`, after, p.limit()+1)
	return paged("notifications", rows, p.limit(), func(r Notification) string { return r.ID }), err
}
