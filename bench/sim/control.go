package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/godwit/godwit/bench/sim/paths"
)

// controlled is the suite that plays the matrix of paths of the congestion
// control. Each case is held to its bars by the median of its seeds.
const controlled = "control"

// controlSeeds is how many seeds of each case are played for so many histories of
// the other suites: twenty for a thousand.
func controlSeeds(seeds int) int { return min(max(seeds/50, 1), 20) }

// control plays the matrix and writes it as a table beside the report, and as
// JSON.
func control(ctx context.Context, seeds int, out string) (result, error) {
	n, cases := controlSeeds(seeds), paths.Cases()
	fmt.Printf("%-14s %5d seeds of %d paths\n", controlled, n, len(cases))
	started := time.Now()
	r := result{Suite: controlled, Seeds: n * len(cases)}
	var results []paths.Result
	for _, c := range cases {
		if err := ctx.Err(); err != nil {
			return r, fmt.Errorf("stopped after %d of %d paths: %w", len(results), len(cases), err)
		}
		one := paths.Play([]paths.Case{c}, n, nil)[0]
		results = append(results, one)
		verdict := ""
		if one.Missed != "" {
			r.Failures++
			verdict = "  MISSED: " + one.Missed
		}
		fmt.Printf("  %-45s %6.3f%s\n", one.Case, one.Share, verdict)
	}
	r.Seconds = time.Since(started).Round(time.Millisecond).Seconds()
	dir := filepath.Dir(out)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return r, fmt.Errorf("report: %w", err)
	}
	b, err := json.MarshalIndent(results, "", "  ")
	if err != nil {
		return r, err
	}
	if err := os.WriteFile(filepath.Join(dir, "control.json"), append(b, '\n'), 0o644); err != nil {
		return r, fmt.Errorf("report: %w", err)
	}
	text := fmt.Sprintf(head, n, started.UTC().Format(time.DateOnly), runtime.Version()) + paths.Table(results)
	if err := os.WriteFile(filepath.Join(dir, "control-matrix.md"), []byte(text), 0o644); err != nil {
		return r, fmt.Errorf("report: %w", err)
	}
	return r, nil
}

const head = `# The congestion control on simulated paths

Medians of %d seeds each, played on virtual time on %s with %s by ` + "`go run ./bench/sim -suite control`" + `.
A share is of what could arrive: rate × payload ÷ packet × (1 − loss). Where nothing
else is said the path has 100 Mb/s, 40 ms and a queue of one bandwidth-delay
product, and one flow of policy fair uses it from the beginning. Waste is what
queues and policers dropped and what arrived twice, of all that was sent.

`
