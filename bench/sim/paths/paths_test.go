package paths

import (
	"flag"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

var (
	only  = flag.String("paths.case", "", "play the cases whose name holds this, and print the table")
	seeds = flag.Int("paths.seeds", 3, "seeds for -paths.case")
)

func TestPlay(t *testing.T) {
	if *only == "" {
		t.Skip("played by bench/sim; -paths.case plays some here")
	}
	var some []Case
	for _, c := range Cases() {
		if strings.Contains(c.Name, *only) || *only == "all" {
			some = append(some, c)
		}
	}
	Play(some, *seeds, func(r Result) { fmt.Printf("%+v\n", r) })
}

// TestTheSameSeedPlaysTheSame: a figure that misses its bar can be looked into.
func TestTheSameSeedPlaysTheSame(t *testing.T) {
	t.Parallel()
	c := line{20e6, 20 * ms, 20 * ms, .01}.alone("short", s, 2*s, .9, nil, nil)
	a, b := c.play(7), c.play(7)
	if !reflect.DeepEqual(a, b) {
		t.Errorf("%+v and %+v", a, b)
	}
	if other := c.play(8); reflect.DeepEqual(a, other) {
		t.Error("another seed plays the same")
	}
	r := c.judge([]outcome{a})
	if r.Missed != "" || !strings.Contains(Table([]Result{r}), "|short|") {
		t.Errorf("%+v\n%s", r, Table([]Result{r}))
	}
}

func TestCasesAreToldApart(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, c := range Cases() {
		if names[c.Name] || c.From >= c.To || c.Ceiling <= 0 {
			t.Errorf("case %q", c.Name)
		}
		names[c.Name] = true
	}
}
