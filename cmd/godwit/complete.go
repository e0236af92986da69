package main

import (
	"encoding/json"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
)

// clusters and templates complete an argument with their names.
func (a *app) clusters() cobra.CompletionFunc  { return a.names("/api/v1/clusters") }
func (a *app) templates() cobra.CompletionFunc { return a.names("/api/v1/templates") }

// names completes an argument with the names in the list at path.
func (a *app) names(path string) cobra.CompletionFunc {
	return a.completions(path, func(r ref) string {
		if r.Name == "" {
			return r.ID
		}
		return r.Name
	}, cobra.ShellCompDirectiveNoFileComp)
}

// ids completes an argument with the ids in the list at path, beside their names.
func (a *app) ids(path string) cobra.CompletionFunc {
	return a.completions(path, func(r ref) string { return cobra.CompletionWithDesc(r.ID, r.Name) }, cobra.ShellCompDirectiveNoFileComp)
}

// locations completes CLUSTER: for a side of a copy, and files here where no cluster begins so.
func (a *app) locations() cobra.CompletionFunc {
	clusters := a.completions("/api/v1/clusters", func(r ref) string { return r.Name + ":" }, cobra.ShellCompDirectiveNoSpace)
	return func(c *cobra.Command, _ []string, start string) ([]string, cobra.ShellCompDirective) {
		if strings.ContainsAny(start, ":/.") {
			return nil, cobra.ShellCompDirectiveDefault
		}
		names, directive := clusters(c, nil, start)
		if directive == cobra.ShellCompDirectiveError {
			return nil, cobra.ShellCompDirectiveDefault // not signed in: there are files still
		}
		var begun []string
		for _, n := range names {
			if strings.HasPrefix(n, start) {
				begun = append(begun, n)
			}
		}
		return begun, directive
	}
}

func (a *app) completions(path string, word func(ref) string, directive cobra.ShellCompDirective) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		items, err := a.list(c.Context(), path, url.Values{}, 500)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var out []string
		for _, raw := range items {
			var v ref
			if json.Unmarshal(raw, &v) == nil {
				out = append(out, word(v))
			}
		}
		return out, directive
	}
}
