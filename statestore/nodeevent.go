package statestore

import (
	"context"
	"time"
)

// NodeEvent is one step in a node's life, with its reason.
type NodeEvent struct {
	ID        string
	NodeID    string
	At        time.Time
	FromState NodeState // empty for the first
	ToState   NodeState
	Reason    string
	Term      Term // of the leader that moved it
}

func addNodeEvent(ctx context.Context, h *handle, n Node, from NodeState, why string, term Term) error {
	_, err := h.exec(ctx, "time line of node "+n.ID,
		`INSERT INTO node_events (id, node_id, at, from_state, to_state, reason, term)
		 VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		NewIDAt(n.StateSince), n.ID, n.StateSince, string(from), string(n.State), why, int64(term))
	return err
}

// Events pages through a node's time line, oldest first.
func (t Nodes) Events(ctx context.Context, nodeID string, p Page) (List[NodeEvent], error) {
	after, err := p.after("node_events")
	if err != nil {
		return List[NodeEvent]{}, err
	}
	rows, err := all[NodeEvent](ctx, t.handle, "time line of node "+nodeID,
		`SELECT id, node_id, at, from_state, to_state, reason, term FROM node_events
		 WHERE node_id = $1 AND id > $2 ORDER BY id LIMIT $3`, nodeID, after, p.limit()+1)
	return paged("node_events", rows, p.limit(), func(e NodeEvent) string { return e.ID }), err
}
