// Command sim runs every simulation suite over many seeds and writes a report.
//
// A suite is a test that runs one subtest per seed, named by the seed, and knows
// the flag -sim.seeds; a crash sweep numbers the points at which it crashes. A suite that fails prints its own story and the
// command that replays it; the report counts.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/godwit/godwit/policy/arena"
)

// suite is one test of a package. Every is of how many seeds it plays one: 1 if
// zero.
type suite struct {
	Name, Package, Test string
	Every               int
}

var suites = []suite{
	{Name: "policy", Package: "./policy", Test: "TestSimulation"},
	{Name: "cluster", Package: "./cluster", Test: "TestSimulation"},
	{Name: "cluster-crash", Package: "./cluster", Test: "TestCrashSweep"},
	{Name: "chaos-aws", Package: "./cluster/chaos", Test: "TestAWS", Every: 2},
	{Name: "chaos-gcp", Package: "./cluster/chaos", Test: "TestGCP", Every: 2},
	{Name: "chaos-azure", Package: "./cluster/chaos", Test: "TestAzure", Every: 2},
	{Name: "share", Package: "./fleet/share", Test: "TestSimulation"},
	{Name: "transfer-flow", Package: "./transfer/flow", Test: "TestSimulation"},
	{Name: "transfer-job", Package: "./transfer/job", Test: "TestSimulation"},
}

// result is one entry of the report.
type result struct {
	Suite            string  `json:"suite"`
	Seeds            int     `json:"seeds"`
	Failures         int     `json:"failures"`
	FirstFailingSeed *uint64 `json:"first_failing_seed"`
	Seconds          float64 `json:"seconds"`
	// Scaling tells of each scaler in the suite of that name.
	Scaling []arena.Report `json:"scaling,omitempty"`
}

func main() {
	seeds := flag.Int("seeds", 1000, "histories per suite")
	out := flag.String("out", "build/sim/report.json", "where the report goes")
	only := flag.String("suite", "", "only this suite")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *seeds, *only, *out)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "sim:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, seeds int, only, out string) error {
	if seeds < 1 {
		return fmt.Errorf("-seeds %d is not above zero", seeds)
	}
	results, failures, known := []result{}, 0, only == ""
	for _, s := range suites {
		if only != "" && s.Name != only {
			continue
		}
		known = true
		r, err := s.run(ctx, seeds)
		if err != nil {
			return fmt.Errorf("suite %s: %w", s.Name, err)
		}
		results, failures = append(results, r), failures+r.Failures
	}
	if only == "" || only == scaling {
		known = true
		r, err := scale(ctx, seeds)
		if err != nil {
			return fmt.Errorf("suite %s: %w", scaling, err)
		}
		results, failures = append(results, r), failures+r.Failures
	}
	if only == "" || only == controlled {
		known = true
		r, err := control(ctx, seeds, out)
		if err != nil {
			return fmt.Errorf("suite %s: %w", controlled, err)
		}
		results, failures = append(results, r), failures+r.Failures
	}
	if !known {
		return fmt.Errorf("there is no suite %q", only)
	}
	if err := write(out, results); err != nil {
		return err
	}
	if failures > 0 {
		return fmt.Errorf("%d histories failed; see above and %s", failures, out)
	}
	return nil
}

// run lets go test run the suite and counts its subtests by seed.
func (s suite) run(ctx context.Context, seeds int) (result, error) {
	seeds = max(seeds/max(s.Every, 1), 1)
	fmt.Printf("%-14s %5d seeds … ", s.Name, seeds)
	started := time.Now()
	cmd := exec.CommandContext(ctx, "go", "test", "-json", "-count=1", "-timeout=45m", "-run=^"+s.Test+"$", s.Package,
		"-sim.seeds="+strconv.Itoa(seeds))
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return result{}, err
	}
	if err := cmd.Start(); err != nil {
		return result{}, err
	}
	r := result{Suite: s.Name}
	story, err := r.read(stdout)
	werr := cmd.Wait()
	r.Seconds = time.Since(started).Round(time.Millisecond).Seconds()
	fmt.Printf("%d failed, %.0f s\n", r.Failures, r.Seconds)
	if r.Failures > 0 {
		fmt.Print(story)
		return r, nil
	}
	switch {
	case err != nil:
		return r, err
	case werr != nil:
		fmt.Print(story)
		return r, werr
	case r.Seeds == 0:
		return r, fmt.Errorf("%s ran no seed", s.Package)
	}
	return r, nil
}

// event is a line of go test -json.
type event struct {
	Action string
	Test   string
	Output string
}

// read counts verdicts and keeps the output, which tells of failures.
func (r *result) read(in io.Reader) (string, error) {
	var story strings.Builder
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			story.Write(append(lines.Bytes(), '\n')) // a compiler's complaint
			continue
		}
		if e.Action == "output" && !strings.HasPrefix(strings.TrimSpace(e.Output), "=== ") && !strings.HasPrefix(strings.TrimSpace(e.Output), "--- PASS") {
			story.WriteString(e.Output)
		}
		seed, err := strconv.ParseUint(e.Test[strings.LastIndexByte(e.Test, '/')+1:], 10, 64)
		if err != nil || !strings.Contains(e.Test, "/") {
			continue
		}
		switch e.Action {
		case "pass":
			r.Seeds++
		case "fail":
			r.Seeds++
			r.Failures++
			if r.FirstFailingSeed == nil || seed < *r.FirstFailingSeed {
				r.FirstFailingSeed = &seed
			}
		}
	}
	return story.String(), lines.Err()
}

func write(path string, results []result) error {
	b, err := json.MarshalIndent(results, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := os.WriteFile(path, append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}
