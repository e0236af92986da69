//go:build linux

// Command flood measures what a running copy keeps of its rate, and what the
// server takes of memory, while somebody with a whole core to spare floods the
// server's port. It needs root, to overhear the session that it forges and to
// send under another's address. It writes flood.json and a table in a page.
package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/godwit/godwit/bench/result"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-flood:", err)
		os.Exit(1)
	}
}

// row is one kind of flood, published: medians of its runs.
type row struct {
	Flood   string  `json:"flood"`
	Mbps    float64 `json:"mbps"`
	Kept    float64 `json:"share_kept"`  // of the rate without a flood
	Memory  float64 `json:"peak_mib"`    // of the server
	Sent    float64 `json:"flood_per_s"` // datagrams of the flood
	Runs    int     `json:"runs"`
	Machine string  `json:"machine"`
	Commit  string  `json:"commit"`
	Date    string  `json:"date"`
}

// kinds of floods: none first, which the others are compared with.
var kinds = []struct{ name, meaning string }{
	{"none", "nobody"},
	{"noise", "random bytes, from an address of their own"},
	{"handshakes", "what begins a handshake over QUIC, as far as can be told from outside, each another"},
	{"forged", "an eavesdropper from an address of its own: the session's header and next numbers, a body of no worth"},
	{"spoofed", "under the client's address, of sessions that were not overheard"},
	{"overheard", "an eavesdropper under the client's address: header and next numbers of the session"},
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) > 0 && args[0] == "send" {
		return send(ctx, args[1:], out)
	}
	var b bench
	var runs int
	var results, page string
	f := flag.NewFlagSet("bench-flood", flag.ContinueOnError)
	f.StringVar(&b.godwit, "godwit", "build/bin/godwit", "the godwit to measure")
	f.StringVar(&b.dir, "dir", "/dev/shm", "where the file and its copy are, best on tmpfs")
	f.StringVar(&b.rate, "rate", "1G", "of the copy: what both ends and the flood need must fit the machine")
	f.Int64Var(&b.bytes, "bytes", 512<<20, "size of the file")
	f.IntVar(&runs, "runs", 3, "runs of each kind")
	f.StringVar(&results, "results", "bench/results", "where flood.json is written; empty: nowhere")
	f.StringVar(&page, "page", "docs/performance.md", "page whose table is written anew; empty: none")
	if err := f.Parse(args); err != nil {
		return err
	}
	if runs < 1 || b.bytes < 1 {
		return errors.New("nothing to measure: -runs and -bytes are at least 1")
	}
	if _, err := os.Stat(b.godwit); err != nil {
		return fmt.Errorf("no godwit to measure, run make build first: %w", err)
	}
	dir, err := os.MkdirTemp(b.dir, "godwit-flood-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b.dir = dir
	if err := b.make(); err != nil {
		return err
	}
	rows, err := b.measure(ctx, runs, out)
	if err != nil {
		return err
	}
	if results != "" {
		if err := result.Write(filepath.Join(results, "flood.json"), rows); err != nil {
			return err
		}
	}
	if page != "" {
		return result.Insert(page, "results: flood", table(rows))
	}
	return nil
}

// measure takes the kinds in turns, so that a machine that grows slower wrongs none.
func (b *bench) measure(ctx context.Context, runs int, out io.Writer) ([]row, error) {
	taken := map[string][]figures{}
	for n := range runs {
		for _, k := range kinds {
			x, err := b.copy(ctx, k.name)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", k.name, err)
			}
			fmt.Fprintf(out, "%d/%d %-9s %6.0f Mb/s, server's memory at most %4.0f MiB, %.0f datagrams/s of the flood\n", n+1, runs, k.name, x.mbps, x.memory, x.flood)
			taken[k.name] = append(taken[k.name], x)
		}
	}
	machine, commit, date := result.Machine(), result.Commit(ctx), time.Now().UTC().Format(time.DateOnly)
	var rows []row
	for _, k := range kinds {
		r := row{Flood: k.name, Runs: runs, Machine: machine, Commit: commit, Date: date}
		var mbps, memory, flood []float64
		for _, x := range taken[k.name] {
			mbps, memory, flood = append(mbps, x.mbps), append(memory, x.memory), append(flood, x.flood)
		}
		r.Mbps, r.Memory, r.Sent = result.Median(mbps), result.Median(memory), result.Median(flood)
		r.Kept = r.Mbps / cmp.Or(append(rows, r)[0].Mbps, 1)
		rows = append(rows, r)
	}
	return rows, nil
}

// table is the page's.
func table(rows []row) string {
	var b strings.Builder
	r := rows[0]
	fmt.Fprintf(&b, "Machine: %s. Date: %s. Commit: %s. Medians of %d runs.\n\n", r.Machine, r.Date, r.Commit, r.Runs)
	b.WriteString("| Who floods | datagrams/s | copy, Mb/s | of its rate alone | server's memory, MiB |\n|---|--:|--:|--:|--:|\n")
	for i, r := range rows {
		fmt.Fprintf(&b, "| `%s`: %s | %.0f | %.0f | %.0f %% | %.0f |\n", r.Flood, kinds[i].meaning, r.Sent, r.Mbps, 100*r.Kept, r.Memory)
	}
	return b.String()
}

// make makes the file, which nothing can compress or leave out, and where it goes.
func (b *bench) make() error {
	f, err := os.Create(b.at("file"))
	if err != nil {
		return err
	}
	_, err = io.CopyN(f, rand.NewChaCha8([32]byte{1}), b.bytes)
	return errors.Join(err, f.Close(), os.Mkdir(b.at("served"), 0o755))
}

// same compares the copy with the file.
func (b *bench) same() error {
	want, err := os.ReadFile(b.at("file"))
	if err != nil {
		return err
	}
	got, err := os.ReadFile(b.at("served/file"))
	if err != nil {
		return err
	}
	if !bytes.Equal(want, got) {
		return errors.New("the copy is not the file")
	}
	return os.Remove(b.at("served/file"))
}
