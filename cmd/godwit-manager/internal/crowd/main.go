// Command crowd puts ten thousand simulated nodes and a hundred thousand live
// transfers behind a real manager and measures what that costs.
//
//	crowd ──starts──▶ crowd as godwit-manager   the real manager, with one provider more
//	  │                      │ launch, list, terminate: RPC over a unix socket
//	  └────starts──▶ crowd hands                the simulated cloud: each launch becomes a node that
//	                                            joins, holds its fleet connection, reports and obeys
//
// Only the machines and the bytes are made up. Nodes join over HTTPS with keys
// of their own, report over mutually authenticated TLS, publish journal events
// and are decided about like any other; what is measured are the processes of
// the manager and of Postgres, apart from those of the crowd.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := start(ctx, os.Args)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "crowd:", err)
		os.Exit(1)
	}
}

// start is one of the three programs that this one is.
func start(ctx context.Context, args []string) error {
	if filepath.Base(args[0]) == "godwit-manager" {
		return serve(ctx, args[1:])
	}
	if len(args) > 1 && args[1] == "hands" {
		return hands(ctx, args[2:])
	}
	var o options
	f := flag.NewFlagSet("crowd", flag.ContinueOnError)
	f.IntVar(&o.Nodes, "nodes", 10_000, "simulated nodes")
	f.IntVar(&o.Transfers, "transfers", 100_000, "live transfers, spread over the nodes")
	f.DurationVar(&o.For, "for", defaultFor, "how long to measure")
	f.StringVar(&o.Dir, "dir", "build/crowd", "where everything is kept; emptied first")
	f.StringVar(&o.Bins, "bins", "build/bin", "directory of the built commands")
	f.StringVar(&o.Out, "out", "bench/results/control.json", "where the figures go")
	f.StringVar(&o.Browser, "browser", "", "program that looks at the console, given its address, user and password (web/e2e/crowd.mjs); its JSON joins the figures")
	f.StringVar(&o.Profile, "profile", "", "address at which the manager offers net/http/pprof")
	f.BoolVar(&o.Hold, "hold", false, "go on until interrupted, for a look with one's own eyes")
	if err := f.Parse(args[1:]); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	return run(ctx, o)
}
