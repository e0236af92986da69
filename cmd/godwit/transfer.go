package main

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

type transferRow struct {
	ref
	AccessKey string     `json:"access_key"`
	Cluster   ref        `json:"cluster"`
	Direction string     `json:"direction"`
	Paths     []string   `json:"paths"`
	State     string     `json:"state"`
	RateBps   int64      `json:"rate_bps"`
	RTT       float64    `json:"rtt_ms"`
	Loss      float64    `json:"loss"`
	Bytes     int64      `json:"bytes"`
	Total     int64      `json:"total_bytes"`
	Files     int64      `json:"files"`
	Nodes     []ref      `json:"nodes"`
	Moved     int        `json:"moved"`
	Error     string     `json:"error"`
	CreatedAt time.Time  `json:"created_at"`
	EndedAt   *time.Time `json:"ended_at"`
}

var transferHead = []string{"ID", "TENANT", "DIRECTION", "STATE", "RATE", "BYTES", "FILES", "NODE", "MOVED", "STARTED"}

func (r transferRow) cells() []string {
	nodes := make([]string, len(r.Nodes))
	for i, n := range r.Nodes {
		nodes[i] = n.Name
	}
	return []string{r.ID, r.AccessKey, r.Direction, r.State, rate(r.RateBps), size(r.Bytes), strconv.FormatInt(r.Files, 10),
		orDash(strings.Join(nodes, ",")), strconv.Itoa(r.Moved), ago(r.CreatedAt)}
}

func drawTransfer(t *table, r transferRow) {
	t.row(transferHead...)
	t.row(r.cells()...)
	if r.Error != "" {
		t.row(r.Error)
	}
}

func newTransferCommand(a *app) *cobra.Command {
	var live bool
	var state, cluster, key, search string
	var limit int
	list := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List transfers, live and past, newest first", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			q := url.Values{}
			if live {
				q.Set("live", "true")
			}
			for name, v := range map[string]string{"state": state, "cluster": cluster, "access_key": key, "q": search} {
				if v != "" {
					q.Set(name, v)
				}
			}
			items, err := a.list(c.Context(), "/api/v1/transfers", q, limit)
			if err != nil {
				return err
			}
			return printList(a, items, transferHead, transferRow.cells)
		},
	}
	list.Flags().BoolVar(&live, "live", false, "only those that run now")
	list.Flags().StringVar(&state, "state", "", "only this state: created, running, done, failed, cancelled, expired")
	list.Flags().StringVar(&cluster, "cluster", "", "only this cluster's")
	list.Flags().StringVar(&key, "key", "", "only this access key's (its id)")
	list.Flags().StringVar(&search, "search", "", "in id or name")
	list.Flags().IntVar(&limit, "limit", 50, "how many to show")
	_ = list.RegisterFlagCompletionFunc("key", a.ids("/api/v1/access-keys"))
	get := &cobra.Command{
		Use: "get ID", Short: "Show one transfer (-o json: with its sessions)", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodGet, at("transfers", args[0]), nil, drawTransfer)
		},
	}
	cancel := &cobra.Command{
		Use: "cancel ID", Short: "Stop a transfer for good", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodPost, at("transfers", args[0], "cancel"), nil, drawTransfer)
		},
	}
	var target, floor bitRate
	var policy string
	set := &cobra.Command{
		Use: "set ID", Short: "Change a running transfer's rate or policy at once", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			body := map[string]any{}
			if c.Flags().Changed("rate") {
				body["target_rate_bps"] = int64(target)
			}
			if c.Flags().Changed("min-rate") {
				body["min_rate_bps"] = int64(floor)
			}
			if policy != "" {
				body["policy"] = policy
			}
			if len(body) == 0 {
				return usagef("nothing to change: give --rate, --min-rate or --policy")
			}
			return call(c.Context(), a, http.MethodPatch, at("transfers", args[0]), body, drawTransfer)
		},
	}
	set.Flags().Var(&target, "rate", "target rate, bits per second; 0: no limit of its own")
	set.Flags().Var(&floor, "min-rate", "floor of the rate under congestion")
	set.Flags().StringVar(&policy, "policy", "", "fixed, high, fair or low")
	return group("transfer", "Watch and steer transfers", list, get, cancel, set)
}
