package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

type versionRef struct {
	Template ref   `json:"template"`
	Version  int64 `json:"version"`
}

func (v versionRef) String() string {
	if v.Version == 0 {
		return "-"
	}
	return fmt.Sprintf("%s v%d", v.Template.Name, v.Version)
}

type rolloutRow struct {
	ID        string     `json:"id"`
	Cluster   ref        `json:"cluster"`
	State     string     `json:"state"`
	From      versionRef `json:"from"`
	To        versionRef `json:"to"`
	Total     int        `json:"total"`
	Replaced  int        `json:"replaced"`
	Failures  int        `json:"failures"`
	Doing     string     `json:"doing"`
	Reason    string     `json:"reason"`
	Author    string     `json:"author"`
	StartedAt time.Time  `json:"started_at"`
	EndedAt   *time.Time `json:"ended_at"`
}

func (r rolloutRow) ended() bool { return r.State != "rolling" && r.State != "paused" }

// words is the state as people say it.
func (r rolloutRow) words() string { return strings.ReplaceAll(r.State, "_", " ") }

// progress is how far it is, in a few words.
func (r rolloutRow) progress() string { return fmt.Sprintf("%d of %d", r.Replaced, r.Total) }

var rolloutHead = []string{"STATE", "REPLACED", "FAILED", "FROM", "TO", "BY", "STARTED", "ENDED"}

func (r rolloutRow) cells() []string {
	ended := "-"
	if r.EndedAt != nil {
		ended = ago(*r.EndedAt)
	}
	return []string{r.words(), r.progress(), strconv.Itoa(r.Failures), r.From.String(), r.To.String(), orDash(r.Author), ago(r.StartedAt), ended}
}

func drawRolloutRow(t *table, r rolloutRow) {
	t.row(rolloutHead...)
	t.row(r.cells()...)
	switch {
	case r.ended() && r.Reason != "":
		t.line(r.words() + ": " + r.Reason)
	case !r.ended() && r.Doing != "":
		t.line(r.Doing)
	}
	switch r.State {
	case "rolled_back":
		t.line("new nodes are launched from " + r.From.String() + "; what a failed node printed: godwit node console NODE")
	case "paused":
		t.line("to go on: godwit rollout resume " + r.Cluster.Name)
	}
}

// rolloutPause is how long to wait between two looks.
const rolloutPause = time.Second

// errRollout: it ended otherwise than done.
type errRollout struct{ r rolloutRow }

func (e errRollout) Error() string {
	text := fmt.Sprintf("the rollout of %s is %s", e.r.Cluster.Name, e.r.words())
	if e.r.Reason != "" {
		text += ": " + e.r.Reason
	}
	return text
}

// followRollout tells, line by line, what a rollout does, until it has ended. What
// it goes on as when the template changes is followed too.
func (a *app) followRollout(ctx context.Context, cluster string) error {
	c, _, err := a.api()
	if err != nil {
		return err
	}
	said := ""
	for {
		var raw []byte
		if _, err := c.Do(ctx, http.MethodGet, at("clusters", cluster, "rollout"), nil, &raw); err != nil {
			return err
		}
		var r rolloutRow
		if err := json.Unmarshal(raw, &r); err != nil {
			return fmt.Errorf("the manager's answer: %w", err)
		}
		line := fmt.Sprintf("%s: %s replaced", r.words(), r.progress())
		if r.Failures > 0 {
			line += fmt.Sprintf(", %d new ones failed", r.Failures)
		}
		switch {
		case r.ended() && r.Reason != "":
			line += "; " + r.Reason
		case r.Doing != "":
			line += "; " + r.Doing
		}
		if line != said {
			fmt.Fprintln(a.err, printable(line))
			said = line
		}
		if r.ended() && r.State != "superseded" {
			if err := a.print(json.RawMessage(raw), func(t *table) { drawRolloutRow(t, r) }); err != nil {
				return err
			}
			if r.State != "done" {
				return errRollout{r}
			}
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(rolloutPause):
		}
	}
}

// surgeOf reads --surge: a number of nodes, or a share of them.
func surgeOf(value string, into map[string]any) error {
	share, percent := strings.CutSuffix(value, "%")
	n, err := strconv.Atoi(share)
	if err != nil || n < 0 || percent && n > 100 {
		return usagef("%q is no surge; give a number of nodes such as 2, or a share such as 25%%", value)
	}
	if percent {
		into["surge_percent"] = n
	} else {
		into["surge"] = n
	}
	return nil
}

