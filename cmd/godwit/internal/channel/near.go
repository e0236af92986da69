package channel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/godwit/godwit/transfer"
)

// Host is a machine that ssh reaches.
type Host struct {
	Name string // as ssh takes it: host, user@host or an alias of its configuration
	Port int    // 0: ssh's
}

// Valid reports whether ssh takes the name for a host, and for nothing else.
func (h Host) Valid() bool {
	return h.Name != "" && !strings.HasPrefix(h.Name, "-") && !strings.ContainsAny(h.Name, " \t\n\x00")
}

// String names the host for people.
func (h Host) String() string {
	if h.Port == 0 {
		return h.Name
	}
	return h.Name + ":" + strconv.Itoa(h.Port)
}

// Dialer starts ssh.
type Dialer struct {
	Host    Host
	Command []string  // ssh and its options; empty: ssh
	Remote  string    // godwit on the far machine, for its shell; "": godwit in the PATH there
	Stderr  io.Writer // where ssh and the far side complain

	patience time.Duration // how long ssh may take until godwit answers; 0: as long as people type passwords
}

// typing is how long people may take to type a password. It ends before a connection
// that nobody answers does, which is why errLate speaks of that, too.
const typing = 2 * time.Minute

var errLate = errors.New("no answer in time")

// leave is how long ssh may take to end by itself, once its streams are closed.
const leave = 2 * time.Second

// Dial opens a channel, for transfer.Client. What goes wrong with ssh
// has [ErrSSH] in its chain.
func (d *Dialer) Dial(ctx context.Context) (transfer.Channel, error) {
	p, err := d.start()
	if err != nil {
		return transfer.Channel{}, failure(transfer.CodeInvalid, "cannot start ssh, which --ssh or GODWIT_SSH may name", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = p.conn.Close() })
	timer := time.AfterFunc(cmp.Or(d.patience, typing), func() { _ = p.conn.Close() })
	g, err := readGreeting(p.conn.in)
	if !timer.Stop() {
		err = errLate
	}
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = p.conn.Close()
		<-p.done
		if ctx.Err() != nil {
			return transfer.Channel{}, &transfer.Error{Code: transfer.CodeCancelled, Message: "the transfer was cancelled", Err: context.Cause(ctx)}
		}
		return transfer.Channel{}, d.explain(p, err)
	}
	return transfer.Channel{Conn: p.conn, Secret: g.Secret, Data: g.UDP}, nil
}

// Exit codes of ssh and of a shell.
const (
	exitSSH     = 255
	exitMissing = 127
)

// explain says what went wrong before the greeting.
func (d *Dialer) explain(p *process, err error) error {
	host := d.Host.String()
	switch {
	case errors.Is(err, errLate):
		return failure(transfer.CodeUnreachable, fmt.Sprintf("%s did not answer within %s: is it up, do firewalls let ssh through, and does ssh ask for something there?", host, cmp.Or(d.patience, typing)), nil)
	case errors.Is(err, errMangled):
		return failure(transfer.CodeProtocol, "godwit on "+host+" is of another version: give both machines the same", err)
	case p.code() == exitMissing:
		return failure(transfer.CodeNotFound, "there is no godwit on "+host+
			": copy the binary there, into the PATH of a login without a terminal, or say where it is with --remote-godwit", nil)
	case p.code() != exitSSH:
		return failure(transfer.CodeUnreachable, fmt.Sprintf("%s was reached, but godwit serve --stdio did not answer there (exit code %d): look what this prints there: godwit serve --stdio", host, p.code()), err)
	}
	said := p.said.text()
	for _, c := range complaints {
		if strings.Contains(said, c.text) {
			return failure(c.code, fmt.Sprintf(c.says, host), nil)
		}
	}
	return failure(transfer.CodeUnreachable, "ssh to "+host+" failed; what it said is above", nil)
}

// process is an ssh that runs.
type process struct {
	conn *conn
	said *complaint
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

func (p *process) code() int {
	<-p.done
	return p.cmd.ProcessState.ExitCode()
}

func (d *Dialer) start() (*process, error) {
	remote := d.Remote
	if remote == "" {
		remote = "godwit"
	}
	line := d.Command
	if len(line) == 0 {
		line = []string{"ssh"}
	}
	line = append([]string(nil), line...)
	if d.Host.Port != 0 {
		at := len(line)
		if filepath.Base(line[0]) == "ssh" {
			at = 1 // ssh obeys the first port that it is told
		}
		line = slices.Insert(line, at, "-p", strconv.Itoa(d.Host.Port))
	}
	line = append(line, d.Host.Name, remote+" serve --stdio")
	theirIn, ourOut, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	ourIn, theirOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, theirIn.Close(), ourOut.Close())
	}
	said, theirErr, err := listenTo(d.Stderr)
	if err != nil {
		return nil, errors.Join(err, theirIn.Close(), ourOut.Close(), ourIn.Close(), theirOut.Close())
	}
	cmd := exec.Command(line[0], line[1:]...) //nolint:noctx // it ends with its streams
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirIn, theirOut, theirErr
	cmd.WaitDelay = leave
	p := &process{cmd: cmd, said: said, done: make(chan struct{})}
	err = cmd.Start()
	_, _, _ = theirIn.Close(), theirOut.Close(), theirErr.Close()
	if err != nil {
		return nil, errors.Join(err, ourIn.Close(), ourOut.Close())
	}
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // its exit code is looked at where it says something
	}()
	p.conn = &conn{in: ourIn, out: ourOut, remote: addr(d.Host.String()), ended: func() {
		timer := time.AfterFunc(leave, func() { _ = cmd.Process.Kill() })
		<-p.done
		timer.Stop()
		said.end()
	}}
	return p, nil
}

// Split is a command line as words; quotes keep blanks together.
func Split(s string) ([]string, error) {
	var words []string
	var word strings.Builder
	var quote rune
	inside := false
	for _, r := range s {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, inside = r, true
		case r == ' ' || r == '\t':
			if inside {
				words = append(words, word.String())
				word.Reset()
				inside = false
			}
		default:
			word.WriteRune(r)
			inside = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("a quote %c is not closed", quote)
	}
	if inside {
		words = append(words, word.String())
	}
	return words, nil
}
