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
	a := &trail{by: callerOf(ctx)}
	err := s.store.Tx(ctx, func(tx *statestore.Tables) error {
		if err := f(tx, a); err != nil {
			return err
		}
		if c := claimOf(ctx); c != nil {
			if err := tx.Idempotency.Changed(ctx, c, object, a.id); err != nil {
				return err
			}
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
			Before: before, After: after, RequestID: requestID(ctx), Address: a.by.address, Version: a.made(),
		})
	})
	if err == nil {
		s.config.Wake()
	}
	if a.base > 0 {
		err = s.overtaken(ctx, object, a, err)
	}
	return err
}

// trail is what a change says of itself. Secrets have no place in it.
type trail struct {
	by            caller
	id            string
	before, after any
	// version is that of the object after the change, where it has one; base the one that its caller read.
	version, base int64
	current       int64 // the one that an edit found instead of base
}

// made is the version for the audit.
func (a *trail) made() *int64 {
	if a.version == 0 {
		return nil
	}
	return &a.version
}

// edits holds a change against the version that its caller read: ErrStale when the object has another by now.
func (a *trail) edits(ifMatch string, current int64) error {
	base, err := version(ifMatch)
	if err != nil {
		return err
	}
	a.base, a.current, a.version = base, current, current+1
	if base != current {
		return statestore.ErrStale
	}
	return nil
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
