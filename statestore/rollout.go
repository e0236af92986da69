package statestore

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// RolloutState is where a rollout is in its life.
//
//	rolling ⇄ paused → done | rolled_back | aborted | superseded
type RolloutState string

// The states of a rollout. Those after paused are final.
const (
	RolloutRolling    RolloutState = "rolling"
	RolloutPaused     RolloutState = "paused"
	RolloutDone       RolloutState = "done"
	RolloutRolledBack RolloutState = "rolled_back" // by itself: its new nodes came to nothing
	RolloutAborted    RolloutState = "aborted"     // by an operator
	RolloutSuperseded RolloutState = "superseded"  // the template changed meanwhile: another goes on
)

// UnderWay says that the rollout has not ended.
func (s RolloutState) UnderWay() bool { return s == RolloutRolling || s == RolloutPaused }

// Rollout is a rolling replacement of a cluster's nodes, under way or ended.
type Rollout struct {
	ID        string
	ClusterID string
	// Generation numbers rollouts in the order in which they began; nodes that are
	// launched for one carry it.
	Generation     int64
	State          RolloutState
	Surge          int
	SurgePercent   int
	MaxUnavailable int
	MaxFailures    int
	// Taken: the leader has taken it up, and From, Size and what follows are known.
	Taken        bool
	FromTemplate string // to go back to; the same as To where nothing is
	FromVersion  int64
	ToTemplate   string
	ToVersion    int64
	// Size is how many open nodes there were when it was taken up.
	Size int
	// Total is how many nodes it replaces, Remaining how many of them are left, and
	// Failures how many new ones came to nothing.
	Total     int
	Remaining int
	Failures  int
	Doing     string // what it does or waits for
	Reason    string // why it is in its state, where somebody should know
	Author    string
	StartedAt time.Time
	UpdatedAt time.Time
	EndedAt   *time.Time
}

// Rollouts are the rows of Rollout.
type Rollouts struct{ *handle }

const rolloutColumns = `id, cluster_id, generation, state, surge, surge_percent, max_unavailable, max_failures, taken,
	from_template, from_version, to_template, to_version, size, total, remaining, failures, doing, reason, author,
	started_at, updated_at, ended_at`

// Start stores a rollout, rolling or paused, that the leader takes up. Of r its
// cluster, state, limits, target, author and FromTemplate and FromVersion (may be
// empty) count. ErrConflict: one is under way.
func (t Rollouts) Start(ctx context.Context, r Rollout) (Rollout, error) {
	now := t.now()
	return one[Rollout](ctx, t.handle, "rollout of cluster "+r.ClusterID,
		`INSERT INTO rollouts (id, cluster_id, state, surge, surge_percent, max_unavailable, max_failures,
		   from_template, from_version, to_template, to_version, author, started_at, updated_at)
		 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13) RETURNING `+rolloutColumns,
		NewIDAt(now), r.ClusterID, string(r.State), r.Surge, r.SurgePercent, r.MaxUnavailable, r.MaxFailures,
		r.FromTemplate, r.FromVersion, r.ToTemplate, r.ToVersion, r.Author, now)
}

// Begin is Start by the leader itself. Where supersedes names a rollout under way,
// the new one takes its place.
func (t Rollouts) Begin(ctx context.Context, term Term, r Rollout, supersedes, why string) (Rollout, error) {
	var out Rollout
	err := t.fenced(ctx, term, func(h *handle) error {
		var err error
		if supersedes != "" {
			old, err := (Rollouts{h}).Steer(ctx, supersedes, RolloutSuperseded, why)
			if err != nil {
				return err
			}
			r.State = RolloutRolling
			if old.State == RolloutPaused { // as it was read before the change
				r.State = RolloutPaused
			}
		}
		out, err = (Rollouts{h}).Start(ctx, r)
		return err
	})
	return out, err
}

// Steer moves a rollout that is under way to another state, and returns it as it
// was. ErrState: it has ended.
func (t Rollouts) Steer(ctx context.Context, id string, to RolloutState, why string) (Rollout, error) {
	var out Rollout
	err := t.tx(ctx, func(h *handle) error {
		var err error
		if out, err = one[Rollout](ctx, h, "rollout "+id, `SELECT `+rolloutColumns+` FROM rollouts WHERE id = $1 FOR UPDATE`, id); err != nil {
			return err
		}
		if !out.State.UnderWay() {
			return &StateError{Object: "rollout " + id, Found: string(out.State), Wanted: []string{string(RolloutRolling), string(RolloutPaused)}}
		}
		now := h.now()
		var ended *time.Time
		if !to.UnderWay() {
			ended = &now
		}
		return h.touch(ctx, "rollout "+id, `UPDATE rollouts SET state = $2, reason = $3, updated_at = $4, ended_at = $5 WHERE id = $1`,
			id, string(to), why, now, ended)
	})
	return out, err
}

