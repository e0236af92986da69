package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/godwit/godwit/policy/arena"
)

// scaling is the suite that measures what scaling costs and whom it fails, on
// weeks of load of eight kinds. It is held to a bar over all its runs, not run by
// run, and so is not one of the others.
const scaling = "scaling"

// scalingSeeds is how many seeds of each kind of load are played for so many
// histories of the others: five, forty runs, for a thousand.
func scalingSeeds(seeds int) int { return min(max(seeds/200, 1), 5) }

// scalers are measured for comparison; the first is ours and has to meet the bar.
var scalers = []string{"godwit", "reserve", "tracking", "pools", "fixed"}

// scale plays the loads and prints a table of ours and a line for each other.
func scale(ctx context.Context, seeds int) (result, error) {
	n := scalingSeeds(seeds)
	fmt.Printf("%-14s %5d seeds of %d kinds of load, a week each\n", scaling, n, len(arena.Kinds()))
	started := time.Now()
	dir, err := os.MkdirTemp("", "godwit-sim")
	if err != nil {
		return result{}, err
	}
	defer os.RemoveAll(dir)
	r := result{Suite: scaling, Seeds: n * len(arena.Kinds())}
	for i, name := range scalers {
		path := filepath.Join(dir, name)
		cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "-timeout=45m", "-run=^TestSimulation$", "./policy/arena",
			"-sim.seeds="+strconv.Itoa(n), "-sim.scaler="+name, "-sim.report="+path)
		output, testErr := cmd.CombinedOutput()
		report, err := readReport(path)
		if err != nil {
			fmt.Print(string(output))
			return r, fmt.Errorf("%s: %w", name, err)
		}
		r.Scaling = append(r.Scaling, report)
		if i > 0 {
			fmt.Printf("%s: %.2f ×, level kept in %d of %d\n", name, report.Times, report.Kept, len(report.Trials))
			continue
		}
		fmt.Print(report.Table())
		if testErr != nil {
			r.Failures = max(len(report.Trials)-report.Kept, 1)
			fmt.Print(string(output))
		}
	}
	r.Seconds = time.Since(started).Round(time.Millisecond).Seconds()
	return r, nil
}

func readReport(path string) (arena.Report, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return arena.Report{}, fmt.Errorf("report: %w", err)
	}
	var r arena.Report
	if err := json.Unmarshal(b, &r); err != nil {
		return arena.Report{}, fmt.Errorf("report: %w", err)
	}
	return r, nil
}
