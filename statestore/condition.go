package statestore

import (
	"context"
	"time"
)

// Condition is something about a cluster that an operator should know while it
// lasts: a quota that blocks an offering, a node that fails to boot.
type Condition struct {
	ClusterID string
	Kind      string // from the reconciler's closed list
	Subject   string // what it is about, e.g. an offering or a node; may be empty
	Since     time.Time
	SeenAt    time.Time // last confirmed
	Until     *time.Time
	Text      string // what is the matter
	Next      string // what to do about it; may be empty
}

// ConditionChange is the opening or the closing of a condition.
type ConditionChange struct {
	Seq       int64
	At        time.Time
	Change    string // ConditionOpened or ConditionClosed
	ClusterID string
	Kind      string
	Subject   string
	Since     time.Time
	Text      string
	Next      string
}

// What a ConditionChange can be.
const (
	ConditionOpened = "opened"
	ConditionClosed = "closed"
)

// Conditions are the rows of Condition; at most one is open per kind and subject.
type Conditions struct{ *handle }

const (
	conditionColumns       = "cluster_id, kind, subject, since, seen_at, until, text, next"
	conditionChangeColumns = "seq, at, change, cluster_id, kind, subject, since, text, next"
)

// Raise opens the condition, or confirms it and takes the newer texts. Of c its
// cluster, kind, subject and texts count. It is the leader's write.
func (c Conditions) Raise(ctx context.Context, term Term, r Condition) error {
	return c.fenced(ctx, term, func(h *handle) error {
		name, now := "condition "+r.Kind, h.now()
		n, err := h.exec(ctx, name, `UPDATE conditions SET seen_at = greatest($4, since), text = $5, next = $6
			WHERE cluster_id = $1 AND kind = $2 AND subject = $3 AND until IS NULL`,
			r.ClusterID, r.Kind, r.Subject, now, r.Text, r.Next)
		if err != nil || n > 0 {
			return err
		}
		if _, err := h.exec(ctx, name, `INSERT INTO conditions (`+conditionColumns+`) VALUES ($1, $2, $3, $4, $4, NULL, $5, $6)`,
			r.ClusterID, r.Kind, r.Subject, now, r.Text, r.Next); err != nil {
			return err
		}
		_, err = h.exec(ctx, name, `INSERT INTO condition_changes (at, change, cluster_id, kind, subject, since, text, next)
			VALUES ($1, 'opened', $2, $3, $4, $1, $5, $6)`, now, r.ClusterID, r.Kind, r.Subject, r.Text, r.Next)
		return err
	})
}

// Clear ends the open condition, if there is one. It is the leader's write.
func (c Conditions) Clear(ctx context.Context, term Term, clusterID, kind, subject string) error {
	return c.fenced(ctx, term, func(h *handle) error {
		_, err := h.exec(ctx, "condition "+kind, `WITH ended AS (
				UPDATE conditions SET until = greatest($4, since)
				WHERE cluster_id = $1 AND kind = $2 AND subject = $3 AND until IS NULL RETURNING `+conditionColumns+`)
			INSERT INTO condition_changes (at, change, cluster_id, kind, subject, since, text, next)
			SELECT until, 'closed', cluster_id, kind, subject, since, text, next FROM ended`,
			clusterID, kind, subject, h.now())
		return err
	})
}

// Open returns a cluster's open conditions, oldest first; all clusters' when
// clusterID is empty.
func (c Conditions) Open(ctx context.Context, clusterID string) ([]Condition, error) {
	return all[Condition](ctx, c.handle, "conditions", `SELECT `+conditionColumns+` FROM conditions
		WHERE until IS NULL AND ($1 = '' OR cluster_id = $1) ORDER BY since, kind, subject`, clusterID)
}

// History returns a cluster's newest conditions, ended ones too, up to limit.
func (c Conditions) History(ctx context.Context, clusterID string, limit int) ([]Condition, error) {
	return all[Condition](ctx, c.handle, "conditions", `SELECT `+conditionColumns+` FROM conditions
		WHERE cluster_id = $1 ORDER BY since DESC, kind, subject LIMIT $2`, clusterID, Page{Limit: limit}.limit())
}

// Changes returns the openings and closings after a sequence number, in the
// order in which they happened, up to limit. Terms fence their writers, so a
// number that was not there is not filled later.
func (c Conditions) Changes(ctx context.Context, after int64, limit int) ([]ConditionChange, error) {
	return all[ConditionChange](ctx, c.handle, "condition changes", `SELECT `+conditionChangeColumns+` FROM condition_changes
		WHERE seq > $1 ORDER BY seq LIMIT $2`, after, Page{Limit: limit}.limit())
}

// LastChange is the sequence number of the newest change; 0 before the first. A
// consumer that begins now starts there.
func (c Conditions) LastChange(ctx context.Context) (int64, error) {
	r, err := one[struct{ Seq int64 }](ctx, c.handle, "condition changes", `SELECT coalesce(max(seq), 0) AS seq FROM condition_changes`)
	return r.Seq, err
}

// Forget deletes conditions that ended, and changes that happened, before the time.
func (c Conditions) Forget(ctx context.Context, before time.Time) (int64, error) {
	n, err := c.exec(ctx, "old conditions", `DELETE FROM conditions WHERE until < $1`, before)
	if err != nil {
		return n, err
	}
	m, err := c.exec(ctx, "old condition changes", `DELETE FROM condition_changes WHERE at < $1`, before)
	return n + m, err
}
