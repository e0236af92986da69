package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/godwit/godwit/api/client"
)

type policyVersion struct {
	Version   int64           `json:"version"`
	Policy    json.RawMessage `json:"policy"`
	Author    string          `json:"author"`
	CreatedAt time.Time       `json:"created_at"`
}

// patchPolicy changes the version that is in force now: somebody else's change
// in between is refused, not overwritten.
func (a *app) patchPolicy(ctx context.Context, cluster string, change json.RawMessage, draw func(*table, policyVersion)) error {
	c, _, err := a.api()
	if err != nil {
		return err
	}
	seen, err := c.Do(ctx, http.MethodGet, at("clusters", cluster, "policy"), nil, nil)
	if err != nil {
		return err
	}
	return call(ctx, a, http.MethodPatch, at("clusters", cluster, "policy"), change, draw, client.Header{Name: "If-Match", Value: seen.Get("ETag")})
}

func newPolicyCommand(a *app) *cobra.Command {
	names := a.names("/api/v1/clusters")
	draw := func(t *table, v policyVersion) {
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
			return a.patchPolicy(c.Context(), args[0], change, draw)
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
			return printList(a, items, []string{"VERSION", "BY", "WHEN"}, func(v policyVersion) []string {
				return []string{strconv.FormatInt(v.Version, 10), orDash(v.Author), ago(v.CreatedAt)}
			})
		},
	}
	return group("policy", "Show and change autoscale policies", get, set, versions)
}
