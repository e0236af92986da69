package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/godwit/godwit/transfer"
)

func newCopy(a *app) *cobra.Command {
	fl := &copyFlags{}
	c := &cobra.Command{
		Use:   "cp [flags] SRC... DST",
		Short: "Copy files and trees to or from a cluster or another machine",
		Long: `cp pushes local files to another place or pulls files from there. One side is remote:

  CLUSTER:PATH                          through the best node of the cluster
  :PATH                                 the same, where there is one cluster only
  USER@HOST:PATH, ssh://HOST:PORT/PATH  a machine behind ssh that has this program; no manager
  godwit://KEY@HOST:PORT/PATH           what godwit serve printed there; no manager
  godwit://HOST:PORT/PATH#sha256=PIN    a node directly, with the profile's access key

Files travel encrypted, over UDP unless it is blocked, and are verified on arrival. A directory arrives
under its own name; with a trailing slash, its contents do. When a node dies or
drains, the transfer goes on by itself on another one and sends again only what was
not yet safe. Run the same command again after an interruption: it resumes.

  godwit cp -r footage/ studio:/incoming
  godwit cp --rate 500M --policy fixed big.mxf studio:/incoming/
  godwit cp -r --overwrite never studio:/incoming/footage .
  godwit cp -r --delete --dry-run footage/ studio:/mirror/      what would change
  godwit cp -r --include '*.mov' --exclude '*' footage/ studio:/incoming
  tar c project | godwit cp - studio:/project.tar
  godwit cp studio:/project.tar - | tar t
  godwit cp -r --manifest receipts.json footage studio:/incoming
  godwit cp -r footage/ ada@host:in/           below ada's home directory
  godwit cp --json a.bin studio:/ | jq .        one JSON object a line

Patterns: * and ? stay within a name, ** crosses directories; a leading slash is the
top of SRC, a trailing one means directories only; what matches a directory decides
for all that is in it. Sources of no file, to test a path: random://10G, zero://1G,
random://1000x64k (a thousand files); with --discard the far side throws them away.

While it runs on a terminal: + and - change the rate, 0 lifts the limit, h f l set
the policy to high, fair or low, p pauses and goes on.

` + exitCodesHelp,
		Args: cobra.MinimumNArgs(2), ValidArgsFunction: a.locations(),
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.jsonByOutput(fl); err != nil {
				return err
			}
			return a.copy(c.Context(), fl, c.Flags(), args)
		},
	}
	fl.add(c)
	return c
}

// jsonByOutput takes -o json for --json; a copy has no other forms.
func (a *app) jsonByOutput(fl *copyFlags) error {
	if a.output == "yaml" {
		return usagef("cp prints events as JSON (--json) or nothing for programs: there is no -o yaml of them")
	}
	fl.json = fl.json || a.output == "json"
	return nil
}

// copy runs one cp.
func (a *app) copy(ctx context.Context, fl *copyFlags, given *pflag.FlagSet, args []string) error {
	job, remote, err := fl.job(ctx, a.streams, given, args)
	if err != nil {
		return err
	}
	from, err := a.specSource(remote, job, fl)
	if err != nil {
		return err
	}
	to := a.streams
	if job.Output != nil {
		to.out = to.err // what is said must not mix with the data
	}
	if from.ready != nil { // before a progress bar covers what ssh asks
		if err := from.ready(ctx); err != nil {
			return err
		}
	}
	receipts, err := fl.receipts(job)
	if err != nil {
		return err
	}
	show := newProgress(to, fl)
	a.answered = fl.json // finish does that from here on
	up := make(chan struct{})
	begin := sync.OnceFunc(func() { close(up) })
	paths := pathMemory(fl.memory)
	client := &transfer.Client{Specs: from.next, Key: from.key, Dial: from.dial, Paths: paths, OnEvent: func(e transfer.Event) {
		if e.Kind == transfer.EventSession {
			begin()
		}
		receipts.event(e)
		show.event(e)
	}}
	t, err := client.Start(ctx, job)
	if err != nil {
		show.finish(transfer.Result{}, err)
		return errors.Join(err, receipts.close(transfer.Result{}, err))
	}
	stop := show.keys(a.streams, t, job.Options.Rate, up)
	res, err := t.Wait()
	stop()
	_ = paths.Save() // what cannot be kept is not known the next time
	rerr := receipts.close(res, err)
	show.end(t.Progress())
	if fl.json {
		show.finish(res, cmp.Or(err, rerr))
	} else {
		show.finish(res, err)
	}
	switch {
	case err != nil:
		from.giveUp(ctx)
		return err
	case failures(res) > 0:
		return partialError{failures(res)}
	}
	return cmp.Or(rerr, show.unsaid)
}

