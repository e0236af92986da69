package supervisor

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second

// story is a supervised shell and what was said of it.
type story struct {
	*Supervisor
	mu     sync.Mutex
	states []string
	done   chan struct{}
}

// tell runs script until the test ends or stop is called. Checks succeed while well is set.
func tell(t *testing.T, script string, well *atomic.Bool, change func(*Config)) (s *story, stop func()) {
	t.Helper()
	s = &story{done: make(chan struct{})}
	c := Config{
		Name: "test", Command: func() *exec.Cmd { return exec.Command("/bin/sh", "-c", script) },
		Check: func(context.Context) error {
			if well.Load() {
				return nil
			}
			return errors.New("no answer")
		},
		Ready:      func(context.Context) error { return nil },
		CheckEvery: 5 * time.Millisecond, Patience: 100 * time.Millisecond, StartLimit: 300 * time.Millisecond, Grace: 200 * time.Millisecond, MinDelay: 5 * time.Millisecond,
		OnState: func(st State) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if n := len(s.states); n == 0 || s.states[n-1] != st.State {
				s.states = append(s.states, st.State)
			}
		},
	}
	if change != nil {
		change(&c)
	}
	s.Supervisor = New(c)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer close(s.done)
		s.Run(ctx)
	}()
	stop = func() {
		cancel()
		<-s.done
	}
	t.Cleanup(stop)
	return s, stop
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatal("did not happen: " + what)
}

func on() *atomic.Bool {
	var b atomic.Bool
	b.Store(true)
	return &b
}

func gone(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

func TestKilledChildIsStartedAgain(t *testing.T) {
	t.Parallel()
	s, stop := tell(t, "exec sleep 60", on(), nil)
	eventually(t, "healthy", func() bool { return s.State().State == Healthy })
	first := s.State().PID
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "healthy again", func() bool { st := s.State(); return st.State == Healthy && st.Restarts == 1 && st.PID != first })
	second := s.State().PID
	stop()
	if !gone(second) {
		t.Error("the child outlives its supervisor")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if got := strings.Join(s.states, " "); got != "starting healthy restarting healthy stopped" {
		t.Errorf("states: %s", got)
	}
}

func TestChildThatDoesNotAnswerIsKilled(t *testing.T) {
	t.Parallel()
	well := on()
	s, _ := tell(t, "trap '' TERM; sleep 60 & wait", well, nil)
	eventually(t, "healthy", func() bool { return s.State().State == Healthy })
	pid := s.State().PID
	well.Store(false)
	eventually(t, "killed", func() bool { return gone(pid) })
	well.Store(true)
	eventually(t, "another one healthy", func() bool { st := s.State(); return st.State == Healthy && st.PID != pid })
}

func TestChildThatNeverGetsReadyIsTriedAgain(t *testing.T) {
	t.Parallel()
	var tries atomic.Int32
	s, _ := tell(t, "exec sleep 60", on(), func(c *Config) {
		c.Ready = func(context.Context) error {
			if tries.Add(1) < 3 {
				return errors.New("certificate refused")
			}
			return nil
		}
		c.StartLimit = 1 // the first answer is too late already
	})
	eventually(t, "healthy at the third", func() bool { return s.State().State == Healthy && s.State().Restarts >= 1 })
}

func TestDelayGrowsWhileTheChildDiesYoung(t *testing.T) {
	t.Parallel()
	var starts atomic.Int32
	s, stop := tell(t, "exit 7", on(), func(c *Config) {
		command := c.Command
		c.Command = func() *exec.Cmd { starts.Add(1); return command() }
		c.MinDelay, c.MaxDelay = time.Millisecond, time.Hour
	})
	eventually(t, "several starts", func() bool { return starts.Load() >= 6 })
	if d := s.State().Detail; !strings.Contains(d, "exit status 7") {
		t.Errorf("detail %q", d)
	}
	stop()
}

func TestMissingProgramIsReported(t *testing.T) {
	t.Parallel()
	s, _ := tell(t, "", on(), func(c *Config) { c.Command = func() *exec.Cmd { return exec.Command("/nonexistent/program") } })
	eventually(t, "reported", func() bool {
		st := s.State()
		return st.State == Restarting && strings.Contains(st.Detail, "no such file")
	})
}

func TestStoppingAsksFirstAndThenInsists(t *testing.T) {
	t.Parallel()
	said := filepath.Join(t.TempDir(), "said")
	polite, stop := tell(t, "trap 'echo bye > "+said+"; exit 0' TERM; echo $$ >&2; while :; do sleep 0.01; done", on(), func(c *Config) { c.Grace = patience })
	eventually(t, "healthy", func() bool { return polite.State().State == Healthy })
	// Healthy comes from the check, not from the shell: give the trap time to be set by asking for a sign of life first.
	eventually(t, "trap set", func() bool { return caught(polite.State().PID, syscall.SIGTERM) })
	stop()
	if data, err := os.ReadFile(said); err != nil || string(data) != "bye\n" {
		t.Errorf("it was not asked: %q, %v", data, err)
	}
	stubborn, stop := tell(t, "trap '' TERM; while :; do sleep 0.01; done", on(), nil)
	eventually(t, "healthy", func() bool { return stubborn.State().State == Healthy })
	pid := stubborn.State().PID
	stop()
	if !gone(pid) {
		t.Error("it got away")
	}
}

// caught tells whether a process handles a signal, by the mask in /proc.
func caught(pid int, sig syscall.Signal) bool {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(data), "SigCgt:")
	line, _, _ := strings.Cut(rest, "\n")
	mask, err := strconv.ParseUint(strings.TrimSpace(line), 16, 64)
	return err == nil && mask&(1<<(uint(sig)-1)) != 0
}

func TestRestartIsPoliteAndAtOnce(t *testing.T) {
	t.Parallel()
	said := filepath.Join(t.TempDir(), "said")
	s, _ := tell(t, `trap 'echo bye >> "`+said+`"; exit 0' TERM; while :; do sleep 0.01; done`, on(), func(c *Config) {
		c.MinDelay, c.MaxDelay, c.Grace = time.Hour, time.Hour, patience // a pause would be seen
	})
	eventually(t, "healthy", func() bool { return s.State().State == Healthy })
	eventually(t, "trap set", func() bool { return caught(s.State().PID, syscall.SIGTERM) })
	first := s.State()
	s.Restart("a test wants it")
	eventually(t, "a fresh process", func() bool { st := s.State(); return st.State == Healthy && st.PID != first.PID })
	if st := s.State(); st.Restarts != 1 || st.LastError != "" || !st.Started.After(first.Started) {
		t.Errorf("%+v after %+v", st, first)
	}
	if text, err := os.ReadFile(said); err != nil || string(text) != "bye\n" {
		t.Errorf("the process before said %q, %v", text, err)
	}
}

func TestWhyAServiceDiedLastIsRemembered(t *testing.T) {
	t.Parallel()
	s, _ := tell(t, "exec sleep 60", on(), nil)
	eventually(t, "healthy", func() bool { return s.State().State == Healthy })
	if err := syscall.Kill(s.State().PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "healthy again", func() bool { st := s.State(); return st.State == Healthy && st.Restarts == 1 })
	if st := s.State(); st.Detail != "" || !strings.Contains(st.LastError, "killed") {
		t.Errorf("%+v", st)
	}
}
