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
	var timeout time.Duration
	drain := &cobra.Command{
		Use: "drain NODE", Short: "Let a node finish what it serves and take no more; its sessions move", Args: cobra.ExactArgs(1), ValidArgsFunction: names,
		RunE: func(c *cobra.Command, args []string) error {
			body := map[string]any{}
			if reason != "" {
				body["reason"] = reason
			}
			if timeout > 0 {
				body["timeout_s"] = int64(timeout.Seconds())
			}
			return call(c.Context(), a, http.MethodPost, at("nodes", args[0], "drain"), body, drawNode)
		},
	}
	drain.Flags().StringVar(&reason, "reason", "", "why, for those who read the time line later")
	drain.Flags().DurationVar(&timeout, "timeout", 0, "sessions that cannot move end then (default: the policy's drain timeout)")
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
	return group("node", "Watch, drain and end nodes", list, get, events, drain, undrain, terminate)
}

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

func newPolicyCommand(a *app) *cobra.Command {
	names := a.names("/api/v1/clusters")
	type version struct {
		Version   int64           `json:"version"`
		Policy    json.RawMessage `json:"policy"`
		Author    string          `json:"author"`
		CreatedAt time.Time       `json:"created_at"`
	}
	draw := func(t *table, v version) {
		fields := map[string]json.RawMessage{}
		_ = json.Unmarshal(v.Policy, &fields)
		t.row("FIELD", "VALUE")
		for _, k := range sortedKeys(fields) {
			t.row(k, string(fields[k]))
		}
		t.row("(version)", strconv.FormatInt(v.Version, 10))
	}
	get := &cobra.Command{
		Use: "get CLUSTER", Short: "Show a cluster's policy", Args: cobra.ExactArgs(1), ValidArgsFunction: names,
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodGet, at("clusters", args[0], "policy"), nil, draw)
		},
	}
	var file string
	var preview bool
	set := &cobra.Command{
		Use: "set CLUSTER [FIELD=VALUE...]", Short: "Change a cluster's policy", Args: cobra.MinimumNArgs(1), ValidArgsFunction: names,
		Long: `set makes a new version of a policy with the fields that are given; the others stay.

  godwit policy set studio max_nodes=8 min_available=3
  godwit policy set studio -f policy.yaml
  godwit policy set studio max_nodes=8 --preview      what would be decided now`,
		RunE: func(c *cobra.Command, args []string) error {
			change, err := a.fields(args[1:], file)
			if err != nil {
				return err
			}
			if preview {
				return call(c.Context(), a, http.MethodPost, at("clusters", args[0], "policy", "preview"), change, func(t *table, p struct {
					Reasons []struct {
						Text string `json:"text"`
					} `json:"reasons"`
				}) {
					for _, r := range p.Reasons {
						t.row("- " + r.Text)
					}
				})
			}
			return call(c.Context(), a, http.MethodPatch, at("clusters", args[0], "policy"), change, draw)
		},
	}
	set.Flags().StringVarP(&file, "file", "f", "", "fields as JSON or YAML; - is stdin")
	set.Flags().BoolVar(&preview, "preview", false, "change nothing, show what would be decided now")
	versions := &cobra.Command{
		Use: "versions CLUSTER", Short: "List a policy's versions, newest first", Args: cobra.ExactArgs(1), ValidArgsFunction: names,
		RunE: func(c *cobra.Command, args []string) error {
			items, err := a.list(c.Context(), at("clusters", args[0], "policy", "versions"), url.Values{}, 1000)
			if err != nil {
				return err
			}
			return printList(a, items, []string{"VERSION", "BY", "WHEN"}, func(v version) []string {
				return []string{strconv.FormatInt(v.Version, 10), orDash(v.Author), ago(v.CreatedAt)}
			})
		},
	}
	return group("policy", "Show and change autoscale policies", get, set, versions)
}
