package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/godwit/godwit/internal/slot"
	"github.com/godwit/godwit/internal/version"
	"github.com/godwit/godwit/node/attach"
)

func newAttachCommand() *cobra.Command {
	var c attach.Config
	var check, verbose bool
	cmd := &cobra.Command{
		Use:   "attach --slot DIR --data DIR",
		Short: "Wait on this machine until a manager wants a node here",
		Long: `attach makes this machine one that the manager's provider "attached" can use. It
waits in its slot, a directory that it shares with the manager (a volume, a
network mount), runs a node while the manager wants one, and waits again.

The slot is a directory of its own below the one that the manager was given with
--slots; its name is what templates call the machine. Manager and machine run
under the same user id, and nobody else may write there.

With --check it does not wait: it exits with 0 when a process waits or serves in
the slot, with 1 when none does.

` + exitCodesHelp,
		Example: "  godwit-node attach --slot /mnt/godwit-slots/rack7 --data /var/lib/godwit --port 33001 --advertise-host rack7.example.org",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if c.Slot == "" {
				return usageError{errors.New("--slot DIR is missing")}
			}
			if check {
				return checkSlot(c.Slot)
			}
			if c.Data == "" {
				return usageError{errors.New("--data DIR is missing")}
			}
			if c.Port < 0 || c.Port > 65535 {
				return usageError{fmt.Errorf("--port %d is out of range 0-65535", c.Port)}
			}
			self, err := os.Executable()
			if err != nil {
				return fmt.Errorf("own executable: %w", err)
			}
			c.Command = []string{self, "run"}
			if verbose {
				c.Command = append(c.Command, "--verbose")
			}
			c.Version = version.Version
			c.Log, _ = logger(cmd.ErrOrStderr(), verbose)
			// A node with a bootstrap that it can't use, or that was ended, is not started again.
			c.Final = []int{exitUsage, exitEnded}
			return attach.Run(cmd.Context(), c)
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.Slot, "slot", "", "this machine's slot, shared with the manager")
	f.StringVar(&c.Data, "data", "", "directory on this machine for the node's identity and events")
	f.StringVar(&c.ListenHost, "listen-host", "", "address of the transfer port; default: all of this machine's")
	f.IntVar(&c.Port, "port", 0, "transfer port, TCP and UDP; 0 chooses a free one")
	f.StringVar(&c.AdvertiseHost, "advertise-host", "", "host name or address that clients are told; default: --listen-host or this machine's name")
	f.BoolVar(&check, "check", false, "only say whether a machine holds the slot (for health checks)")
	f.BoolVarP(&verbose, "verbose", "v", false, "log details too")
	return cmd
}

func checkSlot(path string) error {
	present, err := slot.Present(path)
	if err != nil {
		return err
	}
	if !present {
		return fmt.Errorf("no process waits in slot %s", path)
	}
	return nil
}
