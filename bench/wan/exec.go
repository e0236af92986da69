//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/godwit/godwit/bench/wan/emulator"
)

// Variables of the commands that run on a path: the addresses of its ends, and
// where other processes enter them.
const (
	variableEndA = "WAN_END_A"
	variableEndB = "WAN_END_B"
	variablePath = "WAN_PATH"
)

func newExec() *cobra.Command {
	var l link
	var serve []string
	var quiet bool
	var wait time.Duration
	c := &cobra.Command{
		Use:   "exec [flags] -- COMMAND [ARG...]",
		Short: "make a path and run a command at end a (10.77.0.1, fd77::1); end b is 10.77.0.2, fd77::2",
		Example: `  wan exec --rate 1g --delay 100ms --loss 1% --serve 'iperf3 -s' -- iperf3 -c 10.77.0.2 -t 10
  wan exec --rate 1g --delay 100ms -- sh -c 'wan in b -- rsync --daemon ... & sleep 1; rsync ...'
  wan exec --delay 40ms -- bash`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			p, err := emulator.New(c.Context(), l.config())
			if err != nil {
				return err
			}
			defer p.Close()
			err = onPath(c.Context(), p, serve, wait, args)
			if !quiet {
				p.Stats().Print(os.Stderr)
			}
			return err
		},
	}
	l.register(c.Flags())
	c.Flags().StringArrayVar(&serve, "serve", nil, "shell command to run at end b meanwhile; repeatable")
	c.Flags().DurationVar(&wait, "wait", 300*time.Millisecond, "pause between --serve commands and the command")
	c.Flags().BoolVar(&quiet, "quiet", false, "no counters at the end")
	return c
}

// onPath runs servers at b and the command at a, until the command ends.
func onPath(ctx context.Context, p *emulator.Path, serve []string, wait time.Duration, args []string) error {
	environment := append(os.Environ(), variableEndA+"="+p.A.Path(), variableEndB+"="+p.B.Path(), variablePath+"="+p.Control())
	for _, line := range serve {
		server := exec.Command("sh", "-c", line) //nolint:noctx // ended with its group
		server.Env = environment
		server.Stdout, server.Stderr = os.Stderr, os.Stderr
		stop, err := startGroup(p.B, server)
		if err != nil {
			return fmt.Errorf("start %q: %w", line, err)
		}
		defer stop()
	}
	if len(serve) > 0 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	command := exec.CommandContext(ctx, args[0], args[1:]...)
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = 5 * time.Second
	command.Env = environment
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.A.Run(command); err != nil {
		return commandError{err}
	}
	return nil
}

// commandError is how the command on the path ended, which is not for us to explain.
type commandError struct{ error }

func (e commandError) Unwrap() error { return e.error }

// startGroup starts a command at an end as a process group of its own that
// dies with us; stop kills the group.
func startGroup(e *emulator.End, c *exec.Cmd) (stop func(), err error) {
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := e.Start(c); err != nil {
		return nil, err
	}
	return func() {
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) // gone is as good
		_ = c.Wait()
	}, nil
}

func newIn() *cobra.Command {
	return &cobra.Command{
		Use:   "in a|b -- COMMAND [ARG...]",
		Short: "run a command at an end of the path that this one runs on (below wan exec)",
		Args:  cobra.MinimumNArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			var at string
			switch args[0] {
			case "a":
				at = os.Getenv(variableEndA)
			case "b":
				at = os.Getenv(variableEndB)
			default:
				return fmt.Errorf("a path has ends a and b, not %q", args[0])
			}
			if at == "" {
				return errors.New("no path here: wan in works in commands that wan exec started")
			}
			program, err := exec.LookPath(args[1])
			if err != nil {
				return err
			}
			// The program replaces this process, so the thread that enters is
			// the one that must call it.
			runtime.LockOSThread()
			namespace, err := os.Open(at)
			if err != nil {
				return fmt.Errorf("end %s: %w", args[0], err)
			}
			if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err != nil {
				return fmt.Errorf("enter end %s: %w", args[0], err)
			}
			return syscall.Exec(program, args[1:], os.Environ())
		},
	}
}

func newSet() *cobra.Command {
	var l link
	c := &cobra.Command{
		Use:   "set [flags]",
		Short: "change the path that this command runs on (below wan exec): all flags anew",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			at := os.Getenv(variablePath)
			if at == "" {
				return errors.New("no path here: wan set works in commands that wan exec started")
			}
			config := l.config()
			return emulator.SetAt(at, config.AB, config.BA)
		},
	}
	l.register(c.Flags())
	return c
}