func newRolloutCommand(a *app) *cobra.Command {
	names := a.clusters()
	of := func(cluster string) string { return at("clusters", cluster, "rollout") }
	var surge string
	var unavailable, failures int
	var watch bool
	start := &cobra.Command{
		Use: "start CLUSTER", Short: "Replace the nodes that are behind their template, one after the other", Args: cobra.ExactArgs(1), ValidArgsFunction: names,
		Long: `start replaces the nodes of a cluster that differ from what would be launched now:
by another version of the template, another image or program for instance, or by a
part of the configuration that a node cannot take over while it serves. New nodes
come first; an old one drains when another serves in its place, and running transfers
go on. When too many new nodes come to nothing the rollout is rolled back by itself:
the old ones stay, and new ones are launched from the version before.

What flags leave out is as the policy says (rollout, godwit policy get CLUSTER).

  godwit template set studio -f spec.yaml
  godwit rollout start studio --surge 25% --watch`,
		RunE: func(c *cobra.Command, args []string) error {
			body := map[string]any{}
			if surge != "" {
				if err := surgeOf(surge, body); err != nil {
					return err
				}
			}
			if c.Flags().Changed("max-unavailable") {
				body["max_unavailable"] = unavailable
			}
			if c.Flags().Changed("max-failures") {
				body["max_failures"] = failures
			}
			if !watch {
				return call(c.Context(), a, http.MethodPost, of(args[0]), body, drawRolloutRow)
			}
			api, _, err := a.api()
			if err != nil {
				return err
			}
			if _, err := api.Do(c.Context(), http.MethodPost, of(args[0]), body, nil); err != nil {
				return err
			}
			return a.followRollout(c.Context(), args[0])
		},
	}
	start.Flags().StringVar(&surge, "surge", "", "nodes more than wanted meanwhile: a number, or a share such as 25%; on top of max_nodes")
	start.Flags().IntVar(&unavailable, "max-unavailable", 0, "nodes fewer than wanted that may serve meanwhile")
	start.Flags().IntVar(&failures, "max-failures", 0, "so many new nodes that come to nothing roll it back")
	start.Flags().BoolVarP(&watch, "watch", "w", false, "wait for the end and tell what happens; fails unless every node is replaced")
	var follow bool
	status := &cobra.Command{
		Use: "status CLUSTER", Short: "Show how far a cluster's rollout is, or how the last one ended", Args: cobra.ExactArgs(1), ValidArgsFunction: names,
		RunE: func(c *cobra.Command, args []string) error {
			if follow {
				return a.followRollout(c.Context(), args[0])
			}
			return call(c.Context(), a, http.MethodGet, of(args[0]), nil, drawRolloutRow)
		},
	}
	status.Flags().BoolVarP(&follow, "watch", "w", false, "wait for the end and tell what happens; fails unless every node is replaced")
	list := &cobra.Command{
		Use: "list CLUSTER", Aliases: []string{"ls"}, Short: "List a cluster's rollouts, newest first", Args: cobra.ExactArgs(1), ValidArgsFunction: names,
		RunE: func(c *cobra.Command, args []string) error {
			items, err := a.list(c.Context(), of(args[0])+"s", url.Values{}, 1000)
			if err != nil {
				return err
			}
			return printList(a, items, rolloutHead, rolloutRow.cells)
		},
	}
	verb := func(use, short string) *cobra.Command {
		return &cobra.Command{
			Use: use + " CLUSTER", Short: short, Args: cobra.ExactArgs(1), ValidArgsFunction: names,
			RunE: func(c *cobra.Command, args []string) error {
				return call(c.Context(), a, http.MethodPost, of(args[0])+"/"+use, nil, drawRolloutRow)
			},
		}
	}
	return group("rollout", "Upgrade a live cluster, node by node",
		start, status, list,
		verb("pause", "Hold a rollout: nothing is launched or drained for it"),
		verb("resume", "Let a rollout go on"),
		verb("abort", "Give a rollout up: the version before is launched again, and nothing more is drained"))
}
