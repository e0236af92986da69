// Package boot boots nodes for real: systemd and cloud-init in a container of
// their own, from the user data that clouds get, with a real manager. scripts/
// test-boot.sh prepares the namespaces and the root file system; without it the
// tests are skipped.
package boot

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/godwit/godwit/cmd/godwit-manager/internal/manager"
	"github.com/godwit/godwit/provisioner"
)

// bridge is the manager's address in the network of the nodes.
const bridge = "10.77.0.1"

// What scripts/test-boot.sh sets.
var (
	rootFS = os.Getenv("GODWIT_BOOTFS")
	bins   = os.Getenv("GODWIT_BINS")
)

// TestMain is also the manager: the test runs itself under that name, with one
// provider more.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "godwit-manager" {
		if err := serve(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func serve(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	flags := flag.NewFlagSet("godwit-manager", flag.ContinueOnError)
	data, listen := flags.String("data", "", ""), flags.String("listen", "", "")
	if err := flags.Parse(args[1:]); err != nil { // after the command's name
		return err
	}
	_, port, err := net.SplitHostPort(*listen)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	machines := newMachines(filepath.Join(filepath.Dir(*data), "machines"), log)
	defer machines.close()
	return manager.Run(ctx, manager.Config{
		Data: *data, Listen: "0.0.0.0:" + port, FleetListen: "0.0.0.0:0", PublicURL: "https://127.0.0.1:" + port,
		// The first is where nobody answers: nodes go on to the next.
		NodeURLs:  []string{"https://" + bridge + ":9", "https://" + bridge + ":" + port},
		Providers: map[string]provisioner.Provider{"nspawn": machines}, NodePrograms: bins,
		Version: "test", Out: os.Stdout, Log: log,
	})
}
