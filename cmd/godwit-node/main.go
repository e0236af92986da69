// Command godwit-node is a transfer node: the agent that joins a cluster, reports and obeys, and the transfer service that it supervises.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/godwit/godwit/internal/version"
	"github.com/godwit/godwit/node/agent"
)

// Exit codes. Supervisors (systemd, the local provider) tell by them whether a restart makes sense.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
	exitEnded  = 3 // the manager has ended this node, or is gone for good: do not start it again
)

const exitCodesHelp = `Exit codes: 0 stopped in good order; 1 failed; 2 wrong usage; 3 the manager has
ended this node or is gone for good, so that a restart cannot help.`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// usageError is a mistake on the command line.
type usageError struct{ error }

func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	root := newRoot() //nolint:contextcheck // cobra hands ctx to each command
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, agent.ErrEnded), errors.Is(err, agent.ErrLeaseExpired), errors.Is(err, agent.ErrJoinTimeout):
		fmt.Fprintln(errOut, "godwit-node:", err)
		return exitEnded
	case errors.As(err, &usage):
		fmt.Fprintf(errOut, "godwit-node: %v\nSee godwit-node --help.\n", err)
		return exitUsage
	}
	fmt.Fprintln(errOut, "godwit-node:", err)
	return exitFailed
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "godwit-node",
		Short: "A transfer node of a Godwit cluster",
		Long: `godwit-node serves the file transfers of a Godwit cluster. A manager launches it,
tells it what to do, and ends it; nobody needs to configure a node by hand.

` + exitCodesHelp,
		Version:       version.Version,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("unknown command %q", args[0])}
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(newRunCommand(), newAttachCommand(), newTransferdCommand(), newReportFailureCommand(), &cobra.Command{
		Use: "version", Short: "Print the version", Args: noArgs,
		Run: func(c *cobra.Command, _ []string) { fmt.Fprintln(c.OutOrStdout(), "godwit-node", version.Version) },
	})
	return root
}

func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("%s takes no arguments, got %q", c.CommandPath(), args[0])}
	}
	return nil
}
