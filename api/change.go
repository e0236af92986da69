package api

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/godwit/godwit/statestore"
)

// change runs f in a transaction and writes, in the same one, who did what. f names the object and what it was before
// and after; what it leaves nil is nothing. The change and its audit row are both there or neither.
func (s *Server) change(ctx context.Context, action, object string, f func(tx *statestore.Tables, a *trail) error) error {
	err := s.store.Tx(ctx, func(tx *statestore.Tables) error {
		a := &trail{by: callerOf(ctx)}
		if err := f(tx, a); err != nil {
			return err
		}
		before, err := asJSON(a.before)
		if err != nil {
			return err
		}
		after, err := asJSON(a.after)
		if err != nil {
			return err
		}
		return tx.Audit.Append(ctx, statestore.AuditEntry{
			Actor: a.by.actor(), Action: action, Object: object, ObjectID: a.id,
			Before: before, After: after, RequestID: requestID(ctx), Address: a.by.address,
		})
	})
	if err == nil {
		s.config.Wake()
	}
	return err
}

// trail is what a change says of itself. Secrets have no place in it.
type trail struct {
	by            caller
	id            string
	before, after any
}

func asJSON(v any) (json.RawMessage, error) {
	if v == nil {
		return nil, nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("audit entry: %w", err)
	}
	return b, nil
}
