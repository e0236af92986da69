package demo

import (
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Command is `godwit-manager demo`.
func Command() *cobra.Command {
	var cfg Config
	var clean bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "Watch a cluster scale on this machine while real files move through it",
		Long: `demo starts a manager with a private Postgres and a cluster of local nodes, lets
several clients push and pull real files, kills a node and the manager in the
middle of it, and watches the cluster grow, heal and shrink. Then it checks every
file with the system's sha256sum and writes a report.

It stays up until Ctrl-C, so that the console can be looked at; --once ends it
after the report. Exit code 0 means that everything went as promised.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if clean {
				return Clean(cfg.Dir)
			}
			ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			cfg.Out = c.OutOrStdout()
			return Run(ctx, cfg)
		},
	}
	c.Flags().StringVar(&cfg.Dir, "dir", "build/demo", "directory for everything that the demo makes; an earlier demo there is removed")
	c.Flags().BoolVar(&cfg.Once, "once", false, "end after the report instead of staying up")
	c.Flags().BoolVar(&clean, "clean", false, "only remove what an earlier demo left")
	return c
}
