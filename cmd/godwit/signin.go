package main

import (
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"
)

type providerRow struct {
	ref
	Kind    string     `json:"kind"`
	Enabled bool       `json:"enabled"`
	OkAt    *time.Time `json:"ok_at"`
	Failure string     `json:"failure"`
}

var providerHead = []string{"ID", "NAME", "KIND", "ENABLED", "ANSWERED", "FAILURE"}

func (p providerRow) cells() []string {
	enabled := "yes"
	if !p.Enabled {
		enabled = "no"
	}
	return []string{p.ID, p.Name, p.Kind, enabled, timeOrDash(p.OkAt), orDash(p.Failure)}
}

func drawProvider(t *table, p providerRow) {
	t.row(providerHead...)
	t.row(p.cells()...)
}

func newSignInCommand(a *app) *cobra.Command {
	list := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List sign-in providers and how they answered last", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			items, err := a.list(c.Context(), "/api/v1/sign-in-providers", url.Values{}, 1000)
			if err != nil {
				return err
			}
			return printList(a, items, providerHead, providerRow.cells)
		},
	}
	get := &cobra.Command{
		Use: "get PROVIDER", Short: "Show a sign-in provider", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodGet, at("sign-in-providers", args[0]), nil, drawProvider)
		},
	}
	var file string
	create := &cobra.Command{
		Use: "create -f FILE", Short: "Add an OpenID provider or a directory", Args: cobra.NoArgs,
		Long: `create adds a provider from a file:

  name: acme
  oidc: {issuer: https://id.acme.example, client_id: godwit}
  secret: the client's
  roles: [{group: godwit-admins, role: admin}]
  default_role: viewer

docs/sign-in.md has one of a directory.`,
		RunE: func(c *cobra.Command, _ []string) error {
			doc, err := a.document(file)
			if err != nil {
				return err
			}
			return call(c.Context(), a, http.MethodPost, at("sign-in-providers"), doc, drawProvider)
		},
	}
	create.Flags().StringVarP(&file, "file", "f", "-", "YAML or JSON; - is stdin")
	var changes string
	change := &cobra.Command{
		Use: "set PROVIDER [FIELD=VALUE...]", Short: "Change a sign-in provider", Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			fields, err := a.fields(args[1:], changes)
			if err != nil {
				return err
			}
			return amend(c.Context(), a, http.MethodPatch, at("sign-in-providers", args[0]), "", fields, drawProvider)
		},
	}
	change.Flags().StringVarP(&changes, "file", "f", "", "fields from a file (YAML or JSON; - is stdin)")
	test := &cobra.Command{
		Use: "test PROVIDER", Short: "Ask a provider now whether it answers as it is configured", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			type verdict struct {
				OK      bool   `json:"ok"`
				Failure string `json:"failure"`
			}
			return call(c.Context(), a, http.MethodPost, at("sign-in-providers", args[0], "test"), nil, func(t *table, v verdict) {
				if v.OK {
					t.line(args[0] + " answers")
				} else {
					t.line(args[0] + " does not answer as it should: " + v.Failure)
				}
			})
		},
	}
	remove := &cobra.Command{
		Use: "delete PROVIDER", Short: "Remove a sign-in provider; its users stay, disabled", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodDelete, at("sign-in-providers", args[0]), nil, say("sign-in provider %s deleted", args[0]))
		},
	}
	return group("signin", "OpenID providers and directories by which people sign in", list, get, create, change, test, remove)
}
