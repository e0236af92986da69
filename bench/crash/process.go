package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/godwit/godwit/transfer"
)

// patience is how long anything here may take; a machine that is busy with
// other things is slow, not wrong.
const patience = 5 * time.Minute

// process is one that runs.
type process struct {
	cmd  *exec.Cmd
	out  bytes.Buffer // what it printed, once it has ended
	said bytes.Buffer // the same of its errors
	done chan struct{}
	err  error
}

func (p *process) start() error {
	p.cmd.Stderr = &p.said
	p.done = make(chan struct{})
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.cmd.Path, err)
	}
	return nil
}

// kill ends the process as a power cut would, without a word, and waits until it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Signal(syscall.SIGKILL) // gone already is as good
	<-p.done
}

// client is a godwit cp.
type client struct{ process }

func runClient(ctx context.Context, godwit string, args ...string) (*client, error) {
	c := &client{process{cmd: exec.CommandContext(ctx, godwit, append([]string{"cp", "-r", "--json"}, args...)...)}}
	c.cmd.Stdout = &c.out
	if err := c.start(); err != nil {
		return nil, err
	}
	go func() {
		c.err = c.cmd.Wait()
		close(c.done)
	}()
	return c, nil
}

// result is what the client printed last.
func (c *client) result() (transfer.Result, error) {
	select {
	case <-c.done:
	case <-time.After(patience):
		c.kill()
		return transfer.Result{}, fmt.Errorf("godwit cp did not end within %v: %s", patience, c.tail())
	}
	if c.err != nil {
		return transfer.Result{}, fmt.Errorf("godwit cp: %w: %s", c.err, c.tail())
	}
	lines := bytes.Split(bytes.TrimSpace(c.out.Bytes()), []byte("\n"))
	var last struct {
		Event  string
		Result transfer.Result
	}
	if err := json.Unmarshal(lines[len(lines)-1], &last); err != nil || last.Event != "result" {
		return transfer.Result{}, fmt.Errorf("godwit cp did not end with its result: %s", c.tail())
	}
	return last.Result, nil
}

// tail is the end of what the client said, for a person.
func (c *client) tail() string {
	all := c.out.String() + c.said.String()
	return all[max(0, len(all)-2000):]
}

// server is a godwit serve.
type server struct {
	process
	address string
}

// runServer serves dir; listen is host:port, of which the port may be 0.
func runServer(ctx context.Context, godwit, identity, listen, dir string) (*server, error) {
	s := &server{process: process{cmd: exec.CommandContext(ctx, godwit, "serve", "--write", "--quiet", "--identity", identity, "--listen", listen, dir)}}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	go func() {
		s.err = s.cmd.Wait()
		close(s.done)
	}()
	if err != nil {
		s.kill()
		return nil, fmt.Errorf("godwit serve: %w: %s", errors.Join(err, s.err), s.said.String())
	}
	s.address = strings.TrimSuffix(strings.TrimSpace(line), "/")
	return s, nil
}

// again starts the server anew where it was.
func (s *server) again(ctx context.Context, godwit, identity, dir string) (*server, error) {
	host := s.address[strings.LastIndex(s.address, "@")+1:]
	return runServer(ctx, godwit, identity, host, dir)
}
