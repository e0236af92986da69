//go:build linux

package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/godwit/godwit/bench/result"
	"github.com/godwit/godwit/bench/wan/contest"
)

// newBench measures Godwit and its peers.
func newBench() *cobra.Command {
	var choice contest.Choice
	c := contest.Contest{}
	var results, page string
	var add bool
	command := &cobra.Command{
		Use:   "bench",
		Short: "measure Godwit and its peers over the published paths; results/wan.md, wan.json, wan-runs.json",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c.Out = cmd.OutOrStdout()
			var err error
			if c.Disk, err = filepath.Abs(c.Disk); err != nil {
				return err
			}
			if err := errors.Join(os.MkdirAll(c.Memory, 0o755), os.MkdirAll(c.Disk, 0o755), os.MkdirAll(results, 0o755)); err != nil {
				return err
			}
			for _, program := range []*string{&c.Programs.Godwit, &c.Programs.Quic, &c.Programs.UDT} {
				var err error
				if *program, err = filepath.Abs(*program); err != nil {
					return err
				}
			}
			old, err := result.Read[result.Run](filepath.Join(results, "wan-runs.json"))
			if err != nil {
				return err
			}
			// Written after each run, so that what was measured survives an interruption.
			var fresh []result.Run
			c.Ran = func(r result.Run) error {
				fresh = append(fresh, r)
				if add {
					return publish(results, page, append(slices.Clone(old), fresh...))
				}
				return publish(results, page, result.Merge(old, fresh))
			}
			if add {
				c.Earlier = func(kase, set, peer string) (n int) {
					for _, r := range old {
						if r.Case == kase && r.Set == set && r.Peer == peer {
							n++
						}
					}
					return n
				}
			}
			return c.Run(cmd.Context(), choice)
		},
	}
	f := command.Flags()
	f.StringSliceVar(&choice.Cases, "case", nil, "only these cases")
	f.StringSliceVar(&choice.Sets, "set", nil, "only these sets")
	f.StringSliceVar(&choice.Peers, "peer", nil, "only these peers")
	f.IntVar(&choice.Runs, "runs", 0, "runs of each cell (default 3 and 1)")
	f.BoolVar(&choice.Full, "full", false, "every cell, three runs")
	f.IntVar(&c.Scale, "scale", 1, "divide the sets by this, to try things out")
	f.StringVar(&c.Programs.Godwit, "godwit", "build/bin/godwit", "the godwit to measure")
	f.StringVar(&c.Programs.Quic, "quic", "build/bin/quic-copy", "the peer over quic-go")
	f.StringVar(&c.Programs.UDT, "udt", "build/bin/udt-copy", "the peer over UDT")
	f.StringVar(&c.Memory, "memory", "/dev/shm/godwit-bench", "directory on tmpfs")
	f.StringVar(&c.Disk, "disk", "build/bench", "directory on a disk, for the target of tiny")
	f.BoolVar(&add, "add", false, "add to the earlier runs of the same cells instead of replacing them")
	registerResults(f, &results, &page)
	return command
}

func registerResults(f *pflag.FlagSet, results, page *string) {
	f.StringVar(results, "results", "bench/results", "where the results are written")
	f.StringVar(page, "page", "docs/performance.md", "page whose tables are written anew; empty: none")
}

// newReport writes what is generated from the runs anew.
func newReport() *cobra.Command {
	var results, page string
	c := &cobra.Command{
		Use:   "report",
		Short: "write wan.md, wan.json and the tables of the documentation anew from wan-runs.json",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			runs, err := result.Read[result.Run](filepath.Join(results, "wan-runs.json"))
			if err != nil {
				return err
			}
			return publish(results, page, runs)
		},
	}
	registerResults(c.Flags(), &results, &page)
	return c
}

// publish writes runs as the three files of results, and their tables into the page.
func publish(dir, page string, runs []result.Run) error {
	contest.Order(runs)
	var inserted error
	if page != "" {
		inserted = result.Insert(page, "results: wan", contest.Origin(runs)+"\n"+contest.Tables(runs))
	}
	return errors.Join(inserted,
		result.Write(filepath.Join(dir, "wan-runs.json"), runs),
		result.Write(filepath.Join(dir, "wan.json"), result.Rows(runs)),
		os.WriteFile(filepath.Join(dir, "wan.md"), []byte(contest.Page(runs)), 0o644),
	)
}
