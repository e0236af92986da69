package statestore

import (
	"context"
	"encoding/json"
	"time"
)

// DeliveryState is what has become of a delivery.
type DeliveryState string

// The states of a delivery.
const (
	DeliveryWaiting DeliveryState = "waiting" // to be sent, or sent again
	DeliverySent    DeliveryState = "sent"
	DeliveryFailed  DeliveryState = "failed"  // given up; Requeue tries it again
	DeliveryDropped DeliveryState = "dropped" // over before it was due
)

// Delivery is one piece of news on its way to one notification's target.
type Delivery struct {
	ID             string // the receiver may tell repeats by it
	NotificationID string
	Event          string // condition.opened, condition.closed or test
	SubjectKey     string // what it is about: equal for the opening and the close of one condition
	Payload        json.RawMessage
	State          DeliveryState
	Attempts       int
	CreatedAt      time.Time
	DueAt          time.Time // it is held back until then
	NextAt         time.Time // of the next attempt
	DoneAt         *time.Time
	LastError      string
}

// Deliveries are the rows of Delivery. The leader writes them; so may a
// request that sends a test.
type Deliveries struct{ *handle }

const deliveryColumns = `id, notification_id, event, subject_key, payload, state, attempts, created_at, due_at, next_at, done_at, last_error`

// Add stores a delivery that waits; ID may be empty.
func (d Deliveries) Add(ctx context.Context, r Delivery) (Delivery, error) {
	now := d.now()
	if r.ID == "" {
		r.ID = NewIDAt(now)
	}
	if r.DueAt.IsZero() {
		r.DueAt = now
	}
	return one[Delivery](ctx, d.handle, "delivery "+r.ID, `INSERT INTO deliveries
		(id, notification_id, event, subject_key, payload, state, created_at, due_at, next_at)
		VALUES ($1, $2, $3, $4, $5, 'waiting', $6, $7, $7) RETURNING `+deliveryColumns,
		r.ID, r.NotificationID, r.Event, r.SubjectKey, orObject(r.Payload), now, r.DueAt)
}

// Drop ends deliveries about a subject that were held back beyond a time, at
// which their reason ended, and tells how many there were.
func (d Deliveries) Drop(ctx context.Context, notificationID, subjectKey string, ended time.Time, why string) (int64, error) {
	return d.exec(ctx, "deliveries", `UPDATE deliveries SET state = 'dropped', done_at = $3, last_error = $5
		WHERE notification_id = $1 AND subject_key = $2 AND state = 'waiting' AND attempts = 0 AND due_at > $4`,
		notificationID, subjectKey, d.now(), ended, why)
}

// Due returns, for each enabled notification, the oldest delivery whose time
// has come, unless that one is being retried later: what is about one target
// goes out in order.
func (d Deliveries) Due(ctx context.Context) ([]Delivery, error) {
	return all[Delivery](ctx, d.handle, "deliveries", `SELECT `+deliveryColumns+` FROM (
		SELECT DISTINCT ON (d.notification_id) d.* FROM deliveries d JOIN notifications n ON n.id = d.notification_id
		WHERE d.state = 'waiting' AND d.due_at <= $1 AND n.enabled ORDER BY d.notification_id, d.id) AS oldest
		WHERE next_at <= $1 ORDER BY id`, d.now())
}

// Sent ends a delivery that arrived.
func (d Deliveries) Sent(ctx context.Context, id string) error {
	return d.touch(ctx, "delivery "+id, `UPDATE deliveries SET state = 'sent', attempts = attempts + 1, done_at = $2, last_error = ''
		WHERE id = $1`, id, d.now())
}

// Retry notes a failure and when to try again.
func (d Deliveries) Retry(ctx context.Context, id, why string, next time.Time) error {
	return d.touch(ctx, "delivery "+id, `UPDATE deliveries SET attempts = attempts + 1, last_error = $2, next_at = $3
		WHERE id = $1`, id, why, next)
}

// GiveUp ends a delivery that failed for too long.
func (d Deliveries) GiveUp(ctx context.Context, id, why string) error {
	return d.touch(ctx, "delivery "+id, `UPDATE deliveries SET state = 'failed', attempts = attempts + 1, last_error = $2, done_at = $3
		WHERE id = $1`, id, why, d.now())
}

// Requeue makes the notification's failed deliveries wait again, and those
// that wait due at once; it tells how many.
func (d Deliveries) Requeue(ctx context.Context, notificationID string) (int64, error) {
	return d.exec(ctx, "deliveries", `UPDATE deliveries SET state = 'waiting', done_at = NULL, next_at = $2, created_at = CASE WHEN state = 'failed' THEN $2 ELSE created_at END
		WHERE notification_id = $1 AND (state = 'failed' OR state = 'waiting' AND due_at <= $2)`, notificationID, d.now())
}

// Counts are the deliveries of each notification by state.
func (d Deliveries) Counts(ctx context.Context) (map[string]map[DeliveryState]int, error) {
	type row struct {
		NotificationID string
		State          DeliveryState
		Count          int
	}
	rows, err := all[row](ctx, d.handle, "deliveries",
		`SELECT notification_id, state, count(*) AS count FROM deliveries GROUP BY notification_id, state`)
	out := map[string]map[DeliveryState]int{}
	for _, r := range rows {
		if out[r.NotificationID] == nil {
			out[r.NotificationID] = map[DeliveryState]int{}
		}
		out[r.NotificationID][r.State] = r.Count
	}
	return out, err
}

// Get returns the delivery with the id.
func (d Deliveries) Get(ctx context.Context, id string) (Delivery, error) {
	return one[Delivery](ctx, d.handle, "delivery "+id, `SELECT `+deliveryColumns+` FROM deliveries WHERE id = $1`, id)
}

// List pages through a notification's deliveries, newest first; state may be empty.
func (d Deliveries) List(ctx context.Context, notificationID string, state DeliveryState, p Page) (List[Delivery], error) {
	after, err := p.after("deliveries")
	if err != nil {
		return List[Delivery]{}, err
	}
	rows, err := all[Delivery](ctx, d.handle, "deliveries", `SELECT `+deliveryColumns+` FROM deliveries
		WHERE notification_id = $1 AND ($2 = '' OR state = $2) AND ($3 = '' OR id < $3) ORDER BY id DESC LIMIT $4`,
		notificationID, string(state), after, p.limit()+1)
	return paged("deliveries", rows, p.limit(), func(r Delivery) string { return r.ID }), err
}

// Forget deletes deliveries that were done before the time.
func (d Deliveries) Forget(ctx context.Context, before time.Time) (int64, error) {
	return d.exec(ctx, "old deliveries", `DELETE FROM deliveries WHERE done_at < $1`, before)
}
