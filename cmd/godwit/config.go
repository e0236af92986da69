package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/godwit/godwit/api/client"
	"github.com/godwit/godwit/cmd/godwit/internal/manifest"
)

type configVersion struct {
	Version       int64           `json:"version"`
	Configuration json.RawMessage `json:"configuration"`
	Author        string          `json:"author"`
	CreatedAt     time.Time       `json:"created_at"`
}

func drawConfig(t *table, v configVersion) {
	drawFields(t, v.Configuration, v.Version)
}

// drawFields shows a version of a document, field by field.
func drawFields(t *table, document json.RawMessage, version int64) {
	fields := map[string]json.RawMessage{}
	_ = json.Unmarshal(document, &fields) // the manager's own; what is no object has no fields
	t.row("FIELD", "VALUE")
	for _, k := range sortedKeys(fields) {
		t.row(k, string(fields[k]))
	}
	t.row("(version)", strconv.FormatInt(version, 10))
}

// amend changes the version of a resource that is in force now: somebody else's
// change in between is refused, not overwritten.
func amend[T any](ctx context.Context, a *app, method, path, below string, change any, draw func(*table, T)) error {
	c, _, err := a.api()
	if err != nil {
		return err
	}
	seen, err := c.Do(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return err
	}
	return call(ctx, a, method, path+below, change, draw, client.Header{Name: "If-Match", Value: seen.Get("ETag")})
}

func newConfigCommand(a *app) *cobra.Command {
	names := a.names("/api/v1/clusters")
	of := func(cluster string) string { return at("clusters", cluster, "configuration") }
	get := &cobra.Command{
		Use: "get CLUSTER", Short: "Show what a cluster's nodes are to run with", Args: cobra.ExactArgs(1), ValidArgsFunction: names,
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodGet, of(args[0]), nil, drawConfig)
		},
	}
	var file string
	set := &cobra.Command{
		Use: "set CLUSTER [FIELD=VALUE...]", Short: "Change what a cluster's nodes run with, while they run", Args: cobra.MinimumNArgs(1), ValidArgsFunction: names,
		Long: `set makes a new version of a node configuration with the fields that are given; the
others stay. Nodes are told at once; running transfers go on.

  godwit config set studio send_cap_mbps=500 session_cap_mbps=50
  godwit config set studio 'ciphers=["aes-256-gcm"]'
  godwit config set studio -f config.yaml`,
		RunE: func(c *cobra.Command, args []string) error {
			change, err := a.fields(args[1:], file)
			if err != nil {
				return err
			}
			return unknownFields(manifest.Configuration, amend(c.Context(), a, http.MethodPatch, of(args[0]), "", change, drawConfig))
		},
	}
	set.Flags().StringVarP(&file, "file", "f", "", "fields as JSON or YAML; - is stdin")
	versions := &cobra.Command{
		Use: "versions CLUSTER", Short: "List a configuration's versions, newest first", Args: cobra.ExactArgs(1), ValidArgsFunction: names,
		RunE: func(c *cobra.Command, args []string) error {
			items, err := a.list(c.Context(), of(args[0])+"/versions", url.Values{}, 1000)
			if err != nil {
				return err
			}
			return printList(a, items, []string{"VERSION", "BY", "WHEN"}, func(v configVersion) []string {
				return []string{strconv.FormatInt(v.Version, 10), orDash(v.Author), ago(v.CreatedAt)}
			})
		},
	}
	revert := &cobra.Command{
		Use: "revert CLUSTER VERSION", Short: "Make an earlier configuration the newest again", Args: cobra.ExactArgs(2), ValidArgsFunction: names,
		RunE: func(c *cobra.Command, args []string) error {
			v, err := strconv.ParseInt(args[1], 10, 64)
			if err != nil || v < 1 {
				return usagef("%q is no version; see godwit config versions %s", args[1], args[0])
			}
			return amend(c.Context(), a, http.MethodPost, of(args[0]), "/revert", map[string]any{"version": v}, drawConfig)
		},
	}
	rollout := &cobra.Command{
		Use: "rollout CLUSTER", Short: "Show how far the nodes are with the newest configuration", Args: cobra.ExactArgs(1), ValidArgsFunction: names,
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodGet, of(args[0])+"/rollout", nil, drawRollout)
		},
	}
	return group("config", "Show and change what nodes run with", get, set, versions, revert, rollout)
}

type rollout struct {
	Version, Total, Applied int64
	Nodes                   []struct {
		Name          string `json:"name"`
		State         string `json:"state"`
		ConfigVersion int64  `json:"config_version"`
		Applied       bool   `json:"applied"`
		Error         string `json:"error"`
		Drift         []struct {
			Field, Wanted, Has, How string
		} `json:"drift"`
	} `json:"nodes"`
}

func drawRollout(t *table, r rollout) {
	t.row("NODE", "STATE", "VERSION", "APPLIED", "DIFFERS IN")
	for _, n := range r.Nodes {
		why := n.Error
		for _, d := range n.Drift {
			if why != "" {
				why += "; "
			}
			why += fmt.Sprintf("%s: has %s, wants %s (%s)", d.Field, orDash(d.Has), orDash(d.Wanted), d.How)
		}
		t.row(n.Name, n.State, strconv.FormatInt(n.ConfigVersion, 10), yesNo(n.Applied), orDash(why))
	}
	t.row(fmt.Sprintf("version %d: %d of %d", r.Version, r.Applied, r.Total))
}
