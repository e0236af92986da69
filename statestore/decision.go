package statestore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/klauspost/compress/zstd"
)

// DecisionKind tells plans that do something from those that do nothing.
type DecisionKind string

// The kinds of decision.
const (
	DecisionNoop DecisionKind = "noop"
	DecisionAct  DecisionKind = "act"
)

// Decision is a plan with its reasons and what it was made from, enough to make
// it again. Identical no-ops that follow each other are one row.
type Decision struct {
	ID            string
	ClusterID     string
	PolicyVersion int64
	Kind          DecisionKind
	At            time.Time // of the first
	Until         time.Time // of the last that collapsed into it
	Count         int64
	Term          Term
	// CollapseKey says which no-ops are identical. Empty: those with equal
	// plan and reasons. Callers whose reasons hold moving figures set it.
	CollapseKey string
	// Snapshot is the policy's input, of the first of Count, as given to
	// Append; it is stored compressed. List leaves it out. No row is without one.
	Snapshot []byte
	Plan     json.RawMessage // kept to the byte
	Reasons  json.RawMessage // a JSON array
	Result   json.RawMessage // what happened; nil until known
}

// tags are what a decision is searched by: the codes of its reasons and the
// kinds of its actions. What is not written so has none.
func (d Decision) tags() (codes, actions []string) {
	var reasons []struct{ Code string }
	var plan struct{ Actions []struct{ Kind string } }
	_ = json.Unmarshal(d.Reasons, &reasons) // then it is found by time and cluster
	_ = json.Unmarshal(d.Plan, &plan)
	codes, actions = []string{}, []string{}
	for _, r := range reasons {
		if r.Code != "" {
			codes = append(codes, r.Code)
		}
	}
	for _, a := range plan.Actions {
		if a.Kind != "" {
			actions = append(actions, a.Kind)
		}
	}
	slices.Sort(codes)
	slices.Sort(actions)
	return slices.Compact(codes), slices.Compact(actions)
}

// Decisions are the rows of Decision.
type Decisions struct{ *handle }

const decisionColumns = `id, cluster_id, policy_version, kind, at, until, count, term, collapse_key,
	snapshot, plan, reasons, result`

// Append stores a decision made at d.At (zero: now) under the leader's term. A
// no-op equal to the cluster's newest row raises that row's count and span
// instead, and that row is returned. A caller who expects that may leave out the
// snapshot: ErrUnfolded when a row of its own is needed after all, and nothing
// is stored, for nobody could ever replay it.
func (t Decisions) Append(ctx context.Context, term Term, d Decision) (Decision, error) {
	if d.At.IsZero() {
		d.At = t.now()
	}
	d.At = d.At.UTC().Truncate(time.Microsecond)
	if d.CollapseKey == "" {
		sum := sha256.Sum256(bytes.Join([][]byte{d.Plan, d.Reasons}, []byte{0}))
		d.CollapseKey = hex.EncodeToString(sum[:16])
	}
	name := "decision of cluster " + d.ClusterID
	var out Decision
	err := t.fenced(ctx, term, func(h *handle) error {
		if d.Kind == DecisionNoop {
			rows, err := all[Decision](ctx, h, name, `UPDATE decisions
				SET count = count + 1, until = greatest(until, $5)
				WHERE id = (SELECT id FROM decisions WHERE cluster_id = $1 AND term = $4 ORDER BY id DESC LIMIT 1)
				  AND kind = 'noop' AND policy_version = $2 AND collapse_key = $3 AND term = $4
				RETURNING `+decisionColumns, d.ClusterID, d.PolicyVersion, d.CollapseKey, int64(term), d.At)
			if err != nil {
				return err
			}
			if len(rows) == 1 {
				out = rows[0]
				return nil
			}
		}
		if len(d.Snapshot) == 0 {
			return fmt.Errorf("%s: %w", name, ErrUnfolded)
		}
		var err error
		codes, actions := d.tags()
		out, err = one[Decision](ctx, h, name, `INSERT INTO decisions (`+decisionColumns+`, codes, actions)
			VALUES ($1, $2, $3, $4, $5, $5, 1, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING `+decisionColumns,
			NewIDAt(d.At), d.ClusterID, d.PolicyVersion, string(d.Kind), d.At, int64(term), d.CollapseKey,
			pack(d.Snapshot), orObject(d.Plan), orArray(d.Reasons), d.Result, codes, actions)
		return err
	})
	if err != nil {
		return Decision{}, err
	}
	out.Snapshot, err = unpack(out.Snapshot)
	return out, err
}

