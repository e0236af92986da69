package main

import (
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
	Reasons []struct {
		Text string `json:"text"`
	} `json:"reasons"`
	Policy int64 `json:"policy_version"`
}

func newDecisionCommand(a *app) *cobra.Command {
	var cluster string
	var changes bool
	var limit int
	list := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "What was decided and why, newest first", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			q := url.Values{}
			if cluster != "" {
				q.Set("cluster", cluster)
			}
			if changes {
				q.Set("changes", "true")
			}
			items, err := a.list(c.Context(), "/api/v1/decisions", q, limit)
			if err != nil {
				return err
			}
			return printList(a, items, []string{"ID", "WHEN", "CLUSTER", "DECISION", "TIMES", "WHY"}, func(d decisionRow) []string {
				return []string{d.ID, ago(d.Until), d.Cluster.Name, d.Kind, strconv.FormatInt(d.Count, 10), d.Summary}
			})
		},
	}
	list.Flags().StringVar(&cluster, "cluster", "", "only this cluster's")
	list.Flags().BoolVar(&changes, "changes", false, "only decisions that changed something")
	list.Flags().IntVar(&limit, "limit", 30, "how many to show")
	get := &cobra.Command{
		Use: "get ID", Short: "One decision with its reasons (-o json: with what it was made from)", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodGet, at("decisions", args[0]), nil, func(t *table, d decisionRow) {
				t.row(fmt.Sprintf("%s on %s, policy v%d, %s", d.Kind, d.Cluster.Name, d.Policy, d.At.Local().Format(time.DateTime)))
				for _, r := range d.Reasons {
					t.row("- " + r.Text)
				}
			})
		},
	}
	return group("decision", "Why the cluster did what it did, and why it did not", list, get)
}
