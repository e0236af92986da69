package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/godwit/godwit/cmd/godwit-manager/internal/manager"
	"github.com/godwit/godwit/identity/pin"
)

// healthTimeout is longer than the manager takes to ask its own parts.
const healthTimeout = 5 * time.Second

func newHealthCommand() *cobra.Command {
	var data, address string
	cmd := &cobra.Command{
		Use: "health --data DIR", Short: "Say whether the manager of a data directory is ready", Args: cobra.NoArgs,
		Long: "Asks the manager that runs on this machine and exits with 0 when it is ready, else with 1 and what is wrong. Made for\n" +
			"health checks of containers, which have no shell.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if data == "" {
				return fmt.Errorf("no data directory is given: add --data DIR")
			}
			facts, err := manager.ReadFacts(data)
			if err != nil {
				return err
			}
			if address == "" {
				address = facts.Listen
			}
			return ready(cmd.Context(), address, facts.CASHA256)
		},
	}
	cmd.Flags().StringVar(&data, "data", "", "the manager's data directory (required)")
	cmd.Flags().StringVar(&address, "address", "", "where its HTTPS listens; default: where the manager said that it does")
	return cmd
}

// ready asks for readiness over HTTPS, sure of whom it asks.
func ready(ctx context.Context, address, ca string) error {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return fmt.Errorf("--address %q is not host:port", address)
	}
	conf, err := pin.TLSConfig(ca, pin.ManagerName)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+address+"/readyz", http.NoBody)
	if err != nil {
		return fmt.Errorf("readiness: %w", err)
	}
	client := http.Client{Transport: &http.Transport{TLSClientConfig: conf, DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("the manager does not answer at %s: %w", address, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 1<<10)) // for the message only
		return fmt.Errorf("the manager is not ready: %s", strings.TrimSpace(string(text)))
	}
	return nil
}
