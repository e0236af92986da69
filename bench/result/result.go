// Package result holds what measurements of transfers found: single runs, the
// published medians of them, and the files both are kept in.
package result

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"
)

// Run is one measured transfer.
type Run struct {
	Case string `json:"case"`
	Set  string `json:"set"`
	Peer string `json:"peer"`
	Seed uint64 `json:"seed"`

	Seconds    float64 `json:"seconds"` // start of the client to its end
	Bytes      int64   `json:"bytes"`   // of files, at the receiver
	Files      int     `json:"files"`
	SecondHalf float64 `json:"mbps_second_half"`
	Limit      float64 `json:"limit_mbps"` // 0: none known
	CPU        float64 `json:"cpu_s"`      // both ends' processes, children included
	Waste      float64 `json:"waste"`
	Wakeups    int64   `json:"wakeups"` // of both ends' threads

	Complete bool   `json:"complete"` // everything arrived before the cap, and was compared where that can be done
	Failure  string `json:"failure,omitempty"`

	// What else shows whether the run is worth anything.
	QueueDrops uint64  `json:"queue_drops"`
	Unintended uint64  `json:"unintended_drops"` // by the emulator, not its model
	Overruns   uint64  `json:"socket_overruns"`  // by the receiving programs' socket buffers
	LateP99    float64 `json:"late_p99_ms"`
	LateMax    float64 `json:"late_max_ms"`
	Load       float64 `json:"load"`           // of the machine when the run began, 1 minute
	Fairness   float64 `json:"jain,omitempty"` // Jain's index over concurrent sessions

	Machine string    `json:"machine"`
	Commit  string    `json:"commit"`
	At      time.Time `json:"at"`
}

// Rate is file bytes over wall time, Mbit/s.
func (r Run) Rate() float64 {
	if r.Seconds == 0 {
		return 0
	}
	return float64(r.Bytes) * 8 / 1e6 / r.Seconds
}

// Row is the published median of the runs of one case, set and peer.
type Row struct {
	Case       string  `json:"case"`
	Set        string  `json:"set"`
	Peer       string  `json:"peer"`
	Mbps       float64 `json:"mbps"`
	SecondHalf float64 `json:"mbps_second_half"`
	OfLimit    float64 `json:"pct_of_limit"`
	FilesRate  float64 `json:"files_per_s"`
	CPUPerGB   float64 `json:"cpu_s_per_gb"` // gigabyte of 10⁹ bytes
	Waste      float64 `json:"waste"`
	Jain       float64 `json:"jain,omitempty"` // of concurrent sessions, where there are any
	Machine    string  `json:"machine"`
	Date       string  `json:"date"`
	Commit     string  `json:"commit"`
}

type cell struct{ kase, set, peer string }

func (r Run) cell() cell { return cell{r.Case, r.Set, r.Peer} }

// Rows are the medians of runs, in the order in which cells first appear.
func Rows(runs []Run) []Row {
	var order []cell
	by := map[cell][]Run{}
	for _, r := range runs {
		if by[r.cell()] == nil {
			order = append(order, r.cell())
		}
		by[r.cell()] = append(by[r.cell()], r)
	}
	rows := make([]Row, 0, len(order))
	for _, c := range order {
		rows = append(rows, row(by[c]))
	}
	return rows
}

// row is the median of the runs of one cell, each figure by itself. Runs that
// moved nothing count as what they are: nothing.
func row(runs []Run) Row {
	last := runs[len(runs)-1]
	of := func(f func(Run) float64) float64 {
		values := make([]float64, len(runs))
		for i, r := range runs {
			values[i] = f(r)
		}
		return Median(values)
	}
	return Row{
		Case: last.Case, Set: last.Set, Peer: last.Peer,
		Mbps:       rounded(of(Run.Rate), 1),
		SecondHalf: rounded(of(func(r Run) float64 { return r.SecondHalf }), 1),
		OfLimit: rounded(of(func(r Run) float64 {
			if r.Limit == 0 {
				return 0
			}
			return r.Rate() / r.Limit * 100
		}), 1),
		FilesRate: rounded(of(func(r Run) float64 {
			if r.Seconds == 0 || !r.Complete {
				return 0
			}
			return float64(r.Files) / r.Seconds
		}), 1),
		CPUPerGB: rounded(of(func(r Run) float64 {
			if r.Bytes == 0 {
				return 0
			}
			return r.CPU / (float64(r.Bytes) / 1e9)
		}), 2),
		Waste:   rounded(of(func(r Run) float64 { return r.Waste }), 4),
		Jain:    rounded(of(func(r Run) float64 { return r.Fairness }), 4),
		Machine: last.Machine, Date: last.At.UTC().Format(time.DateOnly), Commit: last.Commit,
	}
}

// Median of values; of an even number, the lower of the middle two, so that it
// is always a measured value.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	return sorted[(len(sorted)-1)/2]
}

// Jain is the fairness index of shares: 1 when all are equal, 1/n when one has
// everything.
func Jain(shares []float64) float64 {
	var sum, squares float64
	for _, x := range shares {
		sum += x
		squares += x * x
	}
	if squares == 0 {
		return 0
	}
	return sum * sum / (float64(len(shares)) * squares)
}

func rounded(v float64, digits int) float64 {
	scale := 1.0
	for range digits {
		scale *= 10
	}
	return float64(int64(v*scale+sign(v)*0.5)) / scale
}

func sign(v float64) float64 {
	if v < 0 {
		return -1
	}
	return 1
}

// Merge puts new runs in place of the old ones of the same cells; other cells
// stay. Order: as the old ones were, new cells behind.
func Merge(old, fresh []Run) []Run {
	by := map[cell][]Run{}
	for _, r := range fresh {
		by[r.cell()] = append(by[r.cell()], r)
	}
	var all []Run
	for _, r := range old {
		if by[r.cell()] == nil {
			all = append(all, r)
		}
	}
	return append(all, fresh...)
}

// Sort orders runs by the given orders of cases, sets and peers; what they do not
// name comes last. Runs of one cell keep their order.
func Sort(runs []Run, cases, sets, peers []string) {
	rank := func(order []string, name string) int {
		if i := slices.Index(order, name); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortStableFunc(runs, func(a, b Run) int {
		return cmp.Or(
			cmp.Compare(rank(cases, a.Case), rank(cases, b.Case)),
			cmp.Compare(rank(sets, a.Set), rank(sets, b.Set)),
			cmp.Compare(rank(peers, a.Peer), rank(peers, b.Peer)),
		)
	})
}

// Read reads what Write wrote; a file that is not there holds nothing.
func Read[T any](name string) ([]T, error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("results: %w", err)
	}
	var values []T
	if err := json.Unmarshal(text, &values); err != nil {
		return nil, fmt.Errorf("results in %s: %w", name, err)
	}
	return values, nil
}

// Write writes values as a JSON list, one to a line, so that changes can be read.
func Write[T any](name string, values []T) error {
	var b bytes.Buffer
	b.WriteString("[\n")
	for i, v := range values {
		line, err := json.Marshal(v)
		if err != nil {
			return err
		}
		b.Write(line)
		if i < len(values)-1 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
	}
	b.WriteString("]\n")
	return os.WriteFile(name, b.Bytes(), 0o644)
}
