package main

import (
	"context"
	"flag"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/godwit/godwit/cmd/godwit-manager/internal/manager"
	"github.com/godwit/godwit/internal/version"
	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/web"
)

// socketFile is where the simulated cloud listens, beside the manager's data.
const socketFile = "cloud.sock"

// serve is the manager as it is shipped, with one provider more.
func serve(ctx context.Context, args []string) error {
	c := manager.Config{Version: version.Version, Console: web.Handler()}
	f := flag.NewFlagSet("godwit-manager serve", flag.ContinueOnError)
	f.StringVar(&c.Data, "data", "", "")
	f.StringVar(&c.Listen, "listen", "", "")
	profile := f.String("profile", "", "address of net/http/pprof; empty: none")
	if err := f.Parse(args[1:]); err != nil { // args[0] is "serve"
		return err
	}
	if *profile != "" {
		go servePprof(*profile)
	}
	c.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	c.Providers = map[string]provisioner.Provider{providerName: &cloud{socket: filepath.Join(filepath.Dir(c.Data), socketFile)}}
	return manager.Run(ctx, c)
}
