package statestore

import (
	"context"
	"time"
)

// LoadChunk is what the reconciler saw of a cluster's load over a short time:
// samples one after the other, in a form that the store does not know.
type LoadChunk struct {
	ClusterID string
	At        time.Time // of its first sample
	Until     time.Time // of its last
	Samples   int
	Data      []byte
}

// Loads are the rows of LoadChunk.
type Loads struct{ *handle }

const loadColumns = "cluster_id, at, until, samples, data"

// Put stores a chunk, or replaces the one that began at the same time by one
// that has more. It is the leader's write.
func (l Loads) Put(ctx context.Context, term Term, c LoadChunk) error {
	return l.fenced(ctx, term, func(h *handle) error {
		_, err := h.exec(ctx, "load of cluster "+c.ClusterID, `INSERT INTO load_chunks (`+loadColumns+`)
			VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (cluster_id, at) DO UPDATE SET until = excluded.until, samples = excluded.samples, data = excluded.data
			WHERE load_chunks.samples < excluded.samples`,
			c.ClusterID, c.At, c.Until, c.Samples, c.Data)
		return err
	})
}

// Between returns a cluster's chunks that overlap [from, to), oldest first.
func (l Loads) Between(ctx context.Context, clusterID string, from, to time.Time) ([]LoadChunk, error) {
	return all[LoadChunk](ctx, l.handle, "load of cluster "+clusterID, `SELECT `+loadColumns+` FROM load_chunks
		WHERE cluster_id = $1 AND until >= $2 AND at < $3 ORDER BY at`, clusterID, from, to)
}

// Span returns when a cluster's recorded load begins and ends; nil, nil while
// nothing is recorded.
func (l Loads) Span(ctx context.Context, clusterID string) (from, to *time.Time, err error) {
	type span struct{ From, Until *time.Time }
	s, err := one[span](ctx, l.handle, "load of cluster "+clusterID,
		`SELECT min(at) AS from, max(until) AS until FROM load_chunks WHERE cluster_id = $1`, clusterID)
	return s.From, s.Until, err
}

// Forget deletes chunks that ended before the time.
func (l Loads) Forget(ctx context.Context, before time.Time) (int64, error) {
	return l.exec(ctx, "old load", `DELETE FROM load_chunks WHERE until < $1`, before)
}

// Forecasts hold what was learned of each cluster's load.
type Forecasts struct{ *handle }

// Forecast is one cluster's, in a form that the store does not know.
type Forecast struct {
	ClusterID string
	Data      []byte
	UpdatedAt time.Time
}

// Put stores what was learned. It is the leader's write.
func (f Forecasts) Put(ctx context.Context, term Term, clusterID string, data []byte) error {
	return f.fenced(ctx, term, func(h *handle) error {
		_, err := h.exec(ctx, "forecast of cluster "+clusterID, `INSERT INTO forecasts (cluster_id, data, updated_at) VALUES ($1, $2, $3)
			ON CONFLICT (cluster_id) DO UPDATE SET data = excluded.data, updated_at = excluded.updated_at`,
			clusterID, data, h.now())
		return err
	})
}

// Get returns what was learned; ErrNotFound while nothing was.
func (f Forecasts) Get(ctx context.Context, clusterID string) (Forecast, error) {
	return one[Forecast](ctx, f.handle, "forecast of cluster "+clusterID,
		`SELECT cluster_id, data, updated_at FROM forecasts WHERE cluster_id = $1`, clusterID)
}
