package cluster

import (
	"context"

	"github.com/godwit/godwit/policy"
)

// askMoves tells crowded nodes which sessions to send elsewhere. It is a wish
// without a row: nothing is lost when it is not heard, for a node that stays
// crowded is asked again by a later decision. What came of it is added to the
// decision's result.
func (r *Reconciler) askMoves(ctx context.Context, b *round, plan policy.Plan) {
	term, decision := b.term, b.decision
	for _, action := range plan.Actions {
		if action.Kind != policy.ActionMove {
			continue
		}
		id, sessions, why := action.NodeID, action.Sessions, action.Reason.Text
		r.effect(ctx, "move "+id, "ask sessions to move", func(ctx context.Context) error {
			asked, err := r.config.Fleet.Move(ctx, id, sessions, why)
			x := result{Action: policy.ActionMove, Node: id, Sessions: sessions, Asked: &asked}
			if err != nil {
				x.Asked, x.Error = nil, err.Error()
			}
			if noted := r.amendDecision(ctx, term, decision, x); noted != nil {
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
