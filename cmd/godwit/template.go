package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

type templateRow struct {
	ref
	Provider  string          `json:"provider"`
	Version   int64           `json:"version"`
	Clusters  []ref           `json:"clusters"`
	Spec      json.RawMessage `json:"spec"`
	UpdatedAt time.Time       `json:"updated_at"`
}

var templateHead = []string{"NAME", "PROVIDER", "VERSION", "CLUSTERS", "CHANGED"}

func (t templateRow) cells() []string {
	return []string{t.Name, t.Provider, strconv.FormatInt(t.Version, 10), strconv.Itoa(len(t.Clusters)), ago(t.UpdatedAt)}
}

func drawTemplate(t *table, v templateRow) {
	t.row(templateHead...)
	t.row(v.cells()...)
}

func newTemplateCommand(a *app) *cobra.Command {
	names := a.templates()
	draw := drawTemplate
	list := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List templates", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			items, err := a.list(c.Context(), "/api/v1/templates", url.Values{}, 10000)
			if err != nil {
				return err
			}
			return printList(a, items, templateHead, templateRow.cells)
		},
	}
	get := &cobra.Command{
		Use: "get TEMPLATE", Short: "Show one template", Args: cobra.ExactArgs(1), ValidArgsFunction: names,
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodGet, at("templates", args[0]), nil, draw)
		},
	}
	var provider, spec, file string
	create := &cobra.Command{
		Use: "create NAME", Short: "Create a template that clusters launch from", Args: cobra.ExactArgs(1),
		Long: `create adds a template: what to launch, in the terms of who launches it. The
provider checks it first; an unknown field is refused, since a misspelt cap is a node
without one. godwit schema template lists the fields.

  godwit template create small --provider local --spec '{"node":{"send_cap_mbps":1000}}'
  godwit template create small -f spec.yaml
  godwit template validate --provider local -f spec.yaml      only check

The provider mixed takes offerings of several providers and launches each node at the
first that can be had; errors name the offering, as spec.offerings[1].subnets.

  godwit template create anywhere --provider mixed -f offerings.yaml`,
		RunE: func(c *cobra.Command, args []string) error {
			s, err := a.inlineOrFile(spec, file)
			if err != nil {
				return err
			}
			return call(c.Context(), a, http.MethodPost, at("templates"), map[string]any{"name": args[0], "provider": provider, "spec": s}, draw)
		},
	}
	create.Flags().StringVar(&provider, "provider", "local", "who launches the nodes: local, attached, aws, azure, gcp, mixed")
	create.Flags().StringVar(&spec, "spec", "", "specification in the provider's terms, as JSON")
	create.Flags().StringVarP(&file, "file", "f", "", "a JSON or YAML file of what --spec says, the specification alone; - is stdin (documents with kind: and spec: are for godwit apply)")
	remove := &cobra.Command{
		Use: "delete TEMPLATE", Short: "Delete a template that no cluster uses", Args: cobra.ExactArgs(1), ValidArgsFunction: names,
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodDelete, at("templates", args[0]), nil, say("template %s deleted", args[0]))
		},
	}
	return group("template", "What clusters launch", list, get, create, remove,
		newTemplateSet(a), newTemplateCopy(a), newTemplateVersions(a), newTemplateDiff(a), newTemplateValidate(a), newTemplateLaunch(a))
}
