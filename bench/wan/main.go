//go:build linux

// Command wan emulates a wide-area path on this machine and measures transfers
// over it: exec runs a command on a path, bench runs Godwit and its peers side
// by side.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	root := &cobra.Command{
		Use:           "wan",
		Short:         "emulated wide-area paths, and what transfers reach over them",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newExec(), newIn(), newSet(), newBench(), newBeside(), newReport())
	err := root.ExecuteContext(ctx)
	if err == nil {
		return
	}
	var ended commandError
	var exit *exec.ExitError
	if errors.As(err, &ended) && errors.As(err, &exit) && exit.ExitCode() > 0 {
		os.Exit(exit.ExitCode())
	}
	fmt.Fprintln(os.Stderr, "wan:", err)
	os.Exit(1)
}
