//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/godwit/godwit/bench/result"
)

// publish writes runs as the three files of results, and their table into the page.
func publish(dir, page string, runs []result.Run) error {
	result.Sort(runs, namesOf(cases), nil, nil)
	text := table(runs)
	var inserted error
	if page != "" {
		inserted = result.Insert(page, "results: local", text)
	}
	return errors.Join(inserted,
		result.Write(filepath.Join(dir, "local-runs.json"), runs),
		result.Write(filepath.Join(dir, "local.json"), result.Rows(runs)),
		os.WriteFile(filepath.Join(dir, "local.md"), []byte("# Transfers over loopback and to disk\n\nWritten by `make bench-local`; the same as data: `local.json` (medians), `local-runs.json` (each run).\n\n"+text), 0o644),
	)
}

// table writes ordered runs as Markdown.
func table(runs []result.Run) string {
	var b strings.Builder
	if len(runs) > 0 {
		last := runs[len(runs)-1]
		fmt.Fprintf(&b, "Machine: %s. Date: %s. Commit: %s. Client and server share the machine; both ends' CPU time is counted.\n\n", last.Machine, last.At.UTC().Format("2006-01-02"), last.Commit)
	}
	b.WriteString("| Case | Mb/s | second half | files/s | CPU s/GB | Jain | runs (Mb/s) |\n|---|--:|--:|--:|--:|--:|---|\n")
	for _, row := range result.Rows(runs) {
		about, files, half, jain := "", "", "", ""
		for _, c := range cases {
			if c.name == row.Case {
				about = c.about
			}
		}
		if row.Set != "big" {
			files = fmt.Sprintf("%.0f", row.FilesRate)
		}
		if row.SecondHalf > 0 {
			half = fmt.Sprintf("%.0f", row.SecondHalf)
		}
		if row.Jain > 0 {
			jain = fmt.Sprintf("%.3f", row.Jain)
		}
		var each []string
		for _, r := range runs {
			if r.Case == row.Case {
				text := fmt.Sprintf("%.0f", r.Rate())
				if r.Failure != "" {
					text += " (" + r.Failure + ")"
				}
				each = append(each, text)
			}
		}
		fmt.Fprintf(&b, "| `%s`: %s | %.0f | %s | %s | %.2f | %s | %s |\n", row.Case, about, row.Mbps, half, files, row.CPUPerGB, jain, strings.Join(each, ", "))
	}
	return b.String()
}
