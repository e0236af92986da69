//go:build linux

package contest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/godwit/godwit/bench/fileset"
	"github.com/godwit/godwit/bench/result"
)

// Seed of the sets.
const Seed = 1

// Choice narrows what is run; empty lists and zero mean everything that is
// usual.
type Choice struct {
	Cases, Sets, Peers []string
	Runs               int  // of each cell
	Full               bool // every cell, three runs each, where usually only the telling ones are run
}

// Contest runs peers.
type Contest struct {
	Programs Programs
	Memory   string // directory on tmpfs for sources and targets
	Disk     string // directory on a disk for the target of the tiny set, which must be durable
	Scale    int    // divides the sets; 0 and 1: whole. Only for trying it out
	Out      io.Writer

	// Earlier is how many runs of a cell were made before, so that further ones get
	// further seeds; nil: none.
	Earlier func(kase, set, peer string) int

	// Ran hears of each run when it has ended.
	Ran func(result.Run) error
}

// job is one planned run.
type job struct {
	kase Case
	set  string
	peer peer
	run  int
}

// runs is how often a cell is usually run.
func runs(c Choice, kase, set, peer string) int {
	usual := 0
	main := kase == "1g-100ms-1pct"
	switch {
	case c.Full, main:
		usual = 3
	case peer == Godwit && set == "tiny":
		usual = 0
	case peer == GodwitPull && kase == "1g-500ms-10pct", peer == Godwit && (kase == "1g-100ms-0pct" || kase == "1g-500ms-10pct" || set == "big"):
		usual = 3
	case kase == "1g-100ms-0pct" || kase == "1g-500ms-10pct":
		usual = 1
	case len(c.Peers) > 0 || len(c.Cases) > 0:
		usual = 1
	}
	if usual > 0 && c.Runs > 0 {
		usual = c.Runs
	}
	return usual
}

// plan orders the runs so that peers alternate: a machine that slows down slows
// all of them.
func plan(all []peer, c Choice) ([]job, error) {
	if err := c.check(all); err != nil {
		return nil, err
	}
	chosen := func(list []string, name string) bool { return len(list) == 0 || slices.Contains(list, name) }
	var jobs []job
	for run := range 100 {
		before := len(jobs)
		for _, k := range Cases {
			for _, s := range fileset.Sets {
				for _, p := range all {
					if chosen(c.Cases, k.Name) && chosen(c.Sets, s.Name) && chosen(c.Peers, p.name) &&
						slices.Contains(p.sets, s.Name) && run < runs(c, k.Name, s.Name, p.name) {
						jobs = append(jobs, job{k, s.Name, p, run})
					}
				}
			}
		}
		if len(jobs) == before {
			break
		}
	}
	return jobs, nil
}

// check refuses names that nothing has.
func (c Choice) check(all []peer) error {
	for _, name := range c.Cases {
		if _, err := CaseNamed(name); err != nil {
			return err
		}
	}
	for _, name := range c.Sets {
		if _, err := fileset.Named(name); err != nil {
			return err
		}
	}
	for _, name := range c.Peers {
		if !slices.ContainsFunc(all, func(p peer) bool { return p.name == name }) {
			return fmt.Errorf("there is no peer %q: %v are", name, PeerNames())
		}
	}
	return nil
}

// Run runs what is chosen. Peers whose programs are not installed are left out
// with a line saying so.
func (c *Contest) Run(ctx context.Context, choice Choice) error {
	var here []peer
	all := peers(c.Programs)
	for _, p := range all {
		missing := p.missing()
		switch {
		case missing == "":
			here = append(here, p)
		case p.name == Godwit:
			return fmt.Errorf("no %s: run make build first", missing)
		default:
			fmt.Fprintf(c.Out, "%s is left out: %s is not installed\n", p.name, missing)
		}
	}
	if err := choice.check(all); err != nil {
		return err
	}
	jobs, err := plan(here, Choice{Cases: choice.Cases, Sets: choice.Sets, Peers: intersect(choice.Peers, here), Runs: choice.Runs, Full: choice.Full})
	if err != nil {
		return err
	}
	machine, commit := result.Machine(), result.Commit(ctx)
	fmt.Fprintf(c.Out, "%d runs on %s\n", len(jobs), machine)
	for i, j := range jobs {
		r, err := c.trial(ctx, j)
		for again := 0; again < 3 && (errors.Is(err, errStoodStill) || (err == nil && r.Unintended > 0)); again++ {
			fmt.Fprintf(c.Out, "%s %s %s again: %v, %d packets dropped against the model\n", j.kase.Name, j.set, j.peer.name, err, r.Unintended)
			r, err = c.trial(ctx, j)
		}
		if err != nil {
			return fmt.Errorf("%s %s %s: %w", j.kase.Name, j.set, j.peer.name, err)
		}
		r.Machine, r.Commit = machine, commit
		fmt.Fprintf(c.Out, "%3d/%d %-14s %-5s %-12s %6.1f Mb/s in %5.1f s, second half %6.1f, %.1f s CPU, waste %.2f%%, late p99 %.1f ms%s\n",
			i+1, len(jobs), r.Case, r.Set, r.Peer, r.Rate(), r.Seconds, r.SecondHalf, r.CPU, r.Waste*100, r.LateP99, remarks(r))
		if err := c.Ran(r); err != nil {
			return err
		}
	}
	return nil
}

// intersect is the chosen names that are here; none chosen stays none, and none
// left becomes a name that nothing has.
func intersect(chosen []string, here []peer) []string {
	if len(chosen) == 0 {
		return nil
	}
	var both []string
	for _, p := range here {
		if slices.Contains(chosen, p.name) {
			both = append(both, p.name)
		}
	}
	return both
}

func remarks(r result.Run) string {
	text := ""
	if r.Failure != "" {
		text += "  [" + r.Failure + "]"
	}
	if r.Unintended > 0 {
		text += fmt.Sprintf("  VOID: the emulator dropped %d packets", r.Unintended)
	}
	if r.Overruns > 0 {
		text += fmt.Sprintf("  (socket buffers overran: %d)", r.Overruns)
	}
	return text
}

// trial makes trees and directories, runs one job and takes them away again.
func (c *Contest) trial(ctx context.Context, j job) (r result.Run, err error) {
	set, err := fileset.Named(j.set)
	if err != nil {
		return r, err
	}
	set = set.Scaled(c.Scale)
	source := filepath.Join(c.Memory, "source", set.Name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(source), 0o755), set.Make(source, Seed)); err != nil {
		return r, err
	}
	below := c.Memory
	if set.Name == "tiny" {
		below = c.Disk
	}
	target, err := os.MkdirTemp(below, "target")
	if err != nil {
		return r, err
	}
	work, err := os.MkdirTemp("", "wan")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(target), os.RemoveAll(work)) }()
	// What earlier runs left to be written is not this one's affair.
	syscall.Sync()
	run := j.run
	if c.Earlier != nil {
		run += c.Earlier(j.kase.Name, set.Name, j.peer.name)
	}
	t := &trial{kase: j.kase, set: set, peer: j.peer, seed: uint64(run + 1), source: source, target: target, work: work}
	return t.run(ctx)
}
