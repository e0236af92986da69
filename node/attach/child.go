package attach

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// outputDelay is how long the output of an ended agent is waited for; a child
// of it that lives on could keep the pipe open.
const outputDelay = 2 * time.Second

// end is how an agent's process ended.
type end struct {
	code   int // -1: by a signal, or never started
	err    error
	lasted time.Duration
}

// String says it for people.
func (e end) String() string {
	switch {
	case e.code >= 0:
		return fmt.Sprintf("exit code %d", e.code)
	case e.err != nil:
		return e.err.Error()
	}
	return "unknown"
}

// child runs one agent from start to end. It ends it when ctx ends or the slot
// is not the instance's any more.
func (s *seat) child(ctx context.Context, instance, bootstrap string, out io.Writer) end {
	begun := time.Now()
	//nolint:gosec,noctx // our own program; it is ended below, in its own way
	cmd := exec.Command(s.Command[0], append(append([]string{}, s.Command[1:]...), "--bootstrap", bootstrap)...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = outputDelay
	// A group of its own: Ctrl-C at a terminal reaches the agent through us
	// alone. And no agent outlives the process that holds the slot.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started, ended := make(chan error, 1), make(chan error, 1)
	go func() {
		// Pdeathsig is about the thread that started the child: it must last.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			ended <- cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return end{code: -1, err: fmt.Errorf("start the node: %w", err), lasted: time.Since(begun)}
	}
	look := time.NewTicker(s.Poll)
	defer look.Stop()
	for wanted := true; wanted; {
		select {
		case err := <-ended:
			return exit(err, begun)
		case <-ctx.Done():
			wanted = false
		case <-look.C:
			wanted = s.wanted(instance)
			_ = s.forget(instance) // a launch that was repeated may have delivered again; the next look tries once more
		}
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-ended:
		return exit(err, begun)
	case <-time.After(s.Grace):
		s.Log.Warn("node does not end in time and is killed", "instance", instance, "grace", s.Grace)
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // not reaped yet: the number is still its own
		return exit(<-ended, begun)
	}
}

func exit(err error, begun time.Time) end {
	e := end{err: err, lasted: time.Since(begun)}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		e.code = exit.ExitCode()
	}
	return e
}
