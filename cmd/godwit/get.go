package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/godwit/godwit/api/client"
	"github.com/godwit/godwit/cmd/godwit/internal/manifest"
)

func newGetCommand(a *app) *cobra.Command {
	kinds := []string{"template", "policy", "configuration"}
	return &cobra.Command{
		Use: "get [template|policy|configuration [NAME]]", Short: "Print what there is as documents that apply takes back", Args: cobra.MaximumNArgs(2),
		Long: `get prints templates, policies and node configurations in the form that
godwit apply reads: YAML, or JSON with -o json. A policy and a configuration are named
by their cluster. Without arguments it prints everything.

  godwit get > all.yaml
  godwit get policy studio > studio.yaml     edit, then: godwit apply -f studio.yaml`,
		ValidArgsFunction: func(c *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
			switch {
			case len(args) == 0:
				return kinds, cobra.ShellCompDirectiveNoFileComp
			case len(args) == 1 && args[0] == "template":
				return a.names("/api/v1/templates")(c, nil, start)
			case len(args) == 1:
				return a.names("/api/v1/clusters")(c, nil, start)
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			want, name := kinds, ""
			if len(args) > 0 {
				kind := strings.TrimSuffix(strings.Replace(args[0], "policies", "policy", 1), "s")
				if !slices.Contains(kinds, kind) {
					return usagef("%q is none of %s", args[0], strings.Join(kinds, ", "))
				}
				want = []string{kind}
			}
			if len(args) > 1 {
				name = args[1]
			}
			docs, err := a.documents(c.Context(), want, name)
			if err != nil {
				return err
			}
			return a.printDocuments(docs)
		},
	}
}

// documents reads what there is of some kinds; name "" is all of them.
func (a *app) documents(ctx context.Context, kinds []string, name string) ([]manifest.Document, error) {
	c, _, err := a.api()
	if err != nil {
		return nil, err
	}
	var docs []manifest.Document
	if slices.Contains(kinds, "template") {
		if docs, err = a.templateDocuments(ctx, c, name); err != nil {
			return nil, err
		}
	}
	clusters := []string{name}
	if name == "" {
		if clusters, err = a.clusterNames(ctx); err != nil {
			return nil, err
		}
	}
	for _, kind := range []string{"policy", "configuration"} {
		if !slices.Contains(kinds, kind) {
			continue
		}
		for _, cluster := range clusters {
			d, err := clusterDocument(ctx, c, kind, cluster)
			if err != nil {
				return nil, err
			}
			docs = append(docs, d)
		}
	}
	return docs, nil
}

func (a *app) templateDocuments(ctx context.Context, c *client.Client, name string) ([]manifest.Document, error) {
	document := func(t templateRow) manifest.Document {
		return manifest.Document{Kind: manifest.Template, Name: t.Name, Provider: t.Provider, Spec: t.Spec}
	}
	if name != "" {
		var t templateRow
		_, err := c.Do(ctx, http.MethodGet, at("templates", name), nil, &t)
		return []manifest.Document{document(t)}, err
	}
	items, err := a.list(ctx, "/api/v1/templates", url.Values{}, 10000)
	if err != nil {
		return nil, err
	}
	var docs []manifest.Document
	for _, raw := range items {
		var t templateRow
		if err := json.Unmarshal(raw, &t); err != nil {
			return nil, err
		}
		docs = append(docs, document(t))
	}
	return docs, nil
}

func (a *app) clusterNames(ctx context.Context) ([]string, error) {
	items, err := a.list(ctx, "/api/v1/clusters", url.Values{}, 10000)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, raw := range items {
		var c clusterRow
		if err := json.Unmarshal(raw, &c); err != nil {
			return nil, err
		}
		if !c.Deleting {
			names = append(names, c.Name)
		}
	}
	return names, nil
}

// clusterDocument is the policy or the configuration of a cluster.
func clusterDocument(ctx context.Context, c *client.Client, kind, cluster string) (manifest.Document, error) {
	var answer map[string]json.RawMessage
	if _, err := c.Do(ctx, http.MethodGet, at("clusters", cluster, kind), nil, &answer); err != nil {
		return manifest.Document{}, err
	}
	d := manifest.Document{Kind: manifest.Policy, Cluster: cluster, Spec: answer[kind]}
	if kind == "configuration" {
		d.Kind = manifest.Configuration
	}
	return d, nil
}

// printDocuments writes documents one after the other: YAML, or a JSON object a document.
func (a *app) printDocuments(docs []manifest.Document) error {
	if a.output == "json" {
		a.answered = true
		enc := json.NewEncoder(a.out)
		enc.SetIndent("", "  ")
		for _, d := range docs {
			if err := enc.Encode(d); err != nil {
				return err
			}
		}
		return nil
	}
	enc := yaml.NewEncoder(a.out)
	enc.SetIndent(2)
	for _, d := range docs {
		spec, err := plain(d.Spec)
		if err != nil {
			return err
		}
		if err := enc.Encode(struct {
			manifest.Document `yaml:",inline"`
			Spec              any `yaml:"spec"`
		}{d, spec}); err != nil {
			return err
		}
	}
	return errors.Join(enc.Close())
}
