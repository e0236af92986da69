//go:build linux

package process

import (
	"errors"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

func TestCappedCommandDiesWithItsChildren(t *testing.T) {
	t.Parallel()
	c := New(t.TempDir(), "sh", "-c", "sleep 600 & wait")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	err, capped := Wait(t.Context(), c, 50*time.Millisecond)
	var exit *exec.ExitError
	if !capped || !errors.As(err, &exit) {
		t.Fatalf("%v, capped %v", err, capped)
	}
	awaitNoGroup(t, c.Process.Pid)
}

func TestEndedServerCountsItsChildrensTime(t *testing.T) {
	t.Parallel()
	// The child burns time, the parent collects it and then waits to be ended.
	c := New(t.TempDir(), "sh", "-c", "trap 'exit 0' TERM; i=0; (while [ $i -lt 200000 ]; do i=$((i+1)); done); echo ready; sleep 600 & wait")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	End(c)
	if CPU(c) <= 0 {
		t.Errorf("%v s", CPU(c))
	}
	awaitNoGroup(t, c.Process.Pid)
}

func TestCommandThatEndsByItselfIsNotCapped(t *testing.T) {
	t.Parallel()
	c := New(t.TempDir(), "true")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if err, capped := Wait(t.Context(), c, time.Minute); err != nil || capped {
		t.Fatalf("%v, capped %v", err, capped)
	}
}

// awaitNoGroup waits until nobody is left in a process group.
func awaitNoGroup(t *testing.T, id int) {
	t.Helper()
	for range 2000 {
		if errors.Is(syscall.Kill(-id, 0), syscall.ESRCH) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("group %d still has processes", id)
}
