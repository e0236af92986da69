package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

type clusterRow struct {
	ref
	Template ref  `json:"template"`
	Paused   bool `json:"paused"`
	Deleting bool `json:"deleting"`
	Scale    *int `json:"scale"`
	Nodes    struct {
		Total     int            `json:"total"`
		Available int            `json:"available"`
		ByPool    map[string]int `json:"by_pool"`
	} `json:"nodes"`
	Rollout       *rolloutRow `json:"rollout"`
	PolicyVersion int64       `json:"policy_version"`
	Names         *struct {
		Available string `json:"available"`
		All       string `json:"all"`
	} `json:"names"`
	CreatedAt time.Time `json:"created_at"`
	// Conditions are those that last.
	Conditions []struct {
		Kind  string    `json:"kind"`
		Text  string    `json:"text"`
		Since time.Time `json:"since"`
	} `json:"conditions"`
}

func (c clusterRow) mode() string {
	switch {
	case c.Deleting:
		return "deleting"
	case c.Paused:
		return "paused"
	case c.Rollout != nil:
		return "rollout " + c.Rollout.progress()
	case c.Scale != nil:
		return fmt.Sprintf("scaled to %d", *c.Scale)
	}
	return "automatic"
}

var clusterHead = []string{"NAME", "MODE", "NODES", "AVAILABLE", "HIGH", "DEGRADED", "WRONG", "TEMPLATE", "POLICY", "AGE"}

func (c clusterRow) cells() []string {
	return []string{c.Name, c.mode(), strconv.Itoa(c.Nodes.Total), strconv.Itoa(c.Nodes.Available),
		strconv.Itoa(c.Nodes.ByPool["high"]), strconv.Itoa(c.Nodes.ByPool["degraded"]),
		strconv.Itoa(len(c.Conditions)), c.Template.Name, "v" + strconv.FormatInt(c.PolicyVersion, 10), brief(time.Since(c.CreatedAt))}
}

func drawCluster(t *table, c clusterRow) {
	t.row(clusterHead...)
	t.row(c.cells()...)
	if c.Names != nil {
		t.line(fmt.Sprintf("in DNS: %s takes new clients, %s is every node", c.Names.Available, c.Names.All))
	}
	if r := c.Rollout; r != nil {
		t.line(fmt.Sprintf("rollout to %s, %s: %s replaced; %s", r.To, r.words(), r.progress(), r.Doing))
	}
	for _, w := range c.Conditions {
		t.line(fmt.Sprintf("wrong for %s: %s: %s", brief(time.Since(w.Since)), w.Kind, w.Text))
	}
	if len(c.Conditions) > 0 {
		t.line("what to do: godwit condition list --cluster " + c.Name)
	}
}

