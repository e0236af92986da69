package main

import (
	"net/url"
	"time"

	"github.com/spf13/cobra"
)

type conditionRow struct {
	Cluster ref        `json:"cluster"`
	Kind    string     `json:"kind"`
	Subject string     `json:"subject"`
	Since   time.Time  `json:"since"`
	Until   *time.Time `json:"until"`
	Text    string     `json:"text"`
	Next    string     `json:"next"`
}

func newConditionCommand(a *app) *cobra.Command {
	var cluster, kind string
	var all bool
	var limit int
	list := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "What is wrong now, and what to do about it", Args: cobra.NoArgs,
		Long: `list shows what an operator should know of while it lasts: credentials that fail, a
quota that is reached, a minimum that cannot be kept. Conditions end by themselves.

  godwit condition list
  godwit condition list --all --cluster studio      also those that have ended`,
		RunE: func(c *cobra.Command, _ []string) error {
			q := url.Values{}
			for name, v := range map[string]string{"cluster": cluster, "kind": kind} {
				if v != "" {
					q.Set(name, v)
				}
			}
			if !all {
				q.Set("open", "true")
			}
			items, err := a.list(c.Context(), "/api/v1/conditions", q, limit)
			if err != nil {
				return err
			}
			return printList(a, items, []string{"CLUSTER", "WHAT", "ABOUT", "SINCE", "ENDED", "TEXT", "NEXT"}, func(r conditionRow) []string {
				ended := "-"
				if r.Until != nil {
					ended = ago(*r.Until)
				}
				return []string{r.Cluster.Name, r.Kind, orDash(r.Subject), ago(r.Since), ended, r.Text, orDash(r.Next)}
			})
		},
	}
	list.Flags().StringVar(&cluster, "cluster", "", "only this cluster's")
	list.Flags().StringVar(&kind, "kind", "", "only of this kind")
	list.Flags().BoolVar(&all, "all", false, "also those that have ended")
	list.Flags().IntVar(&limit, "limit", 100, "how many to show")
	_ = list.RegisterFlagCompletionFunc("cluster", a.clusters())
	return group("condition", "What is wrong with clusters", list)
}