// job turns the arguments into a job and the remote side's location.
func (fl *copyFlags) job(ctx context.Context, s streams, given *pflag.FlagSet, args []string) (transfer.Job, location, error) {
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
	if err := sides(sources, dst, remote); err != nil {
		return j, remote, err
	}
	if err := fl.check(given, remote); err != nil {
		return j, remote, err
	}
	j.Destination = dst.path
	var err error
	if j.Pairs, err = fl.list(s.in); err != nil {
		return j, remote, err
	}
	for _, src := range sources {
		if err := fl.source(&j, s, src, len(sources)); err != nil {
			return j, remote, err
		}
	}
	if dst.raw == "-" {
		if fl.json {
			return j, remote, usagef("--json and the file would both go to standard output")
		}
		j.Destination, j.Output = "", s.out
	}
	if j.Options, err = fl.options(); err != nil {
		return j, remote, err
	}
	if err = fl.sealing(ctx, s, &j.Options); err != nil {
		return j, remote, err
	}
	if to := &j.Options.MoveTo; *to != "" && remote.ssh.Name != "" && j.Direction == transfer.Pull {
		if *to, err = homePath(*to); err != nil {
			return j, remote, err
		}
	}
	j.Options.Flat = !fl.recursive && j.Pairs == nil
	return j, remote, j.Validate()
}

// sides checks that one side is remote, and one place.
func sides(sources []location, dst, remote location) error {
	for _, s := range sources {
		switch {
		case s.remote && dst.remote:
			return usagef("both %s and %s are remote: one side must be local", s.shown(), dst.shown())
		case !s.remote && !dst.remote:
			return usagef("neither %s nor %s is remote: write CLUSTER:PATH for the cluster's side", s.shown(), dst.shown())
		case s.remote && s.place() != remote.place():
			return usagef("%s and %s are in different places: copy from one at a time", remote.shown(), s.shown())
		}
	}
	return nil
}

// source adds one source to the job.
func (fl *copyFlags) source(j *transfer.Job, s streams, src location, of int) error {
	made, ok, err := parseSynthetic(src.path)
	switch {
	case err != nil:
		return err
	case ok && of > 1, src.raw == "-" && of > 1:
		return usagef("%s is a source that stands alone", src.raw)
	case ok:
		j.Synthetic = made
		return nil
	case src.raw == "-" && (fl.filesFrom == "-" || fl.pairsFrom == "-"):
		return usagef("standard input cannot be both the list and the file")
	case src.raw == "-":
		j.Input = s.in
		return nil
	}
	if !src.remote {
		path := strings.TrimRight(src.path, "/")
		info, err := os.Stat(path)
		if _, linkErr := os.Lstat(path); linkErr == nil && transfer.Symlinks(fl.symlinks) != transfer.SymlinksFollow {
			err = nil // a link goes as a link, also one that leads nowhere
		}
		if err != nil && src.path != "/" {
			return &transfer.Error{Code: transfer.CodeNotFound, Message: "source: " + err.Error()}
		}
		if info != nil && info.IsDir() && !fl.recursive && j.Pairs == nil {
			return usagef("%s is a directory: give -r to copy it with all that is in it", src.raw)
		}
	}
	j.Grow = fl.grow
	j.Sources = append(j.Sources, src.path)
	return nil
}

// jsonLine prints one event for scripts.
func jsonLine(s streams, v any) error {
	b, err := json.Marshal(v)
	if err == nil {
		_, err = fmt.Fprintf(s.out, "%s\n", b)
	}
	return err
}

// transport is the engine's name for what --transport says.
func transport(flag string) transfer.Transport {
	if flag == "auto" {
		return transfer.TransportAuto
	}
	return transfer.Transport(flag)
}
