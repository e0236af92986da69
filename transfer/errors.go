package transfer

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"time"

	"github.com/godwit/godwit/transfer/control"
)

// Code is the closed set of reasons for which a session, a job or one file
// fails. It travels between the ends, so values never change meaning.
type Code string

// The codes. Retryable ones are those that another session may cure.
const (
	CodeUnauthorized Code = "unauthorized" // credential wrong, or not for this
	CodeExpired      Code = "expired"      // the token, or the grant, ran out
	CodeEnded        Code = "ended"        // the transfer of this token has ended
	CodeBusy         Code = "busy"         // session limit reached; retryable after RetryAfter
	CodeDraining     Code = "draining"     // the node takes no new sessions; retryable elsewhere
	CodeMoved        Code = "moved"        // told to go on elsewhere; retryable
	CodeLost         Code = "lost"         // the peer went away; retryable
	CodeUnreachable  Code = "unreachable"  // no connection to the node; retryable
	CodeCertificate  Code = "certificate"  // the node showed another certificate than the spec names
	CodeNotFound     Code = "not_found"    // no such file or directory
	CodePath         Code = "path"         // a path that leads out of the root, or cannot be a path
	CodeDenied       Code = "denied"       // the file system refused
	CodeDiskFull     Code = "disk_full"    // no space at the destination
	CodeFenced       Code = "fenced"       // a newer session of the same transfer writes this file
	CodeInUse        Code = "in_use"       // another transfer is writing this file
	CodeChanged      Code = "changed"      // the source changed again and again while it was read
	CodeMismatch     Code = "mismatch"     // what was written is not what was read, again and again
	CodeCancelled    Code = "cancelled"    // stopped by its operator or user
	CodeProtocol     Code = "protocol"     // the peer broke the protocol or speaks another version
	CodeInvalid      Code = "invalid"      // the job or its options make no sense
	CodeIO           Code = "io"           // the file system failed in another way
	CodeInternal     Code = "internal"     // a defect of this program
)

// Retryable reports whether a new session, perhaps on another node, may cure
// an error of this code.
func (c Code) Retryable() bool {
	switch c {
	case CodeBusy, CodeDraining, CodeMoved, CodeLost, CodeUnreachable:
		return true
	default:
		return false
	}
}

// Error is an error of a session, a job or a file that a program can act on.
type Error struct {
	Code       Code
	Message    string        // for a person: what happened, to what, what to do
	RetryAfter time.Duration // 0: the caller's own backoff
	Err        error         // cause on this side, may be nil
}

// Error returns the message, followed by the cause where there is one.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Message
	}
	if e.Message == "" {
		return e.Err.Error()
	}
	return e.Message + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf finds the code of err: that of the [*Error] in its chain,
// [CodeCancelled] for a cancelled context, "" for nil, [CodeInternal]
// otherwise.
func CodeOf(err error) Code {
	var e *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Code
	case errors.Is(err, context.Canceled):
		return CodeCancelled
	default:
		return CodeInternal
	}
}

func newError(code Code, message string, cause error) *Error {
	return &Error{Code: code, Message: message, Err: cause}
}

// closeFrame is how an error travels.
func closeFrame(err error) control.Close {
	var e *Error
	if err == nil {
		return control.Close{}
	}
	if !errors.As(err, &e) {
		return control.Close{Code: string(CodeInternal), Message: "internal error at the peer"}
	}
	message := e.Message
	if message == "" {
		message = e.Error()
	} else if errno, ok := errors.AsType[syscall.Errno](e.Err); ok && !strings.Contains(message, errno.Error()) {
		message += ": " + errno.Error() // which names no path of this side
	}
	return control.Close{Code: string(e.Code), Message: message, RetryAfterMS: e.RetryAfter.Milliseconds()}
}
