package statestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// The closed set of errors. Test with errors.Is; the message names the object.
var (
	// ErrNotFound: no such row.
	ErrNotFound = errors.New("not found")
	// ErrConflict: a unique name or id is taken, or a row is still referred to.
	ErrConflict = errors.New("conflict")
	// ErrInvalid: the database refused the value (a check or a missing parent).
	ErrInvalid = errors.New("invalid value")
	// ErrStale: the row changed since the caller read it (version mismatch).
	ErrStale = errors.New("changed meanwhile")
	// ErrState: a compare-and-set found another state. See [StateError].
	ErrState = errors.New("not in an expected state")
	// ErrUnfolded: a decision without a snapshot is like none that it could be
	// folded into; append it with its snapshot.
	ErrUnfolded = errors.New("no like decision to fold into")
	// ErrFenced: the term is no longer the current one; stop leading.
	ErrFenced = errors.New("leadership lost")
	// ErrUsed: a one-time token was presented again: raise an alert.
	ErrUsed = errors.New("already used")
	// ErrExpired: the token or session is past its time.
	ErrExpired = errors.New("expired")
	// ErrUnavailable: Postgres cannot be reached now, or is held up by other
	// transactions. The outcome of a write is unknown; retry what is idempotent.
	ErrUnavailable = errors.New("state store unavailable")
	// ErrUnsealed: a secret cannot be opened: another master key, or the
	// ciphertext was altered or moved.
	ErrUnsealed = errors.New("secret cannot be opened")
)

// StateError says which state a compare-and-set found instead of those it
// expected. errors.Is(err, ErrState) holds.
type StateError struct {
	Object string // "node 01j…"
	Found  string
	Wanted []string
}

func (e *StateError) Error() string {
	return fmt.Sprintf("%s is %s, expected %v", e.Object, e.Found, e.Wanted)
}

// Is makes StateError match ErrState.
func (e *StateError) Is(target error) bool { return target == ErrState }

// fault maps what pgx returns to the closed set and names the object. It
// returns nil for nil.
func fault(err error, object string) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("%s: %w", object, ErrNotFound)
	}
	var p *pgconn.PgError
	if errors.As(err, &p) {
		switch {
		case p.Code == codeUnique:
			return fmt.Errorf("%s: %w: there is one already", object, ErrConflict)
		case p.Code == codeForeignKey && deleting(p):
			return fmt.Errorf("%s: %w: %s still refer to it", object, ErrConflict, strings.ReplaceAll(p.TableName, "_", " "))
		case strings.HasPrefix(p.Code, classConstraint), strings.HasPrefix(p.Code, classData):
			return fmt.Errorf("%s: %w: %s", object, ErrInvalid, detail(p))
		case away(p.Code):
			return fmt.Errorf("%s: %w: %w", object, ErrUnavailable, err)
		}
		return fmt.Errorf("%s: %w", object, err)
	}
	if broken(err) {
		return fmt.Errorf("%s: %w: %w", object, ErrUnavailable, err)
	}
	return fmt.Errorf("%s: %w", object, err)
}

// deleting tells a delete of a row that is still referred to from an insert
// whose parent is missing: Postgres names them by the same code.
func deleting(p *pgconn.PgError) bool {
	return p.Detail != "" && containsFold(p.Detail, "still referenced")
}

func detail(p *pgconn.PgError) string {
	if p.Detail != "" {
		return p.Detail
	}
	return p.Message
}

// SQLSTATE codes and classes, from appendix A of PostgreSQL's manual.
const (
	classConnection = "08"
	classData       = "22"
	classConstraint = "23"

	codeForeignKey = "23503"
	codeUnique     = "23505"
)

// away tells the codes with which a server answers that is starting, stopping,
// full, failing over or held up by other transactions.
func away(code string) bool {
	switch code {
	case "25006", // read_only_sql_transaction: a standby
		"25P03", // idle_in_transaction_session_timeout
		"40001", // serialization_failure
		"40P01", // deadlock_detected
		"55P03", // lock_not_available: lock_timeout
		"53300", // too_many_connections
		"57P01", // admin_shutdown
		"57P02", // crash_shutdown
		"57P03", // cannot_connect_now
		"57P05": // idle_session_timeout
		return true
	}
	return strings.HasPrefix(code, classConnection)
}

func broken(err error) bool {
	if errors.Is(err, context.Canceled) {
		return false
	}
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, io.ErrClosedPipe) || pgconn.SafeToRetry(err) || containsFold(err.Error(), "conn closed")
}
