// Command godwit-manager is the control plane of Godwit: it decides how many transfer nodes run, launches and ends
// them, and serves API and console.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/godwit/godwit/cmd/godwit-manager/internal/demo"
	"github.com/godwit/godwit/internal/version"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newRootCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "godwit-manager:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop was called
	}
}

// newRootCommand returns the command with all its subcommands.
func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "godwit-manager",
		Short: "Run and administer Godwit's control plane",
		Long: "godwit-manager decides how many transfer nodes run, launches and ends them, and serves API and console.\n" +
			"Operate it with the console or with `godwit`; this program starts it and helps when nobody can sign in.",
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version.Version,
	}
	root.AddCommand(newServeCommand(), newMigrateCommand(), newAdminCommand(), newHealthCommand(), newPolicyCommand(), newCloudConfigCommand(), newVersionCommand(), demo.Command())
	return root
}

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(c.OutOrStdout(), version.Version)
			return err
		},
	}
}