// SetResult notes what carrying out the plan did, under the leader's term.
func (t Decisions) SetResult(ctx context.Context, term Term, id string, result json.RawMessage) error {
	return t.fenced(ctx, term, func(h *handle) error {
		return h.touch(ctx, "decision "+id, `UPDATE decisions SET result = $2 WHERE id = $1`, id, orObject(result))
	})
}

// Amend changes what is known of a decision's outcome, its Result and Reasons,
// under the leader's term; what else change sets is dropped. The row is locked
// meanwhile, so that outcomes that come in side by side add up.
func (t Decisions) Amend(ctx context.Context, term Term, id string, change func(*Decision) error) error {
	return t.fenced(ctx, term, func(h *handle) error {
		d, err := one[Decision](ctx, h, "decision "+id, `SELECT `+decisionColumns+` FROM decisions WHERE id = $1 FOR NO KEY UPDATE`, id)
		if err != nil {
			return err
		}
		plan := d.Plan
		if err := change(&d); err != nil {
			return err
		}
		d.Plan = plan
		codes, _ := d.tags()
		return h.touch(ctx, "decision "+id, `UPDATE decisions SET result = $2, reasons = $3, codes = $4 WHERE id = $1`,
			id, orObject(d.Result), orArray(d.Reasons), codes)
	})
}

// Get returns one decision with its snapshot.
func (t Decisions) Get(ctx context.Context, id string) (Decision, error) {
	d, err := one[Decision](ctx, t.handle, "decision "+id,
		`SELECT `+decisionColumns+` FROM decisions WHERE id = $1`, id)
	if err != nil {
		return Decision{}, err
	}
	d.Snapshot, err = unpack(d.Snapshot)
	return d, err
}

// DecisionStats sums up decisions: Made counts every one, also the collapsed.
type DecisionStats struct {
	Rows           int64
	Made           int64
	Acted          int64
	WithoutReason  int64 // made with an empty list of reasons: a defect
	OldestAt       *time.Time
	NewestAt       *time.Time
	CollapsedNoops int64 // made and not stored as a row of their own
}

// Stats sums up the decisions of a cluster, or of all when clusterID is empty.
func (t Decisions) Stats(ctx context.Context, clusterID string) (DecisionStats, error) {
	return one[DecisionStats](ctx, t.handle, "decisions", `
		SELECT count(*) AS rows, coalesce(sum(count), 0)::bigint AS made,
		       count(*) FILTER (WHERE kind = 'act') AS acted,
		       coalesce(sum(count) FILTER (WHERE reasons IN ('[]', '{}', 'null', '""', '[""]')), 0)::bigint AS without_reason,
		       min(at) AS oldest_at, max(until) AS newest_at,
		       coalesce(sum(count - 1), 0)::bigint AS collapsed_noops
		FROM decisions WHERE $1 = '' OR cluster_id = $1`, clusterID)
}

// Forget deletes decisions that ended before the time.
func (t Decisions) Forget(ctx context.Context, before time.Time) (int64, error) {
	return t.exec(ctx, "old decisions", `DELETE FROM decisions WHERE id < $2 AND until < $1`, before, FirstID(before))
}

// Snapshots repeat field names for every node: zstd's fastest level takes them
// to a tenth at about the cost of copying them.
var (
	packer, _   = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	unpacker, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1<<30))
)

func pack(raw []byte) []byte { return packer.EncodeAll(raw, []byte{}) }

func unpack(packed []byte) ([]byte, error) {
	raw, err := unpacker.DecodeAll(packed, nil)
	if err != nil {
		return nil, fmt.Errorf("decision snapshot: %w", err)
	}
	return raw, nil
}

func orArray(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage("[]")
	}
	return raw
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
