package statestore

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// ConditionRow is a condition with the id by which it is told from others of
// its kind.
type ConditionRow struct {
	ID string
	Condition
}

// ConditionFilter narrows Conditions.List; zero fields match everything.
type ConditionFilter struct {
	ClusterID string
	Kind      string
	Open      bool      // only those that last
	From, To  time.Time // that lasted at some time in [From, To)
}

// List pages through conditions, those that began last first.
func (c Conditions) List(ctx context.Context, f ConditionFilter, p Page) (List[ConditionRow], error) {
	since, id, err := p.before("conditions")
	if err != nil {
		return List[ConditionRow]{}, err
	}
	rows, err := all[ConditionRow](ctx, c.handle, "conditions", `SELECT id, `+conditionColumns+` FROM conditions
		WHERE ($1::timestamptz IS NULL OR (since, id) < ($1, $2)) AND ($3 = '' OR cluster_id = $3)
		  AND ($4 = '' OR kind = $4) AND (NOT $5 OR until IS NULL)
		  AND ($6::timestamptz IS NULL OR until IS NULL OR until >= $6) AND ($7::timestamptz IS NULL OR since < $7)
		ORDER BY since DESC, id DESC LIMIT $8`,
		orNull(since), id, f.ClusterID, f.Kind, f.Open, orNull(f.From), orNull(f.To), p.limit()+1)
	return paged("conditions", rows, p.limit(), func(r ConditionRow) string {
		return r.Since.UTC().Format(time.RFC3339Nano) + " " + r.ID
	}), err
}

// before opens the cursor of a list that falls by time and id.
func (p Page) before(noun string) (time.Time, string, error) {
	after, err := p.after(noun)
	if err != nil || after == "" {
		return time.Time{}, "", err
	}
	text, id, ok := strings.Cut(after, " ")
	at, err := time.Parse(time.RFC3339Nano, text)
	if !ok || err != nil {
		return time.Time{}, "", fmt.Errorf("page cursor: %w", ErrInvalid)
	}
	return at, id, nil
}
