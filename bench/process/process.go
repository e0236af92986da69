//go:build linux

// Package process runs the programs that are measured: each a process group of
// its own that ends with us, cold, with its processor time known.
package process

import (
	"context"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// New is a command whose group Wait and End end. It works in home and finds
// nothing there of earlier runs.
func New(home, name string, args ...string) *exec.Cmd {
	c := exec.Command(name, args...) //nolint:noctx // a context would kill the leader alone
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	c.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_CACHE_HOME="+home, "XDG_STATE_HOME="+home)
	c.Dir = home
	c.WaitDelay = time.Second
	return c
}

// Wait waits for a started command, at most so long and no longer than ctx; then
// it kills the group and says that it had to.
func Wait(ctx context.Context, c *exec.Cmd, longest time.Duration) (err error, capped bool) {
	done := make(chan error, 1)
	go func() { done <- c.Wait() }()
	timer := time.NewTimer(longest)
	defer timer.Stop()
	select {
	case err := <-done:
		return err, false
	case <-timer.C:
	case <-ctx.Done():
	}
	_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) // gone is as good
	return <-done, true
}

// End ends a started server and its children: politely first, so that it
// collects its children and their time counts.
func End(c *exec.Cmd) {
	done := make(chan struct{})
	go func() {
		_ = c.Wait() // it was told to end
		close(done)
	}()
	_ = syscall.Kill(c.Process.Pid, syscall.SIGTERM) // gone is as good
	select {
	case <-done:
	case <-time.After(2 * time.Second):
	}
	_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) // children that stayed
	<-done
}

// CPU is what a command that ended used, with the children that it waited for, seconds.
func CPU(c *exec.Cmd) float64 {
	if c.ProcessState == nil {
		return 0
	}
	return (c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds()
}

// Wakeups is how often threads of a command that ended, and of the children that
// it waited for, slept and were woken.
func Wakeups(c *exec.Cmd) int64 {
	if c.ProcessState == nil {
		return 0
	}
	usage, ok := c.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return usage.Nvcsw
}
