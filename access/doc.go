// Package access decides, on the manager's side, who may move what: access keys (tenants), the keys that sign transfer
// tokens, and the transfer specs that tell a client where to connect.
//
// Promises:
//
//   - A secret is shown once, to the one who asked for it. What is stored is its verifier, sealed; a rotation may leave
//     the verifier before it valid for a while.
//   - A transfer token is bound to one client key, one transfer, one direction and its paths. It is never stored.
//   - A further spec of a transfer goes only to the tenant and the client key that made it, and not after its end.
//   - Signing keys rotate with an overlap that outlives every token that they signed.
//
// Nodes check tokens offline, with package access/token alone.
package access

import (
	"errors"
	"fmt"
	"time"
)

// Errors that a caller tells apart with errors.Is.
var (
	// ErrForbidden: the key may not do this, or the transfer is another's.
	ErrForbidden = errors.New("not allowed")
	// ErrEnded: the transfer has ended; ask for a new one.
	ErrEnded = errors.New("the transfer has ended")
)

// NoCapacity says that no node can take a session now.
type NoCapacity struct {
	RetryAfter time.Duration
	Reason     string
}

// Error is written for the user who waits.
func (e *NoCapacity) Error() string {
	if e.Reason == "" {
		return "no node can take a session now; try again"
	}
	return e.Reason
}

// Refused is a request that makes no sense, with the field at fault.
type Refused struct {
	Field, Problem string
}

// Error names the field.
func (e *Refused) Error() string { return fmt.Sprintf("refused: %s %s", e.Field, e.Problem) }
