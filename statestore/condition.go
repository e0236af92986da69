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
	Text      string
}

// Conditions are the rows of Condition; at most one is open per kind and subject.
type Conditions struct{ *handle }

const conditionColumns = "cluster_id, kind, subject, since, seen_at, until, text"

// Raise opens the condition, or confirms it and takes the newer text. It is
// the leader's write.
func (c Conditions) Raise(ctx context.Context, term Term, clusterID, kind, subject, text string) error {
	return c.fenced(ctx, term, func(h *handle) error {
		_, err := h.exec(ctx, "condition "+kind, `INSERT INTO conditions (`+conditionColumns+`)
			VALUES ($1, $2, $3, $4, $4, NULL, $5)
			ON CONFLICT (cluster_id, kind, subject) WHERE until IS NULL
			DO UPDATE SET seen_at = excluded.seen_at, text = excluded.text`,
			clusterID, kind, subject, h.now(), text)
		return err
	})
}

// Clear ends the open condition, if there is one. It is the leader's write.
func (c Conditions) Clear(ctx context.Context, term Term, clusterID, kind, subject string) error {
	return c.fenced(ctx, term, func(h *handle) error {
		_, err := h.exec(ctx, "condition "+kind, `UPDATE conditions SET until = greatest($4, since)
			WHERE cluster_id = $1 AND kind = $2 AND subject = $3 AND until IS NULL`,
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
