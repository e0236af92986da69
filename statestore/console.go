package statestore

import (
	"context"
	"time"
)

// ConsoleRequest asks the leader for what a node's machine wrote to its
// console, and holds the answer. There is one row per node: the newest request.
type ConsoleRequest struct {
	NodeID      string
	RequestedAt time.Time
	AnsweredAt  *time.Time // nil while it waits
	Output      []byte
	ErrorText   string // why there is no output; empty when there is
}

// Consoles are the rows of ConsoleRequest.
type Consoles struct{ *handle }

const consoleColumns = "node_id, requested_at, answered_at, output, error_text"

// consoleFresh is how long an answer stands for the next question too: clouds
// throttle this call.
const consoleFresh = 5 * time.Second

// Ask notes a request, unless one waits already or was answered within the last
// five seconds, and returns the row.
func (c Consoles) Ask(ctx context.Context, nodeID string) (ConsoleRequest, error) {
	return one[ConsoleRequest](ctx, c.handle, "console of node "+nodeID, `INSERT INTO console_requests (node_id, requested_at)
		VALUES ($1, $2) ON CONFLICT (node_id) DO UPDATE SET
		  requested_at = CASE WHEN console_requests.answered_at < $3 THEN excluded.requested_at ELSE console_requests.requested_at END,
		  output = CASE WHEN console_requests.answered_at < $3 THEN NULL ELSE console_requests.output END,
		  error_text = CASE WHEN console_requests.answered_at < $3 THEN '' ELSE console_requests.error_text END,
		  answered_at = CASE WHEN console_requests.answered_at < $3 THEN NULL ELSE console_requests.answered_at END
		RETURNING `+consoleColumns, nodeID, c.now(), c.now().Add(-consoleFresh))
}

// Get returns the node's newest request.
func (c Consoles) Get(ctx context.Context, nodeID string) (ConsoleRequest, error) {
	return one[ConsoleRequest](ctx, c.handle, "console of node "+nodeID,
		`SELECT `+consoleColumns+` FROM console_requests WHERE node_id = $1`, nodeID)
}

// Waiting returns requests without an answer, oldest first, at most limit.
func (c Consoles) Waiting(ctx context.Context, limit int) ([]ConsoleRequest, error) {
	return all[ConsoleRequest](ctx, c.handle, "console requests", `SELECT `+consoleColumns+` FROM console_requests
		WHERE answered_at IS NULL ORDER BY requested_at, node_id LIMIT $1`, limit)
}

// Answer stores what the provider said; errorText is for when it said nothing.
func (c Consoles) Answer(ctx context.Context, nodeID string, output []byte, errorText string) error {
	return c.touch(ctx, "console of node "+nodeID, `UPDATE console_requests
		SET answered_at = greatest($2, requested_at), output = $3, error_text = $4 WHERE node_id = $1`, nodeID, c.now(), output, errorText)
}
