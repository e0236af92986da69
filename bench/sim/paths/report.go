package paths

import (
	"fmt"
	"runtime"
	"sort"
	"strings"
	"sync"
)

// Result is one case over its seeds. Figures are medians.
type Result struct {
	Case   string  `json:"case"`
	Seeds  int     `json:"seeds"`
	Share  float64 `json:"share"`       // of the ceiling
	Worst  float64 `json:"share_worst"` // of the seeds
	Rivals float64 `json:"share_rivals,omitempty"`
	Jain   float64 `json:"jain,omitempty"`
	Q95    float64 `json:"queue_p95_ms"`
	CoV    float64 `json:"cov"`
	Waste  float64 `json:"waste"`
	T90    float64 `json:"seconds_to_90_percent"` // 0: never
	Missed string  `json:"missed,omitempty"`      // which bar, in words
}

// Play runs every case with seeds 1…n, on all processors, and calls each as a
// case is done.
func Play(cases []Case, n int, each func(Result)) []Result {
	out := make([]Result, len(cases))
	for i := range cases {
		outcomes := make([]outcome, n)
		var wg sync.WaitGroup
		turn := make(chan struct{}, runtime.GOMAXPROCS(0))
		for j := range n {
			turn <- struct{}{}
			wg.Go(func() {
				outcomes[j] = cases[i].play(uint64(j + 1))
				<-turn
			})
		}
		wg.Wait()
		out[i] = cases[i].judge(outcomes)
		if each != nil {
			each(out[i])
		}
	}
	return out
}

func (c *Case) judge(all []outcome) Result {
	median := func(of func(outcome) float64) float64 {
		v := make([]float64, len(all))
		for i, o := range all {
			v[i] = of(o)
		}
		sort.Float64s(v)
		return v[len(v)/2]
	}
	r := Result{
		Case: c.Name, Seeds: len(all), Worst: 2,
		Share: median(func(o outcome) float64 { return o.Share }), Rivals: median(func(o outcome) float64 { return o.Rivals }),
		Jain: median(func(o outcome) float64 { return o.Jain }), Q95: median(func(o outcome) float64 { return o.Q95 }),
		CoV: median(func(o outcome) float64 { return o.CoV }), Waste: median(func(o outcome) float64 { return o.Waste }),
		T90: median(func(o outcome) float64 { return o.T90 }),
	}
	for _, o := range all {
		r.Worst = min(r.Worst, o.Share)
	}
	var missed []string
	miss := func(is bool, what string, got, bar float64) {
		if is {
			missed = append(missed, fmt.Sprintf("%s %.3f, wanted %.3f", what, got, bar))
		}
	}
	miss(r.Share < c.Share, "share", r.Share, c.Share)
	miss(c.Most > 0 && r.Share > c.Most, "share", r.Share, c.Most)
	miss(r.Jain < c.Jain, "Jain", r.Jain, c.Jain)
	miss(c.MostWaste > 0 && r.Waste > c.MostWaste, "waste", r.Waste, c.MostWaste)
	r.Missed = strings.Join(missed, "; ")
	return r
}

// Table writes results as a table in Markdown.
func Table(results []Result) string {
	var b strings.Builder
	b.WriteString("|Case|Share|worst seed|others|Jain|queue p95|CoV|waste|90 % after|\n|---|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	percent := func(v float64) string { return fmt.Sprintf("%.1f %%", 100*v) }
	for _, r := range results {
		name, rivals, jain, after := r.Case, "", "", "never"
		if r.Missed != "" {
			name += " **(misses: " + r.Missed + ")**"
		}
		if r.Rivals > 0 {
			rivals = percent(r.Rivals)
		}
		if r.Jain > 0 && r.Jain < .99999 {
			jain = fmt.Sprintf("%.3f", r.Jain)
		}
		if r.T90 > 0 {
			after = fmt.Sprintf("%.1f s", r.T90)
		}
		fmt.Fprintf(&b, "|%s|%s|%s|%s|%s|%.1f ms|%.3f|%s|%s|\n", name, percent(r.Share), percent(r.Worst), rivals, jain, r.Q95, r.CoV, fmt.Sprintf("%.2f %%", 100*r.Waste), after)
	}
	return b.String()
}
