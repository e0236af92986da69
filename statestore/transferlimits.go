package statestore

import (
	"context"
	"encoding/json"
)

// SetLimits replaces what a transfer that has not ended may take, such as its
// rates; sessions that start later follow it. ErrNotFound: no such transfer, or
// it has ended.
func (t Transfers) SetLimits(ctx context.Context, id string, limits json.RawMessage) (Transfer, error) {
	day, err := dayOf(id)
	if err != nil {
		return Transfer{}, err
	}
	return one[Transfer](ctx, t.handle, "transfer "+id, `UPDATE transfers SET limits = $3, updated_at = $4
		WHERE day = $1 AND id = $2 AND state IN ('created', 'running') RETURNING `+transferColumns,
		day, id, orObject(limits), t.now())
}
