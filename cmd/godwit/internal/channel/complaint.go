package channel

import (
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/godwit/godwit/transfer"
)

// ErrSSH is in the chain of every error of ssh itself and of the program that it
// starts: its message says what to do next.
var ErrSSH = errors.New("ssh")

// sshError keeps ErrSSH out of the words.
type sshError struct{ cause *transfer.Error }

func (e sshError) Error() string   { return e.cause.Error() }
func (e sshError) Unwrap() []error { return []error{e.cause, ErrSSH} }

func failure(code transfer.Code, message string, cause error) error {
	return sshError{&transfer.Error{Code: code, Message: message, Err: cause}}
}

// complaints are what OpenSSH says of its failures, and what they mean: of its exit
// code, all of them have 255. %s is the host. The first that fits is taken.
var complaints = []struct {
	text string
	code transfer.Code
	says string
}{
	{"HOST IDENTIFICATION HAS CHANGED", transfer.CodeCertificate, "%s shows another host key than the one that known_hosts has: find out why before you go on; ssh says above how to forget the old one"},
	{"Host key verification failed", transfer.CodeCertificate, "the host key of %s is not known here: run ssh there once by hand and compare its fingerprint"},
	{"Permission denied", transfer.CodeUnauthorized, "ssh was not let in at %s: is it the right user (USER@HOST:PATH), and does ssh with that user and key work by itself?"},
	{"Too many authentication failures", transfer.CodeUnauthorized, "ssh was not let in at %s: it tried too many keys; name the right one, as in --ssh 'ssh -o IdentitiesOnly=yes -i KEY'"},
	{"Could not resolve hostname", transfer.CodeUnreachable, "no machine is known by the name of %s: is it spelt right, and does the name service know it here?"},
	{"Connection refused", transfer.CodeUnreachable, "no ssh server answers at %s: does sshd run there, and on that port? ssh://HOST:PORT/PATH names another one; without ssh, run godwit serve there"},
	{"timed out", transfer.CodeUnreachable, "%s does not answer: is it up, and do firewalls let ssh through?"},
	{"No route to host", transfer.CodeUnreachable, "there is no way to %s: is it up, and is this machine on the right network?"},
	{"Network is unreachable", transfer.CodeUnreachable, "there is no way to %s: is this machine on the right network?"},
}

// complaint hands on what ssh writes to its standard error, and keeps the end of it.
type complaint struct {
	over chan struct{} // closed when all that will be said was said

	mu   sync.Mutex
	kept []byte
}

// keptMost is how much of what ssh says is kept: it fails at the end.
const keptMost = 8 << 10

// lastWords is how long what an ssh said may be on its way when that has ended.
const lastWords = 200 * time.Millisecond

// listenTo returns the standard error for a process, whose caller closes it. A file,
// so that a connection which ssh keeps for others does not hold up the end of ours.
func listenTo(to io.Writer) (*complaint, *os.File, error) {
	in, out, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	c := &complaint{over: make(chan struct{})}
	go func() {
		defer close(c.over)
		defer in.Close()
		b := make([]byte, 4096)
		for {
			n, err := in.Read(b)
			if n > 0 && to != nil {
				_, _ = to.Write(b[:n])
			}
			c.mu.Lock()
			c.kept = append(c.kept, b[:n]...)
			c.kept = c.kept[max(0, len(c.kept)-keptMost):]
			c.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return c, out, nil
}

// end waits for the last of what an ssh says that has ended, unless it left another
// one behind that goes on.
func (c *complaint) end() {
	select {
	case <-c.over:
	case <-time.After(lastWords):
	}
}

// text is what was said, once ssh has ended.
func (c *complaint) text() string {
	c.end()
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.ToValidUTF8(string(c.kept), "?")
}
