package arena

import (
	"fmt"
	"strings"
)

// Trial is one load played by one scaler and by the clairvoyant.
type Trial struct {
	Kind        Kind   `json:"kind"`
	Seed        uint64 `json:"seed"`
	Scaler      string `json:"scaler"`
	Score       Score  `json:"score"`
	Clairvoyant Score  `json:"clairvoyant"`
}

// Times is the scaler's node-hours over the clairvoyant's.
func (t Trial) Times() float64 { return t.Score.NodeHours / max(t.Clairvoyant.NodeHours, 1) }

// Report sums up trials of one scaler.
type Report struct {
	Scaler string `json:"scaler"`
	// Times is the mean over trials of node-hours over the clairvoyant's.
	Times float64 `json:"times_clairvoyant"`
	// Kept counts trials in which at most a thousandth of session time was under
	// the level, KeptByClairvoyant those in which the clairvoyant managed.
	Kept              int     `json:"kept"`
	KeptByClairvoyant int     `json:"kept_by_clairvoyant"`
	Trials            []Trial `json:"trials"`
}

// NewReport sums up.
func NewReport(scaler string, trials []Trial) Report {
	r := Report{Scaler: scaler, Trials: trials}
	for _, t := range trials {
		r.Times += t.Times() / float64(len(trials))
		if t.Score.Kept() {
			r.Kept++
		}
		if t.Clairvoyant.Kept() {
			r.KeptByClairvoyant++
		}
	}
	return r
}

// Table is the report for people: a line for each kind of load, in the order of
// [Kinds], with a column for each seed.
func (r Report) Table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %.2f × the clairvoyant's node-hours, level kept in %d of %d (clairvoyant %d)\n",
		r.Scaler, r.Times, r.Kept, len(r.Trials), r.KeptByClairvoyant)
	for _, k := range Kinds() {
		line := ""
		for _, t := range r.Trials {
			if t.Kind != k {
				continue
			}
			mark := " "
			if !t.Score.Kept() {
				mark = "!"
			}
			line += fmt.Sprintf("  %4.2f× %6.3f %%%s", t.Times(), 100*t.Score.UnderShare(), mark)
		}
		if line != "" {
			fmt.Fprintf(&b, "  %-12s%s\n", k, line)
		}
	}
	return b.String()
}
