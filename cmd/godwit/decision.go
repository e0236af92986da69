package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

type decisionRow struct {
	ID      string    `json:"id"`
	Cluster ref       `json:"cluster"`
	Kind    string    `json:"kind"`
	At      time.Time `json:"at"`
	Until   time.Time `json:"until"`
	Count   int64     `json:"count"`
	Summary string    `json:"summary"`
	Reasons []reason  `json:"reasons"`
	Policy  int64     `json:"policy_version"`
}

func (d decisionRow) cells() []string {
	return []string{d.ID, ago(d.Until), d.Cluster.Name, d.Kind, strconv.FormatInt(d.Count, 10), d.Summary}
}

func newDecisionCommand(a *app) *cobra.Command {
	get := &cobra.Command{
		Use: "get ID", Short: "One decision with its reasons (-o json: with what it was made from)", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodGet, at("decisions", args[0]), nil, func(t *table, d decisionRow) {
				t.line(fmt.Sprintf("%s on %s, policy v%d, %s", d.Kind, d.Cluster.Name, d.Policy, d.At.Local().Format(time.DateTime)))
				for _, r := range d.Reasons {
					t.line("- " + r.Text)
				}
			})
		},
	}
	return group("decision", "Why the cluster did what it did, and why it did not",
		newDecisionList(a), get, newWhyNot(a), newReplay(a))
}

func newDecisionList(a *app) *cobra.Command {
	var changes bool
	var limit int
	filters := map[string]*string{"cluster": new(string), "kind": new(string), "code": new(string), "action": new(string), "q": new(string)}
	var from, to when
	c := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "What was decided and why, newest first", Args: cobra.NoArgs,
		Long: `list shows decisions, also those to do nothing: they are stored with their reasons, and
equal ones in a row are one line with a count.

  godwit decision list --cluster studio --changes
  godwit decision list --code max_reached --from 24h       when the limit held back
  godwit decision list --action drain --to 2026-03-01
  godwit decision list --text "launch limited"`,
		RunE: func(c *cobra.Command, _ []string) error {
			q := url.Values{}
			for name, v := range filters {
				if *v != "" {
					q.Set(name, *v)
				}
			}
			from.query(q, "from")
			to.query(q, "to")
			if changes {
				q.Set("changes", "true")
			}
			items, err := a.list(c.Context(), "/api/v1/decisions", q, limit)
			if err != nil {
				return err
			}
			return printList(a, items, []string{"ID", "WHEN", "CLUSTER", "DECISION", "TIMES", "WHY"}, decisionRow.cells)
		},
	}
	f := c.Flags()
	f.StringVar(filters["cluster"], "cluster", "", "only this cluster's")
	f.StringVar(filters["kind"], "kind", "", "noop or act")
	f.StringVar(filters["code"], "code", "", "only with a reason of this code")
	f.StringVar(filters["action"], "action", "", "only with an action of this kind: launch, drain, …")
	f.StringVar(filters["q"], "text", "", "only with these words in the reasons; each may be cut short")
	f.BoolVar(&changes, "changes", false, "only decisions that changed something")
	f.Var(&from, "from", "that held at this time or later: a time, or how long ago (90m, 24h)")
	f.Var(&to, "to", "that were made before this time")
	f.IntVar(&limit, "limit", 30, "how many to show")
	_ = c.RegisterFlagCompletionFunc("cluster", a.clusters())
	_ = c.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions([]string{"noop", "act"}, cobra.ShellCompDirectiveNoFileComp))
	_ = c.RegisterFlagCompletionFunc("action", cobra.FixedCompletions(actionKinds, cobra.ShellCompDirectiveNoFileComp))
	return c
}

// actionKinds are what can be asked for with why-not.
var actionKinds = []string{"launch", "start", "drain", "undrain", "terminate", "stop", "move"}

func newWhyNot(a *app) *cobra.Command {
	var action string
	var then when
	c := &cobra.Command{
		Use: "why-not CLUSTER", Short: "Why was nothing launched, drained … at some time?", Args: cobra.ExactArgs(1), ValidArgsFunction: a.clusters(),
		Long: `why-not looks up the decision that was in force and names what held an action back, or
why it was not needed.

  godwit decision why-not studio                         why is no node launched now?
  godwit decision why-not studio --action drain --at 3h  and why was none drained then?`,
		RunE: func(c *cobra.Command, args []string) error {
			q := url.Values{"cluster": {args[0]}, "action": {action}}
			then.query(q, "at")
			type answer struct {
				Text     string      `json:"text"`
				Decision decisionRow `json:"decision"`
			}
			return call(c.Context(), a, http.MethodGet, at("decisions", "why-not")+"?"+q.Encode(), nil, func(t *table, w answer) {
				t.line(w.Text)
				t.line(fmt.Sprintf("decided %d times from %s until %s: godwit decision get %s", w.Decision.Count,
					w.Decision.At.Local().Format(time.DateTime), w.Decision.Until.Local().Format(time.DateTime), w.Decision.ID))
			})
		},
	}
	c.Flags().StringVar(&action, "action", "launch", "what was not done: launch, start, drain, undrain, terminate, stop or move")
	c.Flags().Var(&then, "at", "when: a time, or how long ago (90m, 24h); default now")
	_ = c.RegisterFlagCompletionFunc("action", cobra.FixedCompletions(actionKinds, cobra.ShellCompDirectiveNoFileComp))
	return c
}

func newReplay(a *app) *cobra.Command {
	var file string
	c := &cobra.Command{
		Use: "replay ID [FIELD=VALUE...]", Short: "Make a decision again, as it was or under another policy", Args: cobra.MinimumNArgs(1),
		Long: `replay decides again on the state that was stored with a decision. With nothing else
the plan is the same to the last byte, which proves that nothing but that state and
that policy led to it. With fields of a policy it says what would have been otherwise.

  godwit decision replay 01j… max_nodes=20`,
		RunE: func(c *cobra.Command, args []string) error {
			body := map[string]any{}
			if len(args) > 1 || file != "" {
				change, err := a.fields(args[1:], file)
				if err != nil {
					return err
				}
				body["policy"] = change
			}
			type answer struct {
				Identical   bool            `json:"identical"`
				Text        string          `json:"text"`
				Differences []string        `json:"differences"`
				Plan        json.RawMessage `json:"plan"`
			}
			return call(c.Context(), a, http.MethodPost, at("decisions", args[0], "replay"), body, func(t *table, r answer) {
				if r.Identical || len(r.Differences) == 0 {
					t.line(r.Text)
				}
				for _, d := range r.Differences {
					t.line("- " + d)
				}
			})
		},
	}
	c.Flags().StringVarP(&file, "file", "f", "", "fields as JSON or YAML; - is stdin")
	return c
}
