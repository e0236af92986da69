//go:build linux

package beside

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/godwit/godwit/bench/result"
	"github.com/godwit/godwit/bench/wan/emulator"
)

// Bench plays the scenes.
type Bench struct {
	Godwit string // the program
	Runs   int    // of each scene
	Only   []string
	Out    io.Writer
	Trace  bool // prints each step of 100 ms too
}

// Row is a scene's medians; shares are of the link, in bytes of IP packets.
type Row struct {
	Scene   string    `json:"scene"`
	Runs    int       `json:"runs"`
	Godwit  float64   `json:"godwit"`                // what arrives, from five seconds after both are there
	Cubic   float64   `json:"cubic"`                 //
	Early   []float64 `json:"godwit_sends"`          // in the first, second, … five round trips after the second came
	Yielded float64   `json:"yields_rtts,omitempty"` // round trips until Godwit sends less than a quarter of the link for good
	Seconds []float64 `json:"cubic_seconds"`         // what arrives of cubic in its first seconds
	Machine string    `json:"machine"`
	Commit  string    `json:"commit"`
	Date    string    `json:"date"`
}

const (
	fives       = 4
	seconds     = 4
	quarter     = .25
	settles     = 5 * time.Second
	yieldWithin = 3 * time.Second // that is looked at
)

// Run plays what is chosen and returns a row for each scene.
func (b *Bench) Run(ctx context.Context) ([]Row, error) {
	for _, name := range b.Only {
		if _, ok := sceneNamed(name); !ok {
			return nil, fmt.Errorf("there is no scene %q", name)
		}
	}
	if _, err := exec.LookPath("iperf3"); err != nil {
		return nil, fmt.Errorf("cubic is iperf3's here: %w", err)
	}
	machine, commit, date := result.Machine(), result.Commit(ctx), time.Now().UTC().Format(time.DateOnly)
	var rows []Row
	for _, s := range scenes {
		if len(b.Only) > 0 && !slices.Contains(b.Only, s.name) {
			continue
		}
		var all []Row
		for run := range max(b.Runs, 1) {
			t, err := b.play(ctx, s, uint64(run+1))
			for again := 0; again < 3 && errors.Is(err, errStoodStill); again++ {
				t, err = b.play(ctx, s, uint64(run+1))
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			r, err := s.judge(t)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			fmt.Fprintf(b.Out, "%-13s %d  godwit %3.0f %%, cubic %3.0f %%; godwit sends %s %% by five round trips, below a quarter after %.0f; cubic's seconds %s %%\n",
				s.name, run+1, 100*r.Godwit, 100*r.Cubic, percents(r.Early), r.Yielded, percents(r.Seconds))
			if b.Trace {
				s.trace(b.Out, t)
			}
			all = append(all, r)
		}
		m := medians(all)
		m.Machine, m.Commit, m.Date = machine, commit, date
		rows = append(rows, m)
	}
	return rows, nil
}

// both is the moment from which all are there who take part.
func (s scene) both(t track) (time.Duration, error) {
	var both time.Duration
	for _, of := range []struct {
		comes time.Duration
		who   func(sample) emulator.Share
		name  string
	}{{s.godwit, godwitOf, "godwit"}, {s.cubic, cubicOf, "cubic"}} {
		if of.comes == never {
			continue
		}
		at, ok := t.arrival(of.who)
		if !ok {
			return 0, fmt.Errorf("%s sent nothing", of.name)
		}
		both = max(both, at)
	}
	return both, nil
}

// judge takes the figures from a run.
func (s scene) judge(t track) (r Row, err error) {
	r.Scene, r.Runs = s.name, 1
	both, err := s.both(t)
	if err != nil {
		return r, err
	}
	end := t[len(t)-1].at
	from := both + min(settles, (end-both)/2)
	r.Godwit, r.Cubic = t.mean(godwitOf, crossed, from, end), t.mean(cubicOf, crossed, from, end)
	for i := range fives {
		at := both + time.Duration(i)*5*rtt
		r.Early = append(r.Early, t.mean(godwitOf, sent, at, at+5*rtt))
	}
	for i := range seconds {
		at := both + time.Duration(i)*time.Second
		r.Seconds = append(r.Seconds, t.mean(cubicOf, crossed, at, at+time.Second))
	}
	if s.policy == "low" && s.cubic > s.godwit {
		for at := both; at < both+yieldWithin; at += rtt {
			if t.mean(godwitOf, sent, at, at+2*rtt) > quarter {
				r.Yielded = float64((at + 2*rtt - both) / rtt)
			}
		}
	}
	return r, nil
}

// trace prints what was sent and what crossed in each 100 ms around the moment both were there.
func (s scene) trace(w io.Writer, t track) {
	both, _ := s.both(t)
	for at := max(both-500*time.Millisecond, 0); at < both+4*time.Second; at += 2 * rtt {
		fmt.Fprintf(w, "  %5d ms  godwit sends %3.0f, cubic %3.0f; arrives %3.0f, %3.0f\n", (at-both)/time.Millisecond,
			100*t.mean(godwitOf, sent, at, at+2*rtt), 100*t.mean(cubicOf, sent, at, at+2*rtt),
			100*t.mean(godwitOf, crossed, at, at+2*rtt), 100*t.mean(cubicOf, crossed, at, at+2*rtt))
	}
}

func percents(shares []float64) string {
	var each []string
	for _, v := range shares {
		each = append(each, fmt.Sprintf("%.0f", 100*v))
	}
	return strings.Join(each, ", ")
}

// medians are of each figure by itself.
func medians(all []Row) Row {
	of := func(f func(Row) float64) float64 {
		var v []float64
		for _, r := range all {
			v = append(v, f(r))
		}
		return result.Median(v)
	}
	m := Row{Scene: all[0].Scene, Runs: len(all)}
	m.Godwit, m.Cubic = of(func(r Row) float64 { return r.Godwit }), of(func(r Row) float64 { return r.Cubic })
	m.Yielded = of(func(r Row) float64 { return r.Yielded })
	for i := range all[0].Early {
		m.Early = append(m.Early, of(func(r Row) float64 { return r.Early[i] }))
	}
	for i := range all[0].Seconds {
		m.Seconds = append(m.Seconds, of(func(r Row) float64 { return r.Seconds[i] }))
	}
	return m
}
