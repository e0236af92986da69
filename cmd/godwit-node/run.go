package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/godwit/godwit/identity/join"
	"github.com/godwit/godwit/internal/version"
	"github.com/godwit/godwit/node/agent"
	"github.com/godwit/godwit/node/transferd"
	"github.com/godwit/godwit/transfer/pathbook"
)

func newRunCommand() *cobra.Command {
	var bootstrap string
	var verbose bool
	c := &cobra.Command{
		Use:   "run --bootstrap FILE",
		Short: "Join the cluster and serve until told to stop",
		Long: `run joins the cluster that the bootstrap file names, starts the transfer service
and serves until it gets SIGTERM or the manager ends the node. The file is JSON,
written by whoever launched the node (cloud-init, the local provider):

  manager_urls         where the manager is, https://host:port
  ca_sha256            fingerprint of its certificate authority
  node_id, join_token  who this node is; the token serves once
  data_dir             where the node keeps its identity and its events
  listen_host, port    transfer port, TCP and UDP; 0 chooses a free one
  advertise_host       the address that clients are told
  advertise            or the machine's own: public (private where there is no public one) or private
  metadata             the cloud that knows them: ec2, gce or azure
  join_timeout_s       how long a node that never joined looks for its manager
  send_cap_mbps, receive_cap_mbps, max_sessions, report_interval_s
  lease_file, lease_timeout_s   leave when nobody touches this file any more

The process logs to standard error. Under systemd it tells when it is ready.

` + exitCodesHelp,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if bootstrap == "" {
				return usageError{errors.New("--bootstrap FILE is missing")}
			}
			b, err := join.ReadBootstrap(bootstrap)
			if err != nil {
				return usageError{err}
			}
			self, err := os.Executable()
			if err != nil {
				return fmt.Errorf("own executable: %w", err)
			}
			command := []string{self, "transferd"}
			if verbose {
				command = append(command, "--verbose")
			}
			handler, level := logger(c.ErrOrStderr(), verbose)
			log := handler.With("node", b.NodeID)
			return agent.Run(c.Context(), agent.Config{
				Bootstrap: b, Version: version.Version, Command: command, Log: log, Level: level,
				Ready: func() {
					if err := notifyReady(os.Getenv("NOTIFY_SOCKET")); err != nil {
						log.Warn("service manager not told that the node is ready", "error", err)
					}
				},
			})
		},
	}
	c.Flags().StringVar(&bootstrap, "bootstrap", "", "bootstrap file (JSON)")
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "log details too")
	return c
}

func newTransferdCommand() *cobra.Command {
	var o transferd.Options
	var verbose bool
	var paths string
	c := &cobra.Command{
		Use:   "transferd",
		Short: "Serve transfers (started by run, not by hand)",
		Long: `transferd is the transfer service. The agent (godwit-node run) starts it, passes
the transfer port on as open files, and configures it over its socket.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.Socket == "" || o.AgentSocket == "" {
				return usageError{errors.New("transferd is started by godwit-node run")}
			}
			var err error
			if o.TCP, o.UDP, err = transferd.Inherited(); err != nil {
				return err
			}
			log, level := logger(c.ErrOrStderr(), verbose)
			o.Log, o.Level = log.With("service", "transfer"), level
			if paths != "" {
				o.Paths = pathbook.New(time.Now, pathbook.Disk(paths), o.Log)
			}
			return transferd.Run(c.Context(), o)
		},
	}
	c.Flags().StringVar(&o.Socket, "socket", "", "Unix socket to serve the agent on")
	c.Flags().StringVar(&o.AgentSocket, "agent-socket", "", "Unix socket of the agent")
	c.Flags().StringVar(&paths, "paths", "", "file that keeps what is known of the ways to clients for some hours")
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "log details too")
	return c
}

// logger writes at a level that may change while it is used.
func logger(w io.Writer, verbose bool) (*slog.Logger, *slog.LevelVar) {
	level := new(slog.LevelVar)
	if verbose {
		level.Set(slog.LevelDebug)
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level})), level
}
