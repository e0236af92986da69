// Package supervisor keeps one child process alive and healthy.
//
//	starting ──healthy──▶ healthy ──exit, or checks fail──▶ restarting ──back-off──▶ starting
//
// The child dies with its parent, even with one that is killed: the kernel is told so (parent death signal), and since that signal follows the thread that forked, one thread is kept
// for the child's whole life. The back-off grows while the child dies young and starts anew once it has been healthy for a while. A child that still runs but does not answer
// is killed: what does not answer does not serve.
package supervisor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// State is the child's state in words that reports carry.
type State struct {
	State    string // healthy, starting, restarting
	Restarts int
	Since    time.Time
	Detail   string // for a person; empty when healthy
	PID      int    // 0 while there is no process
	// Started is when the process was; LastError why the one before ended, also once all is well again.
	Started   time.Time
	LastError string
}

// Words for State.State.
const (
	Healthy    = "healthy"
	Starting   = "starting"
	Restarting = "restarting"
	Stopped    = "stopped"
)

// Config of a Supervisor. Command, Check and Ready are required; zero durations mean the defaults given.
type Config struct {
	Name string
	// Command makes the process to start; it is called for each start.
	Command func() *exec.Cmd
	// Check asks the running child whether it is well.
	Check func(ctx context.Context) error
	// Ready is called each time the child first answers, and must set it up. Its error counts as ill health.
	Ready func(ctx context.Context) error
	// OnState hears of each change, in order. It must not block.
	OnState func(State)

	CheckEvery time.Duration // 1 s
	Patience   time.Duration // unanswered checks for this long get the child killed; 5 s
	StartLimit time.Duration // until the first answer; 15 s
	Grace      time.Duration // from SIGTERM to SIGKILL when stopping; 5 s
	MinDelay   time.Duration // before a restart; 100 ms
	MaxDelay   time.Duration // 10 s
	Now        func() time.Time
	Log        *slog.Logger
}

// Supervisor is made with New. State is safe for concurrent use.
type Supervisor struct {
	Config
	mu      sync.Mutex
	state   State
	restart chan string // reason; at most one waits
}

