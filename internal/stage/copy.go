package stage

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/godwit/godwit/transfer"
)

// Copy is one godwit cp.
type Copy struct {
	Name   string
	cmd    *exec.Cmd
	stderr bytes.Buffer
	gone   chan struct{}
	err    error
	Result transfer.Result // valid after Wait
}

// StartCopy runs godwit cp, whose JSON lines go to a log of their own. A manager that
// is asked for the transfer is told its name.
func (s *Stage) StartCopy(ctx context.Context, name string, args ...string) (*Copy, error) {
	c := &Copy{Name: name, gone: make(chan struct{})}
	args = append([]string{"cp", "-r", "--json"}, args...)
	if direct := func(arg string) bool { return strings.Contains(arg, "://") }; !slices.ContainsFunc(args, direct) {
		args = append(args, "--name", name)
	}
	c.cmd = exec.CommandContext(ctx, s.Bin("godwit"), args...)
	c.cmd.Env = append(os.Environ(), "GODWIT_CONFIG="+s.Profile())
	c.cmd.Cancel = func() error { return c.cmd.Process.Signal(syscall.SIGTERM) }
	c.cmd.WaitDelay = 5 * time.Second
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	c.cmd.Stderr = &c.stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(s.Path("logs", name+".jsonl"))
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("godwit cp: %w", err)
	}
	go func() {
		defer close(c.gone)
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			_, _ = log.Write(append(lines.Bytes(), '\n'))
			var e struct {
				Event  string          `json:"event"`
				Result transfer.Result `json:"result"`
			}
			if json.Unmarshal(lines.Bytes(), &e) == nil && e.Event == "result" {
				c.Result = e.Result
			}
		}
		_ = log.Close()
		c.err = c.cmd.Wait()
	}()
	s.Copies = append(s.Copies, c)
	return c, nil
}

// Wait returns when the copy has ended well.
func (c *Copy) Wait(ctx context.Context, limit time.Duration) error {
	select {
	case <-c.gone:
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(limit):
		return fmt.Errorf("copy %s has not ended after %s", c.Name, limit)
	}
	if c.err != nil {
		return fmt.Errorf("copy %s: %w: %s", c.Name, c.err, c.stderr.String())
	}
	return nil
}

// Running says that the copy has not ended.
func (c *Copy) Running() bool {
	select {
	case <-c.gone:
		return false
	default:
		return true
	}
}

// Summary is the result in one line.
func (c *Copy) Summary() string {
	r := c.Result
	return fmt.Sprintf("%s: %d files, %.1f MiB in %.1f s (%.0f Mbit/s)", c.Name, r.Files, float64(r.Bytes)/(1<<20),
		r.Duration.Seconds(), float64(r.Bytes)*8/1e6/max(r.Duration.Seconds(), 0.001))
}

// Stop ends the copy if it still runs.
func (c *Copy) Stop() {
	select {
	case <-c.gone:
		return
	default:
	}
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.gone:
	case <-time.After(5 * time.Second):
		_ = c.cmd.Process.Kill()
		<-c.gone
	}
}
