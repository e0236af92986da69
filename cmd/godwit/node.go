package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

type nodeRow struct {
	ref
	Cluster     ref       `json:"cluster"`
	State       string    `json:"state"`
	Pool        string    `json:"pool"`
	Since       time.Time `json:"state_since"`
	Utilization *struct {
		Value  float64 `json:"value"`
		Signal string  `json:"signal"`
	} `json:"utilization"`
	SendBps       int64     `json:"send_bps"`
	ReceiveBps    int64     `json:"receive_bps"`
	Sessions      int       `json:"sessions"`
	Address       string    `json:"address"`
	Port          int       `json:"port"`
	CertSHA256    string    `json:"cert_sha256"`
	FailureReason string    `json:"failure_reason"`
	DrainReason   string    `json:"drain_reason"`
	RequestedAt   time.Time `json:"requested_at"`
}

var nodeHead = []string{"NAME", "CLUSTER", "STATE", "POOL", "LOAD", "BY", "OUT", "IN", "SESSIONS", "ADDRESS", "AGE"}

func (n nodeRow) cells() []string {
	load, by := "-", "-"
	if n.Utilization != nil {
		load, by = fmt.Sprintf("%.0f %%", n.Utilization.Value*100), orDash(n.Utilization.Signal)
	}
	address := "-"
	if n.Address != "" {
		address = fmt.Sprintf("%s:%d", n.Address, n.Port)
	}
	return []string{n.Name, n.Cluster.Name, n.State, orDash(n.Pool), load, by, rate(n.SendBps), rate(n.ReceiveBps),
		strconv.Itoa(n.Sessions), address, brief(time.Since(n.RequestedAt))}
}

func drawNode(t *table, n nodeRow) {
	t.row(nodeHead...)
	t.row(n.cells()...)
	for _, why := range []string{n.DrainReason, n.FailureReason} {
		if why != "" {
			t.row(why)
		}
	}
}

func newNodeCommand(a *app) *cobra.Command {
	names := a.names("/api/v1/nodes")
	var cluster string
	var ended bool
	list := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List nodes with their load", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			q := url.Values{}
			if cluster != "" {
				q.Set("cluster", cluster)
			}
			if ended {
				q.Set("ended", "true")
			}
			items, err := a.list(c.Context(), "/api/v1/nodes", q, 10000)
			if err != nil {
				return err
			}
			return printList(a, items, nodeHead, nodeRow.cells)
		},
	}
	list.Flags().StringVar(&cluster, "cluster", "", "only this cluster's")
	list.Flags().BoolVar(&ended, "ended", false, "ended nodes too")
	_ = list.RegisterFlagCompletionFunc("cluster", a.names("/api/v1/clusters"))

	get := &cobra.Command{
		Use: "get NODE", Short: "Show one node", Args: cobra.ExactArgs(1), ValidArgsFunction: names,
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodGet, at("nodes", args[0]), nil, drawNode)
		},
	}
	events := &cobra.Command{
		Use: "events NODE", Short: "Show a node's life, newest first", Args: cobra.ExactArgs(1), ValidArgsFunction: names,
		RunE: func(c *cobra.Command, args []string) error {
			items, err := a.list(c.Context(), at("nodes", args[0], "events"), url.Values{}, 1000)
			if err != nil {
				return err
			}
			type row struct {
				At    time.Time `json:"at"`
				To    string    `json:"to"`
				Text  string    `json:"text"`
				Actor string    `json:"actor"`
			}
			return printList(a, items, []string{"WHEN", "STATE", "WHAT", "WHO"}, func(r row) []string {
				return []string{ago(r.At), orDash(r.To), r.Text, orDash(r.Actor)}
			})
		},
	}
	var reason string
	drain := &cobra.Command{
		Use: "drain NODE", Short: "Let a node take no more clients; its sessions move, and it ends", Args: cobra.ExactArgs(1), ValidArgsFunction: names,
		RunE: func(c *cobra.Command, args []string) error {
			body := map[string]any{}
			if reason != "" {
				body["reason"] = reason
			}
			return call(c.Context(), a, http.MethodPost, at("nodes", args[0], "drain"), body, drawNode)
		},
	}
	drain.Flags().StringVar(&reason, "reason", "", "why, for those who read the time line later")
	undrain := &cobra.Command{
		Use: "undrain NODE", Short: "Take a draining node back into service", Args: cobra.ExactArgs(1), ValidArgsFunction: names,
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodPost, at("nodes", args[0], "undrain"), nil, drawNode)
		},
	}
	var force bool
	var why string
	terminate := &cobra.Command{
		Use: "terminate NODE", Short: "End a node; refused while it serves sessions, unless forced", Args: cobra.ExactArgs(1), ValidArgsFunction: names,
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodPost, at("nodes", args[0], "terminate"), map[string]any{"force": force, "reason": why}, drawNode)
		},
	}
	terminate.Flags().BoolVar(&force, "force", false, "end it although it serves sessions; they resume on another node")
	terminate.Flags().StringVar(&why, "reason", "", "why, for those who read the time line later")
	return group("node", "Watch, drain and end nodes", append([]*cobra.Command{list, get, events, drain, undrain, terminate}, nodeParts(a)...)...)
}