func newClusterCommand(a *app) *cobra.Command {
	names := a.clusters()
	list := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List clusters", Args: cobra.NoArgs,
		Long: `list shows all clusters. WRONG counts the conditions that last; get says which.`,
		RunE: func(c *cobra.Command, _ []string) error {
			items, err := a.list(c.Context(), "/api/v1/clusters", url.Values{}, 10000)
			if err != nil {
				return err
			}
			return printList(a, items, clusterHead, clusterRow.cells)
		},
	}
	get := &cobra.Command{
		Use: "get CLUSTER", Short: "Show one cluster, and what is wrong with it", Args: cobra.ExactArgs(1), ValidArgsFunction: names,
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodGet, at("clusters", args[0]), nil, drawCluster)
		},
	}
	var template, policyFile string
	create := &cobra.Command{
		Use: "create NAME --template TEMPLATE", Short: "Create a cluster and launch its nodes", Args: cobra.ExactArgs(1),
		Long: `create adds a cluster that launches nodes from a template as its policy says.
Without --policy-file the policy has the defaults that godwit policy get shows.

  godwit template create local --provider local --spec '{"node":{"send_cap_mbps":1000,"receive_cap_mbps":1000}}'
  godwit cluster create studio --template local`,
		RunE: func(c *cobra.Command, args []string) error {
			body := map[string]any{"name": args[0], "template": template}
			if policyFile != "" {
				p, err := a.document(policyFile)
				if err != nil {
					return err
				}
				body["policy"] = p
			}
			return call(c.Context(), a, http.MethodPost, at("clusters"), body, drawCluster)
		},
	}
	create.Flags().StringVar(&template, "template", "", "template to launch from")
	create.Flags().StringVar(&policyFile, "policy-file", "", "policy as JSON or YAML; - is stdin; left out fields take their defaults")
	_ = create.MarkFlagRequired("template")
	_ = create.RegisterFlagCompletionFunc("template", a.templates())

	remove := &cobra.Command{
		Use: "delete CLUSTER", Short: "Drain all nodes of a cluster and delete it", Args: cobra.ExactArgs(1), ValidArgsFunction: names,
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodDelete, at("clusters", args[0]), nil, say("cluster %s: its nodes drain; it goes when the last has ended", args[0]))
		},
	}
	verb := func(use, short string) *cobra.Command {
		return &cobra.Command{
			Use: use + " CLUSTER", Short: short, Args: cobra.ExactArgs(1), ValidArgsFunction: names,
			RunE: func(c *cobra.Command, args []string) error {
				return call(c.Context(), a, http.MethodPost, at("clusters", args[0], use), nil, drawCluster)
			},
		}
	}
	scale := &cobra.Command{
		Use: "scale CLUSTER N|auto", Short: "Fix the number of nodes, or give it back to the policy", Args: cobra.ExactArgs(2), ValidArgsFunction: names,
		Long: `scale sets the number of nodes that the cluster keeps; auto gives the decision back
to the policy. The policy's max_nodes holds all the same, and nodes with live
sessions drain before they go.`,
		RunE: func(c *cobra.Command, args []string) error {
			var nodes *int
			if args[1] != "auto" {
				n, err := strconv.Atoi(args[1])
				if err != nil || n < 0 {
					return usagef("%q is no number of nodes; give a whole number, or auto", args[1])
				}
				nodes = &n
			}
			a.warnBeyond(c.Context(), args[0], nodes)
			return call(c.Context(), a, http.MethodPost, at("clusters", args[0], "scale"), map[string]any{"nodes": nodes}, drawCluster)
		},
	}
	var name, other string
	set := &cobra.Command{
		Use: "set CLUSTER [--name NAME] [--template TEMPLATE]", Short: "Rename a cluster, or give it another template", Args: cobra.ExactArgs(1), ValidArgsFunction: names,
		Long: `set changes what a cluster is. Clients name the cluster when they copy: tell them
the new name. Nodes that run keep the template they were launched from; new ones are
launched from the new one (godwit template diff says which nodes those are), and
godwit rollout start replaces the others.

  godwit cluster set studio --template large
  godwit cluster set studio --name studio-berlin`,
		RunE: func(c *cobra.Command, args []string) error {
			change := map[string]any{}
			for field, v := range map[string]string{"name": name, "template": other} {
				if v != "" {
					change[field] = v
				}
			}
			if len(change) == 0 {
				return usagef("nothing to change: give --name or --template")
			}
			return amend(c.Context(), a, http.MethodPatch, at("clusters", args[0]), "", change, drawCluster)
		},
	}
	set.Flags().StringVar(&name, "name", "", "new name")
	set.Flags().StringVar(&other, "template", "", "template to launch from")
	_ = set.RegisterFlagCompletionFunc("template", a.templates())
	return group("cluster", "Create, watch and steer clusters",
		list, get, create, set, remove, scale,
		verb("pause", "Watch and record decisions, but change nothing"),
		verb("resume", "Let the policy act again"))
}

// warnBeyond says that the policy will not let a cluster grow as far as asked.
// Not knowing it is no reason not to ask.
func (a *app) warnBeyond(ctx context.Context, cluster string, nodes *int) {
	c, _, err := a.api()
	if err != nil || nodes == nil {
		return
	}
	var v struct {
		Policy struct {
			MaxNodes int `json:"max_nodes"`
		} `json:"policy"`
	}
	if _, err := c.Do(ctx, http.MethodGet, at("clusters", cluster, "policy"), nil, &v); err != nil || *nodes <= v.Policy.MaxNodes {
		return
	}
	fmt.Fprintf(a.err, "godwit: warning: the policy of %s allows %d nodes (max_nodes); it will not grow to %d.\n"+
		"        to let it: godwit policy set %s max_nodes=%d\n", cluster, v.Policy.MaxNodes, *nodes, cluster, *nodes)
}
