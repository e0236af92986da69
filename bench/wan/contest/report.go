//go:build linux

package contest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/godwit/godwit/bench/fileset"
	"github.com/godwit/godwit/bench/result"
)

// Order puts runs into the order of the tables.
func Order(runs []result.Run) {
	var cases, sets []string
	for _, c := range Cases {
		cases = append(cases, c.Name)
	}
	for _, s := range fileset.Sets {
		sets = append(sets, s.Name)
	}
	result.Sort(runs, cases, sets, PeerNames())
}

// Tables writes ordered runs as Markdown, one table for each case and set.
func Tables(runs []result.Run) string {
	var b strings.Builder
	rows := result.Rows(runs)
	for _, c := range Cases {
		if !slices.ContainsFunc(rows, func(r result.Row) bool { return r.Case == c.Name }) {
			continue
		}
		fmt.Fprintf(&b, "### %s\n\n%s: %s; limit %.0f Mb/s.\n\n", c.Name, c.Name, c.About, c.Model.Limit()/1e6)
		b.WriteString("| Set | Peer | Mb/s | of limit | second half | files/s | CPU s/GB | wake-ups/s | waste | runs (Mb/s) |\n|---|---|--:|--:|--:|--:|--:|--:|--:|---|\n")
		for _, r := range rows {
			if r.Case == c.Name {
				b.WriteString(line(r, cellOf(runs, r)))
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func cellOf(runs []result.Run, row result.Row) []result.Run {
	var all []result.Run
	for _, r := range runs {
		if r.Case == row.Case && r.Set == row.Set && r.Peer == row.Peer {
			all = append(all, r)
		}
	}
	return all
}

func line(row result.Row, runs []result.Run) string {
	name := row.Peer
	if name == Godwit {
		name = "**godwit**"
	}
	var each, notes []string
	complete, files := 0, ""
	for _, r := range runs {
		each = append(each, fmt.Sprintf("%.0f", r.Rate()))
		if r.Complete {
			complete++
		} else if !slices.Contains(notes, r.Failure) {
			notes = append(notes, strings.ReplaceAll(r.Failure, "|", "/"))
		}
	}
	if row.FilesRate >= 1 && row.Set != "big" {
		files = fmt.Sprintf("%.0f", row.FilesRate)
	}
	waste := ""
	if complete > 0 {
		waste = fmt.Sprintf("%.1f %%", row.Waste*100)
	}
	about := strings.Join(each, ", ")
	if len(notes) > 0 {
		about += "; " + strings.Join(notes, "; ")
	}
	var woken []float64
	for _, r := range runs {
		if r.Seconds > 0 {
			woken = append(woken, float64(r.Wakeups)/r.Seconds)
		}
	}
	return fmt.Sprintf("| %s | %s | %s | %.0f %% | %s | %s | %.2f | %.0f | %s | %s |\n",
		row.Set, name, rate(row.Mbps), row.OfLimit, rate(row.SecondHalf), files, row.CPUPerGB, result.Median(woken), waste, about)
}

// rate writes a rate without digits that mean nothing.
func rate(mbps float64) string {
	if mbps < 10 {
		return fmt.Sprintf("%.1f", mbps)
	}
	return fmt.Sprintf("%.0f", mbps)
}

// Page is the whole of results/wan.md.
func Page(runs []result.Run) string {
	var b strings.Builder
	b.WriteString("# Transfers over emulated wide-area paths\n\nWritten by `make bench-wan`; the same as data: `wan.json` (medians), `wan-runs.json` (each run).\n\n")
	b.WriteString(Origin(runs))
	b.WriteString("\n" + Tables(runs))
	b.WriteString("## Peers\n\n")
	for _, p := range peers(Programs{}) {
		fmt.Fprintf(&b, "- `%s`: %s.\n", p.name, p.about)
	}
	b.WriteString(`
## How to read it

- Mb/s: bytes of files over the time from the start of the client to its end, median of the runs. A run that was not
  done when its time was up counts the bytes that had crossed by then, headers and repetitions included.
- Limit: rate × 1472/1500 × (1 − loss). Second half: the rate in the second half of the time, by what crossed the path.
- CPU: user and system time of both ends' programs for each 10⁹ bytes of files. The receiving kernel's share of the work is
  done in the emulator for every peer and is not in it.
- Wake-ups: how often threads of both ends slept and were woken, each second; they cost more than bytes do.
- Waste: bytes sent that the receiver would not have needed, over bytes needed, without what the path lost.
- Sets: `)
	for i, s := range fileset.Sets {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "`%s`: %s", s.Name, s.About)
	}
	b.WriteString(".\n  Source and target are on tmpfs, the target of `tiny` on ext4.\n")
	return b.String()
}

// Origin says where and when runs were made, and what is wrong with them.
func Origin(runs []result.Run) string {
	var machines, dates, commits []string
	add := func(list *[]string, v string) {
		if v != "" && !slices.Contains(*list, v) {
			*list = append(*list, v)
		}
	}
	var unintended uint64
	worst := 0.0
	for _, r := range runs {
		add(&machines, r.Machine)
		add(&dates, r.At.UTC().Format("2006-01-02"))
		add(&commits, r.Commit)
		unintended += r.Unintended
		worst = max(worst, r.LateP99)
	}
	return fmt.Sprintf("Machine: %s. Date: %s. Commit: %s. Packets that the emulator dropped against its model: %d of all runs; worst p99 of its lateness: %.1f ms.\n",
		strings.Join(machines, "; "), strings.Join(dates, ", "), strings.Join(commits, ", "), unintended, worst)
}
