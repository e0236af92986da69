//go:build linux

package main

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/godwit/godwit/bench/result"
	"github.com/godwit/godwit/bench/wan/beside"
)

// newBeside measures Godwit beside a CUBIC of the kernel.
func newBeside() *cobra.Command {
	var b beside.Bench
	var results, page string
	c := &cobra.Command{
		Use:   "beside",
		Short: "measure what Godwit and a cubic of the kernel leave each other on one link; results/beside.json",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b.Out = cmd.OutOrStdout()
			var err error
			if b.Godwit, err = filepath.Abs(b.Godwit); err != nil {
				return err
			}
			fresh, err := b.Run(cmd.Context())
			if err != nil {
				return err
			}
			path := filepath.Join(results, "beside.json")
			rows, err := beside.Merge(path, fresh)
			if err != nil {
				return err
			}
			var inserted error
			if page != "" {
				inserted = result.Insert(page, "results: beside", beside.Table(rows))
			}
			return errors.Join(inserted, os.MkdirAll(results, 0o755), result.Write(path, rows))
		},
	}
	f := c.Flags()
	f.StringVar(&b.Godwit, "godwit", "build/bin/godwit", "the godwit to measure")
	f.IntVar(&b.Runs, "runs", 3, "runs of each scene")
	f.StringSliceVar(&b.Only, "scene", nil, "only these scenes; the others keep their figures")
	f.BoolVar(&b.Trace, "trace", false, "print each 100 ms")
	registerResults(f, &results, &page)
	return c
}
