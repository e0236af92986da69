//go:build linux

package beside

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/godwit/godwit/bench/process"
	"github.com/godwit/godwit/bench/wan/emulator"
)

const (
	grain  = 10 * time.Millisecond // of samples
	sooner = 500 * time.Millisecond
)

// errStoodStill says that the machine itself paused in mid-run, which then tells nothing.
var errStoodStill = errors.New("the machine stood still during the run")

const standstill = 200 * time.Millisecond

// play runs a scene once.
func (b *Bench) play(ctx context.Context, s scene, seed uint64) (track, error) {
	p, err := emulator.New(ctx, emulator.Config{AB: model, BA: model, Seed: seed, TCP: "cubic"})
	if err != nil {
		return nil, err
	}
	defer p.Close()
	work, err := os.MkdirTemp("", "beside")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	address := ""
	if s.godwit != never {
		server := process.New(work, b.Godwit, "serve", "--write", "--host", p.B.IP, work)
		stop, line, err := listen(p.B, server)
		if err != nil {
			return nil, fmt.Errorf("godwit serve: %w", err)
		}
		defer stop()
		address = line
	}
	if s.cubic != never {
		stop, _, err := listen(p.B, process.New(work, "iperf3", "-s", "-1", "--forceflush"))
		if err != nil {
			return nil, fmt.Errorf("iperf3: %w", err)
		}
		defer stop()
	}
	comers := []comer{
		{s.godwit, func() *exec.Cmd {
			return process.New(work, b.Godwit, "cp", "--quiet", "--discard", "--policy", s.policy, "random://64G", address)
		}},
		{s.cubic, func() *exec.Cmd {
			return process.New(work, "iperf3", "-c", p.B.IP, "-C", "cubic", "-t", fmt.Sprint(int((s.lasts-s.cubic+sooner).Seconds()+1)))
		}},
	}
	t, err := watch(ctx, p, comers, s.lasts+sooner)
	if stats := p.Stats(); err == nil && (stats.StallMax > standstill || stats.Unintended() > 0) {
		return nil, errStoodStill
	}
	return t, err
}

// comer is a program that sends from its moment on.
type comer struct {
	comes time.Duration
	sends func() *exec.Cmd
}

// watch starts who comes at a, and samples what crosses.
func watch(ctx context.Context, p *emulator.Path, comers []comer, lasts time.Duration) (t track, err error) {
	begun := time.Now()
	ticker := time.NewTicker(grain)
	defer ticker.Stop()
	started := make([]*exec.Cmd, len(comers))
	for at := time.Duration(0); at < lasts; at = time.Since(begun) {
		for i, c := range comers {
			if started[i] != nil || c.comes == never || at < c.comes {
				continue
			}
			started[i] = c.sends()
			if err := p.A.Start(started[i]); err != nil {
				return nil, err
			}
			defer process.End(started[i])
		}
		godwit, cubic := p.Kinds()
		t = append(t, sample{time.Since(begun), godwit, cubic})
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return t, nil
}

// listen starts a server and returns its first line, which says that it is ready.
func listen(e *emulator.End, c *exec.Cmd) (stop func(), line string, err error) {
	said, err := c.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	if err := e.Start(c); err != nil {
		return nil, "", err
	}
	line, err = bufio.NewReader(said).ReadString('\n')
	if err != nil {
		process.End(c)
		return nil, "", err
	}
	go io.Copy(io.Discard, said) //nolint:errcheck // until the server ends
	return func() { process.End(c) }, strings.TrimSpace(line), nil
}