// Advance writes how a rollout goes: whether it was taken up, where it goes back
// to, its size, counts and texts, and its state where that is final. What
// operators do meanwhile, a pause, stays. ErrState: it has ended. It is the
// leader's write.
func (t Rollouts) Advance(ctx context.Context, term Term, r Rollout) (Rollout, error) {
	var out Rollout
	err := t.fenced(ctx, term, func(h *handle) error {
		now := h.now()
		state, ended := "", (*time.Time)(nil)
		if !r.State.UnderWay() {
			state, ended = string(r.State), &now
		}
		rows, err := all[Rollout](ctx, h, "rollout "+r.ID, `UPDATE rollouts SET taken = $2, from_template = $3, from_version = $4,
			size = $5, total = $6, remaining = $7, failures = $8, doing = $9, reason = CASE WHEN $10 = '' THEN reason ELSE $11 END,
			state = CASE WHEN $10 = '' THEN state ELSE $10 END, updated_at = $12, ended_at = $13
			WHERE id = $1 AND state IN ('rolling', 'paused') RETURNING `+rolloutColumns,
			r.ID, r.Taken, r.FromTemplate, r.FromVersion, r.Size, r.Total, r.Remaining, r.Failures, r.Doing, state, r.Reason, now, ended)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return &StateError{Object: "rollout " + r.ID, Found: "ended", Wanted: []string{string(RolloutRolling), string(RolloutPaused)}}
		}
		out = rows[0]
		return nil
	})
	return out, err
}

// Newest returns the cluster's last rollout, under way or not.
func (t Rollouts) Newest(ctx context.Context, clusterID string) (Rollout, error) {
	return one[Rollout](ctx, t.handle, "rollout of cluster "+clusterID,
		`SELECT `+rolloutColumns+` FROM rollouts WHERE cluster_id = $1 ORDER BY generation DESC LIMIT 1`, clusterID)
}

// AllNewest returns the last rollout of every cluster that ever had one.
func (t Rollouts) AllNewest(ctx context.Context) ([]Rollout, error) {
	return all[Rollout](ctx, t.handle, "rollouts",
		`SELECT DISTINCT ON (cluster_id) `+rolloutColumns+` FROM rollouts ORDER BY cluster_id, generation DESC`)
}

// List pages through a cluster's rollouts, newest first.
func (t Rollouts) List(ctx context.Context, clusterID string, p Page) (List[Rollout], error) {
	below, err := p.below("rollouts")
	if err != nil {
		return List[Rollout]{}, err
	}
	rows, err := all[Rollout](ctx, t.handle, "rollouts of cluster "+clusterID,
		`SELECT `+rolloutColumns+` FROM rollouts WHERE cluster_id = $1 AND generation < $2 ORDER BY generation DESC LIMIT $3`,
		clusterID, below, p.limit()+1)
	return paged("rollouts", rows, p.limit(), func(r Rollout) string { return strconv.FormatInt(r.Generation, 10) }), err
}

// Failure is a node of a rollout that came to nothing.
type Failure struct {
	Name   string
	Reason string
}

// Failures are the nodes of a generation that came to nothing, in the order in
// which that was found: those that failed before or after they ran, and those that
// were drained for repair. What a provider took back is not the rollout's fault.
func (t Rollouts) Failures(ctx context.Context, clusterID string, generation int64) ([]Failure, error) {
	if generation <= 0 {
		return nil, fmt.Errorf("failures of generation %d: %w", generation, ErrInvalid)
	}
	rows, err := all[Failure](ctx, t.handle, "failures", `SELECT name,
			CASE WHEN failure_reason = '' THEN drain_reason ELSE failure_reason END AS reason FROM nodes
		WHERE cluster_id = $1 AND generation = $2 AND drain_reason NOT LIKE 'reclaim:%'
		  AND (failure_reason <> '' OR drain_reason LIKE 'repair:%') ORDER BY state_since DESC, id DESC LIMIT 1000`, clusterID, generation)
	slices.Reverse(rows)
	return rows, err
}
