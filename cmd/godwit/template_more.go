package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/godwit/godwit/api/client"
)

// specFlags are those of a specification on the command line.
type specFlags struct{ spec, file string }

func (f *specFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.spec, "spec", "", "specification in the provider's terms, as JSON")
	c.Flags().StringVarP(&f.file, "file", "f", "", "the same from a JSON or YAML file; - is stdin")
}

func newTemplateSet(a *app) *cobra.Command {
	var f specFlags
	c := &cobra.Command{
		Use: "set TEMPLATE -f FILE", Short: "Replace a template's specification", Args: cobra.ExactArgs(1), ValidArgsFunction: a.templates(),
		Long: `set makes a new version of a template. New nodes are launched from it at once; nodes
that run keep what they have until others take their place. See before what that
means:

  godwit template diff small -f spec.yaml
  godwit template set small -f spec.yaml`,
		RunE: func(c *cobra.Command, args []string) error {
			spec, err := a.inlineOrFile(f.spec, f.file)
			if err != nil {
				return err
			}
			return amend(c.Context(), a, http.MethodPut, at("templates", args[0]), "", map[string]any{"spec": spec}, drawTemplate)
		},
	}
	f.add(c)
	c.MarkFlagsOneRequired("spec", "file")
	return c
}

func newTemplateCopy(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "duplicate TEMPLATE NAME", Short: "Copy a template under another name", Args: cobra.ExactArgs(2), ValidArgsFunction: a.templates(),
		RunE: func(c *cobra.Command, args []string) error {
			return call(c.Context(), a, http.MethodPost, at("templates", args[0], "duplicate"), map[string]any{"name": args[1]}, drawTemplate)
		},
	}
}

func newTemplateVersions(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "versions TEMPLATE", Short: "List a template's versions, newest first", Args: cobra.ExactArgs(1), ValidArgsFunction: a.templates(),
		RunE: func(c *cobra.Command, args []string) error {
			items, err := a.list(c.Context(), at("templates", args[0], "versions"), url.Values{}, 1000)
			if err != nil {
				return err
			}
			type row struct {
				Version   int64          `json:"version"`
				Spec      map[string]any `json:"spec"`
				Author    string         `json:"author"`
				CreatedAt time.Time      `json:"created_at"`
			}
			return printList(a, items, []string{"VERSION", "BY", "WHEN", "SPEC"}, func(v row) []string {
				return []string{strconv.FormatInt(v.Version, 10), orDash(v.Author), ago(v.CreatedAt), inline(v.Spec)}
			})
		},
	}
}

// templateDiff is what a change means for nodes that run.
type templateDiff struct {
	Changes []struct {
		fieldChange
		Effect string `json:"effect"`
	} `json:"changes"`
	Nodes []struct {
		Name            string   `json:"name"`
		Cluster         ref      `json:"cluster"`
		State           string   `json:"state"`
		TemplateVersion int64    `json:"template_version"`
		Drift           []string `json:"drift"`
	} `json:"nodes"`
	Total int    `json:"total"`
	Text  string `json:"text"`
}

func newTemplateDiff(a *app) *cobra.Command {
	var f specFlags
	c := &cobra.Command{
		Use: "diff TEMPLATE [-f FILE]", Short: "Which nodes differ from a template, or would from a changed one", Args: cobra.ExactArgs(1), ValidArgsFunction: a.templates(),
		Long: `diff compares nodes that run with their template. With a specification it says what
the change would mean: live fields reach running nodes at once, new_nodes fields
matter only when a node is launched, and with replace fields a node keeps what it has
until another takes its place. Nothing is changed.`,
		RunE: func(c *cobra.Command, args []string) error {
			body := map[string]any{}
			if f.spec != "" || f.file != "" {
				spec, err := a.inlineOrFile(f.spec, f.file)
				if err != nil {
					return err
				}
				body["spec"] = spec
			}
			return call(c.Context(), a, http.MethodPost, at("templates", args[0], "diff"), body, drawTemplateDiff)
		},
	}
	f.add(c)
	return c
}

func drawTemplateDiff(t *table, d templateDiff) {
	t.line(d.Text)
	if len(d.Changes) > 0 {
		t.line("")
		t.row("FIELD", "NOW", "THEN", "REACHES")
		for _, c := range d.Changes {
			t.row(c.Field, inline(c.Before), inline(c.After), strings.ReplaceAll(c.Effect, "_", " "))
		}
	}
	drifted := 0
	for _, n := range d.Nodes {
		if len(n.Drift) == 0 {
			continue
		}
		if drifted == 0 {
			t.line("")
			t.row("NODE", "CLUSTER", "STATE", "VERSION", "DIFFERS IN")
		}
		drifted++
		t.row(n.Name, n.Cluster.Name, n.State, strconv.FormatInt(n.TemplateVersion, 10), strings.Join(n.Drift, ", "))
	}
}

func newTemplateValidate(a *app) *cobra.Command {
	var f specFlags
	var provider string
	c := &cobra.Command{
		Use: "validate -f FILE", Short: "Would this specification be accepted? Nothing is stored or launched", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			spec, err := a.inlineOrFile(f.spec, f.file)
			if err != nil {
				return err
			}
			m, _, err := a.api()
			if err != nil {
				return err
			}
			var verdict struct {
				Valid  bool                `json:"valid"`
				Errors []client.FieldError `json:"errors"`
			}
			if _, err := m.Do(c.Context(), http.MethodPost, at("templates", "validate"), map[string]any{"provider": provider, "spec": spec}, &verdict); err != nil {
				return err
			}
			err = a.print(verdict, func(t *table) {
				if verdict.Valid {
					t.line("valid")
				}
				for _, e := range verdict.Errors {
					t.line(e.Location + ": " + e.Message)
				}
			})
			if err == nil && !verdict.Valid {
				return usagef("%s refuses the specification", provider)
			}
			return err
		},
	}
	c.Flags().StringVar(&provider, "provider", "local", "who would launch the nodes")
	f.add(c)
	c.MarkFlagsOneRequired("spec", "file")
	return c
}

func newTemplateLaunch(a *app) *cobra.Command {
	var policyFile string
	c := &cobra.Command{
		Use: "launch TEMPLATE CLUSTER", Short: "Make a cluster from a template; its nodes are launched at once", Args: cobra.ExactArgs(2), ValidArgsFunction: a.templates(),
		RunE: func(c *cobra.Command, args []string) error {
			body := map[string]any{"name": args[1]}
			if policyFile != "" {
				p, err := a.document(policyFile)
				if err != nil {
					return err
				}
				body["policy"] = p
			}
			if err := call(c.Context(), a, http.MethodPost, at("templates", args[0], "launch"), body, drawCluster); err != nil {
				return err
			}
			if a.output == "table" {
				fmt.Fprintf(a.err, "\nwatch its nodes come: godwit node list --cluster %s\n", args[1])
			}
			return nil
		},
	}
	c.Flags().StringVar(&policyFile, "policy-file", "", "policy as JSON or YAML; - is stdin; left out fields take their defaults")
	return c
}
