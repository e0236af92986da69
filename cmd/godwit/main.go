// Command godwit copies files through Godwit clusters and administers them.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/godwit/godwit/api/client"
	"github.com/godwit/godwit/cmd/godwit/internal/channel"
	"github.com/godwit/godwit/identity/pin"
	"github.com/godwit/godwit/transfer"
)

// Exit codes. They are part of the command's contract: scripts tell by them
// what to do next.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitAuth        = 3
	exitNotFound    = 4
	exitPartial     = 5
	exitUnavailable = 6
	exitDiffers     = 7
	exitInterrupted = 130
)

const exitCodesHelp = `Exit codes: 0 done; 1 failed; 2 wrong usage or refused input; 3 not signed in or
not allowed; 4 not found; 5 some files failed, the others arrived; 6 manager or
nodes unavailable, try again; 7 apply --dry-run found differences; 130 interrupted
(run the same command to resume).`

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// run executes one command line and returns its exit code.
func run(ctx context.Context, args []string, s streams) int {
	a := &app{streams: s}
	root := a.root() //nolint:contextcheck // commands get theirs from ExecuteContext
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	code := exitCode(err)
	a.failed(root, args, err)
	if ctx.Err() != nil && code != exitPartial {
		code = exitInterrupted
		fmt.Fprintln(s.err, "godwit: interrupted; run the same command again to go on where it stopped")
		return code
	}
	fmt.Fprintln(s.err, "godwit:", printableLines(err.Error())) // a node's words and anybody's names are in it
	if hint := hintFor(err); hint != "" {
		fmt.Fprintln(s.err, "       ", hint)
	}
	return code
}

// usageError is a command line that makes no sense.
type usageError struct{ error }

func usagef(format string, a ...any) error { return usageError{fmt.Errorf(format, a...)} }

// authError is a lack of credentials.
type authError struct{ error }

// partialError says that some files did not make it.
type partialError struct{ failed int64 }

func (e partialError) Error() string {
	if e.failed == 1 {
		return "1 file failed; it is listed above"
	}
	return fmt.Sprintf("%d files failed; they are listed above", e.failed)
}

func exitCode(err error) int {
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	if _, ok := errors.AsType[differsError](err); ok {
		return exitDiffers
	}
	if _, ok := errors.AsType[partialError](err); ok {
		return exitPartial
	}
	if _, ok := errors.AsType[authError](err); ok || errors.Is(err, pin.ErrMismatch) {
		return exitAuth
	}
	if unpinned(err) {
		return exitAuth
	}
	if _, ok := errors.AsType[*client.Unreachable](err); ok {
		return exitUnavailable
	}
	if e, ok := errors.AsType[*client.Error](err); ok {
		switch {
		case e.Status == 401 || e.Status == 403:
			return exitAuth
		case e.Status == 404:
			return exitNotFound
		case e.Status == 400 || e.Status == 409 || e.Status == 412 || e.Status == 422:
			return exitUsage
		case e.Status == 429 || e.Status >= 502:
			return exitUnavailable
		}
		return exitFailed
	}
	switch transfer.CodeOf(err) {
	case transfer.CodeUnauthorized, transfer.CodeExpired, transfer.CodeEnded, transfer.CodeCertificate:
		return exitAuth
	case transfer.CodeNotFound:
		return exitNotFound
	case transfer.CodeInvalid, transfer.CodePath:
		return exitUsage
	case transfer.CodeBusy, transfer.CodeDraining, transfer.CodeMoved, transfer.CodeLost, transfer.CodeUnreachable:
		return exitUnavailable
	}
	return exitFailed
}

// unpinned tells that the certificate of a manager or node was held against the system's
// authorities, for want of a fingerprint, and that they do not know it.
func unpinned(err error) bool {
	_, ok := errors.AsType[*tls.CertificateVerificationError](err)
	return ok && !errors.Is(err, pin.ErrMismatch)
}

// hintFor says what to do next, where the error itself does not.
func hintFor(err error) string {
	e, isAPI := errors.AsType[*client.Error](err)
	u, silent := errors.AsType[*client.Unreachable](err)
	switch {
	case silent && u.MayBeDone:
		return ""
	case isAPI && e.Status == 401:
		return "sign in with: godwit login https://HOST:PORT#sha256=…"
	case isAPI && e.Status == 403:
		return "ask an administrator for the role or the access key that may"
	case unpinned(err) && !silent:
		return "the address of this node has no fingerprint: write godwit://HOST:PORT/PATH#sha256=FINGERPRINT"
	case unpinned(err):
		return "its address has no fingerprint: write https://HOST:PORT#sha256=FINGERPRINT (quoted, in a shell);\n        the manager prints that line when it starts, and godwit key create does"
	case errors.Is(err, pin.ErrMismatch):
		return "compare the fingerprint with the line that the manager prints when it starts"
	case silent:
		return "is the manager running, and its address right? godwit login shows the one in use"
	case errors.Is(err, channel.ErrSSH):
		return "" // which says it itself
	case transfer.CodeOf(err) == transfer.CodeCertificate:
		return "the address of a godwit serve changes with each start, unless --identity keeps it: ask for the one that it prints now"
	case transfer.CodeOf(err) == transfer.CodeUnreachable:
		return "does it run there, and do firewalls let its port through, TCP and UDP?"
	}
	return ""
}