// New returns a supervisor; Run starts the child.
func New(c Config) *Supervisor {
	for _, d := range []struct {
		v *time.Duration
		d time.Duration
	}{
		{&c.CheckEvery, time.Second}, {&c.Patience, 5 * time.Second}, {&c.StartLimit, 15 * time.Second}, {&c.Grace, 5 * time.Second},
		{&c.MinDelay, 100 * time.Millisecond}, {&c.MaxDelay, 10 * time.Second},
	} {
		if *d.v == 0 {
			*d.v = d.d
		}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return &Supervisor{Config: c, state: State{State: Starting, Since: c.Now()}, restart: make(chan string, 1)}
}

// State returns how the child is.
func (s *Supervisor) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// Restart asks for a fresh process: the running one is ended politely and the next started without a pause. It does not
// wait. While there is no process a fresh one is on its way already, and nothing is done.
func (s *Supervisor) Restart(reason string) {
	if s.State().PID == 0 {
		return
	}
	select {
	case s.restart <- reason:
	default: // asked for already
	}
}

func (s *Supervisor) set(change func(*State)) {
	s.mu.Lock()
	before := s.state
	change(&s.state)
	if s.state.State != before.State {
		s.state.Since = s.Now()
	}
	after := s.state
	s.mu.Unlock()
	if after != before && s.OnState != nil {
		s.OnState(after)
	}
}

// Run keeps the child running until ctx ends, then stops it and returns when it is gone.
func (s *Supervisor) Run(ctx context.Context) {
	delay := s.MinDelay
	for {
		healthyFor, err := s.life(ctx)
		if ctx.Err() != nil {
			s.set(func(st *State) { st.State, st.PID, st.Detail = Stopped, 0, "" })
			return
		}
		if healthyFor > 30*time.Second {
			delay = s.MinDelay
		}
		var wanted *wantedRestart
		if errors.As(err, &wanted) {
			s.Log.Info("service restarts", "service", s.Name, "why", wanted.reason)
			s.set(func(st *State) {
				st.State, st.PID, st.Detail = Restarting, 0, err.Error()
				st.Restarts++
			})
			continue
		}
		s.Log.Error("service ended, will restart", "service", s.Name, "error", err, "in", delay)
		s.set(func(st *State) {
			st.State, st.PID, st.Detail, st.LastError = Restarting, 0, err.Error(), err.Error()
			st.Restarts++
		})
		select {
		case <-ctx.Done():
		case <-time.After(delay):
		}
		delay = min(2*delay, s.MaxDelay)
	}
}

// life runs one process from start to end and says how long it was healthy and why it ended. Its caller sets the state
// that follows, in one step with the process id.
func (s *Supervisor) life(ctx context.Context) (time.Duration, error) {
	cmd := s.Command()
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	started, ended := make(chan error, 1), make(chan error, 1)
	go func() {
		// Never unlocked: the thread ends with the goroutine, after the child did.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			ended <- cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return 0, fmt.Errorf("start: %w", err)
	}
	select {
	case <-s.restart: // it was meant for the process before
	default:
	}
	s.set(func(st *State) { st.PID, st.Started = cmd.Process.Pid, s.Now() })
	healthyFor, verdict := s.watch(ctx, ended)
	if verdict.exited {
		return healthyFor, exitError(verdict.err)
	}
	var wanted *wantedRestart
	s.end(cmd, ended, ctx.Err() != nil || errors.As(verdict.err, &wanted))
	return healthyFor, verdict.err
}

// wantedRestart ends a process that did nothing wrong.
type wantedRestart struct{ reason string }

func (w *wantedRestart) Error() string { return "restarted: " + w.reason }

type verdict struct {
	exited bool
	err    error
}

// watch returns when the child has exited, has been ill for too long, or ctx ended.
func (s *Supervisor) watch(ctx context.Context, ended <-chan error) (healthyFor time.Duration, v verdict) {
	begun := s.Now()
	lastGood, ready := begun, false
	interval := 20 * time.Millisecond // quick until the first answer: a restart should not cost a check's interval
	for {
		select {
		case err := <-ended:
			return healthyFor, verdict{exited: true, err: err}
		case <-ctx.Done():
			return healthyFor, verdict{err: context.Cause(ctx)}
		case reason := <-s.restart:
			return healthyFor, verdict{err: &wantedRestart{reason}}
		case <-time.After(interval):
		}
		err := s.probe(ctx, &ready)
		now := s.Now()
		switch {
		case err == nil:
			lastGood, healthyFor, interval = now, now.Sub(begun), s.CheckEvery
			s.set(func(st *State) { st.State, st.Detail = Healthy, "" })
		case ctx.Err() != nil:
		case !ready && now.Sub(begun) > s.StartLimit:
			return healthyFor, verdict{err: fmt.Errorf("did not get ready within %s: %w", s.StartLimit, err)}
		case ready && now.Sub(lastGood) > s.Patience:
			return healthyFor, verdict{err: fmt.Errorf("does not answer: %w", err)}
		case ready:
			s.set(func(st *State) { st.Detail = err.Error() })
		}
	}
}

func (s *Supervisor) probe(ctx context.Context, ready *bool) error {
	ctx, cancel := context.WithTimeout(ctx, s.Patience)
	defer cancel()
	if err := s.Check(ctx); err != nil {
		return err
	}
	if !*ready {
		if err := s.Ready(ctx); err != nil {
			return fmt.Errorf("set-up: %w", err)
		}
		*ready = true
	}
	return nil
}

// end stops the child: in good order when the supervisor is stopping or a restart was asked for, at once when the child is ill.
func (s *Supervisor) end(cmd *exec.Cmd, ended <-chan error, politely bool) {
	if politely {
		_ = cmd.Process.Signal(syscall.SIGTERM) // gone already: what was wanted
		select {
		case err := <-ended:
			s.Log.Debug("service stopped", "service", s.Name, "exit", err)
			return
		case <-time.After(s.Grace):
		}
	}
	_ = cmd.Process.Kill()
	s.Log.Debug("service killed", "service", s.Name, "exit", <-ended)
}

func exitError(err error) error {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return errors.New("exited by itself")
	case errors.As(err, &exit):
		return fmt.Errorf("process died: %s", exit.ProcessState)
	}
	return err
}
