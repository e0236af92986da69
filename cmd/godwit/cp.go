package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/godwit/godwit/transfer"
)

// copyFlags are the flags of cp.
type copyFlags struct {
	recursive bool
	rate, min bitRate
	policy    string
	overwrite string
	cipher    string
	symlinks  string
	resume    bool
	times     bool
	modes     bool
	retries   int
	json      bool
	quiet     bool
	key       string
	name      string
}

func newCopy(a *app) *cobra.Command {
	var fl copyFlags
	c := &cobra.Command{
		Use:   "cp [flags] SRC... DST",
		Short: "Copy files and trees to or from a cluster",
		Long: `cp pushes local files to a cluster or pulls a cluster's files here. One side is
remote:

  CLUSTER:PATH                          through the best node of the cluster
  :PATH                                 the same, where there is one cluster only
  godwit://HOST:PORT/PATH#sha256=PIN    a node directly, with the profile's access key

Files travel encrypted over UDP and are verified on arrival. A directory arrives
under its own name; with a trailing slash, its contents do. When a node dies or
drains, the transfer goes on by itself on another one and sends again only what was
not yet safe. Run the same command again after an interruption: it resumes.

  godwit cp -r footage/ studio:/incoming
  godwit cp --rate 500M --policy fixed big.mxf studio:/incoming/
  godwit cp -r --overwrite never studio:/incoming/footage .
  godwit cp --json a.bin studio:/ | jq .        one JSON object a line

` + exitCodesHelp,
		Args: cobra.MinimumNArgs(2), ValidArgsFunction: a.locations(),
		RunE: func(c *cobra.Command, args []string) error {
			return a.copy(c.Context(), fl, args)
		},
	}
	f := c.Flags()
	f.BoolVarP(&fl.recursive, "recursive", "r", false, "copy directories")
	f.Var(&fl.rate, "rate", "target rate, bits per second (500M, 2G); default: as fast as the path allows")
	f.Var(&fl.min, "min-rate", "floor of the rate under congestion")
	f.StringVar(&fl.policy, "policy", "", "sharing with other traffic: fixed, high, fair (default) or low")
	f.StringVar(&fl.overwrite, "overwrite", "diff", "existing files: never, always, diff, older, diff+older")
	f.BoolVar(&fl.resume, "resume", true, "continue part files of an earlier run")
	f.StringVar(&fl.cipher, "cipher", "", "aes-128-gcm (default), aes-256-gcm or chacha20-poly1305")
	f.StringVar(&fl.symlinks, "symlinks", "copy", "symbolic links: copy, follow or skip")
	f.BoolVar(&fl.times, "preserve-times", true, "keep modification times")
	f.BoolVar(&fl.modes, "preserve-modes", true, "keep permission bits")
	f.IntVar(&fl.retries, "retries", 10, "sessions that may fail in a row without progress")
	f.BoolVar(&fl.json, "json", false, "print events as JSON lines instead of progress")
	f.BoolVarP(&fl.quiet, "quiet", "q", false, "print errors only")
	f.StringVar(&fl.key, "key", "", "access key to copy for, when signed in as an operator")
	f.StringVar(&fl.name, "name", "", "name of the transfer in the console")
	complete := func(flag string, values ...string) {
		_ = c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	complete("policy", "fixed", "high", "fair", "low")
	complete("overwrite", "never", "always", "diff", "older", "diff+older")
	complete("cipher", "aes-128-gcm", "aes-256-gcm", "chacha20-poly1305")
	complete("symlinks", "copy", "follow", "skip")
	return c
}

// copy runs one cp.
func (a *app) copy(ctx context.Context, fl copyFlags, args []string) error {
	job, remote, err := fl.job(args)
	if err != nil {
		return err
	}
	from, err := a.specSource(remote, job, fl)
	if err != nil {
		return err
	}
	show := newProgress(a.streams, fl)
	client := &transfer.Client{Specs: from.next, Key: from.key, OnEvent: show.event}
	res, err := client.Run(ctx, job)
	show.finish(res, err)
	switch {
	case err != nil:
		from.giveUp(ctx)
		return err
	case int64(len(res.Failed))+res.FailedMore > 0:
		return partialError{int64(len(res.Failed)) + res.FailedMore}
	}
	return nil
}

// job turns the arguments into a job and the remote side's location.
func (fl copyFlags) job(args []string) (transfer.Job, location, error) {
	var j transfer.Job
	locations := make([]location, len(args))
	for i, arg := range args {
		var err error
		if locations[i], err = parseLocation(arg); err != nil {
			return j, location{}, err
		}
	}
	sources, dst := locations[:len(args)-1], locations[len(args)-1]
	remote := sources[0]
	j.Direction = transfer.Pull
	if dst.remote {
		j.Direction, remote = transfer.Push, dst
	}
	for _, s := range sources {
		switch {
		case s.remote && dst.remote:
			return j, remote, usagef("both %s and %s are remote: one side must be local", s.raw, dst.raw)
		case !s.remote && !dst.remote:
			return j, remote, usagef("neither %s nor %s is remote: write CLUSTER:PATH for the cluster's side", s.raw, dst.raw)
		case s.remote && (s.cluster != remote.cluster || s.node != remote.node):
			return j, remote, usagef("%s and %s are in different places: copy from one at a time", remote.raw, s.raw)
		}
		if !s.remote {
			info, err := os.Stat(strings.TrimRight(s.path, "/"))
			if err != nil && s.path != "/" {
				return j, remote, &transfer.Error{Code: transfer.CodeNotFound, Message: "source: " + err.Error()}
			}
			if info != nil && info.IsDir() && !fl.recursive {
				return j, remote, usagef("%s is a directory: give -r to copy it with all that is in it", s.raw)
			}
		}
		j.Sources = append(j.Sources, s.path)
	}
	j.Destination = dst.path
	j.Options = transfer.Options{
		Rate: int64(fl.rate), MinRate: int64(fl.min), Policy: transfer.Policy(fl.policy),
		Overwrite: transfer.Overwrite(fl.overwrite), NoResume: !fl.resume,
		Cipher: transfer.Cipher(fl.cipher), Symlinks: transfer.Symlinks(fl.symlinks),
		NoPreserveTimes: !fl.times, NoPreserveModes: !fl.modes, Retries: fl.retries,
	}
	if fl.retries == 0 {
		j.Options.Retries = -1
	}
	return j, remote, j.Validate()
}

// jsonLine prints one event for scripts.
func jsonLine(s streams, v any) {
	b, err := json.Marshal(v)
	if err == nil {
		fmt.Fprintf(s.out, "%s\n", b)
	}
}
