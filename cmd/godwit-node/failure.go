package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/godwit/godwit/identity/join"
)

func newReportFailureCommand() *cobra.Command {
	var bootstrap, reason, output string
	var patience time.Duration
	c := &cobra.Command{
		Use:   "report-failure --bootstrap FILE --reason TEXT",
		Short: "Tell the manager that this machine cannot become its node",
		Long: `report-failure is for the script that sets a machine up: when a step fails, the
manager learns why and launches another node, rather than wait for this one. It
spends the bootstrap file's token: the machine cannot join afterwards.

` + exitCodesHelp,
		Example: "  godwit-node report-failure --bootstrap /etc/godwit/bootstrap.json --reason 'no scratch disk' --output /var/log/set-up.log",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if bootstrap == "" || reason == "" {
				return usageError{errors.New("--bootstrap FILE and --reason TEXT are needed")}
			}
			b, err := join.ReadBootstrap(bootstrap)
			if err != nil {
				return usageError{err}
			}
			var text []byte
			if output != "" {
				if text, err = end(output, join.OutputLimit); err != nil {
					return usageError{err}
				}
			}
			log, _ := logger(c.ErrOrStderr(), false)
			ctx, cancel := context.WithTimeout(c.Context(), patience)
			defer cancel()
			if err := (&join.Client{Bootstrap: b, Log: log}).ReportFailure(ctx, reason, string(text)); err != nil {
				return fmt.Errorf("the manager was not told: %w", err)
			}
			return nil
		},
	}
	c.Flags().StringVar(&bootstrap, "bootstrap", "", "bootstrap file (JSON)")
	c.Flags().StringVar(&reason, "reason", "", "what failed, in one line")
	c.Flags().StringVar(&output, "output", "", "file with what the failed step wrote; its last 8 KiB are sent")
	c.Flags().DurationVar(&patience, "timeout", 2*time.Minute, "how long to try")
	return c
}

// end reads the last n bytes of a file.
func end(path string, n int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("output: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && info.Size() > n {
		_, err = f.Seek(-n, io.SeekEnd)
	}
	var text []byte
	if err == nil {
		text, err = io.ReadAll(io.LimitReader(f, n))
	}
	if err != nil {
		return nil, fmt.Errorf("output: %w", err)
	}
	return text, nil
}
