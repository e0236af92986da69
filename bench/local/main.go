//go:build linux

// Command local measures Godwit where no path limits it: over loopback from
// tmpfs to tmpfs, with one and with many sessions, and many small files to a
// disk, durably. It writes local.json, local.md and local-runs.json.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/godwit/godwit/bench/result"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var b bench
	var results, page, only string
	flag.StringVar(&b.godwit, "godwit", "build/bin/godwit", "the godwit to measure")
	flag.StringVar(&b.memory, "memory", "/dev/shm/godwit-bench", "directory on tmpfs")
	flag.StringVar(&b.disk, "disk", "build/bench", "directory on a disk")
	flag.IntVar(&b.runs, "runs", 3, "runs of each case")
	flag.IntVar(&b.scale, "scale", 1, "divide the sets by this, to try things out")
	flag.StringVar(&only, "case", "", "only these cases, separated by commas")
	flag.StringVar(&results, "results", "bench/results", "where the results are written")
	flag.StringVar(&page, "page", "docs/performance.md", "page whose tables are written anew; empty: none")
	flag.Parse()
	b.out = os.Stdout
	if err := b.main(ctx, results, page, only); err != nil {
		fmt.Fprintln(os.Stderr, "bench-local:", err)
		os.Exit(1)
	}
}

// bench is one measurement of everything.
type bench struct {
	godwit       string
	memory, disk string
	runs, scale  int
	out          io.Writer
}

func (b *bench) main(ctx context.Context, results, page, only string) error {
	var err error
	if b.godwit, err = filepath.Abs(b.godwit); err != nil {
		return err
	}
	if b.disk, err = filepath.Abs(b.disk); err != nil {
		return err
	}
	if _, err := os.Stat(b.godwit); err != nil {
		return fmt.Errorf("no godwit to measure, run make build first: %w", err)
	}
	if err := errors.Join(os.MkdirAll(b.memory, 0o755), os.MkdirAll(b.disk, 0o755), os.MkdirAll(results, 0o755)); err != nil {
		return err
	}
	old, err := result.Read[result.Run](filepath.Join(results, "local-runs.json"))
	if err != nil {
		return err
	}
	chosen := cases
	if only != "" {
		names := strings.Split(only, ",")
		chosen = slices.DeleteFunc(slices.Clone(cases), func(c kase) bool { return !slices.Contains(names, c.name) })
		if len(chosen) != len(names) {
			return fmt.Errorf("cases are %v", namesOf(cases))
		}
	}
	machine, commit := result.Machine(), result.Commit(ctx)
	var fresh []result.Run
	for run := range b.runs {
		for _, c := range chosen {
			r, err := b.run(ctx, c)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			r.Seed, r.Machine, r.Commit = uint64(run+1), machine, commit
			fmt.Fprintf(b.out, "%d/%d %-14s %-5s %7.1f Mb/s in %5.1f s, %.0f files/s, %.2f CPU s/GB%s %s\n", run+1, b.runs, r.Case, r.Set,
				r.Rate(), r.Seconds, float64(r.Files)/r.Seconds, r.CPU/(float64(r.Bytes)/1e9), fairness(r), r.Failure)
			fresh = append(fresh, r)
			if err := publish(results, page, result.Merge(old, fresh)); err != nil {
				return err
			}
		}
	}
	return nil
}

func namesOf(all []kase) (names []string) {
	for _, c := range all {
		names = append(names, c.name)
	}
	return names
}

func fairness(r result.Run) string {
	if r.Fairness == 0 {
		return ""
	}
	return fmt.Sprintf(", Jain %.3f", r.Fairness)
}
