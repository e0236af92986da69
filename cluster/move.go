package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/statestore"
)

// askMoves tells crowded nodes which sessions to send elsewhere. It is a wish
// without a row: nothing is lost when it is not heard, for a node that stays
// crowded is asked again by a later decision. What came of it is added to the
// decision's result.
func (r *Reconciler) askMoves(ctx context.Context, b *round, plan policy.Plan, decision string, results []result) {
	o := &outcome{store: r.config.Store, term: b.term, decision: decision, results: slices.Clone(results)}
	for _, action := range plan.Actions {
		if action.Kind != policy.ActionMove {
			continue
		}
		id, sessions, why := action.NodeID, action.Sessions, action.Reason.Text
		r.effect(ctx, "move "+id, "ask sessions to move", func(ctx context.Context) error {
			asked, err := r.config.Fleet.Move(ctx, id, sessions, why)
			if noted := o.note(ctx, id, asked, err); noted != nil {
				return noted
			}
			if err != nil {
				r.log.Warn("sessions could not be asked to move", "node", id, "sessions", len(sessions), "err", err)
			}
			// Not tried again: by then other sessions are the ones to ask.
			return nil
		})
	}
}

// outcome completes a decision's result as answers come in.
type outcome struct {
	store    Store
	term     statestore.Term
	decision string

	mutex   sync.Mutex
	results []result
	changes int
}

// note adds a node's answer and writes the result. Answers come side by side, so
// what was written while another came in is written again.
func (o *outcome) note(ctx context.Context, node string, asked int, failure error) error {
	o.mutex.Lock()
	for i := range o.results {
		if x := &o.results[i]; x.Action == policy.ActionMove && x.Node == node {
			if x.Asked = &asked; failure != nil {
				x.Asked, x.Error = nil, failure.Error()
			}
		}
	}
	o.changes++
	o.mutex.Unlock()
	for {
		raw, changes, err := o.marshal()
		if err != nil {
			return fmt.Errorf("decision's result: %w", err)
		}
		if err := o.store.SetResult(ctx, o.term, o.decision, raw); err != nil {
			return err
		}
		if o.current(changes) {
			return nil
		}
	}
}

func (o *outcome) marshal() (json.RawMessage, int, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	raw, err := json.Marshal(o.results)
	return raw, o.changes, err
}

func (o *outcome) current(changes int) bool {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.changes == changes
}
