package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/godwit/godwit/cmd/godwit/internal/manifest"
)

type policyVersion struct {
	Version   int64           `json:"version"`
	Policy    json.RawMessage `json:"policy"`
	Author    string          `json:"author"`
	CreatedAt time.Time       `json:"created_at"`
}

func drawPolicy(t *table, v policyVersion) {
	drawFields(t, v.Policy, v.Version)
}

// reason is one sentence of an explanation.
type reason struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

// policyPreview is what would be decided now under an edit.
type policyPreview struct {
	Changes  []fieldChange `json:"changes"`
	Reasons  []reason      `json:"reasons"`
	Warnings []struct {
		Field string     `json:"field"`
		Text  string     `json:"text"`
		At    *time.Time `json:"at"`
	} `json:"warnings"`
}

func drawPreview(t *table, p policyPreview) {
	if len(p.Changes) == 0 {
		t.line("the policy would not change")
	}
	drawChanges(t, p.Changes)
	for _, w := range p.Warnings {
		t.line("warning: " + w.Field + ": " + w.Text)
	}
	t.line("would be decided now:")
	for _, r := range p.Reasons {
		t.line("- " + r.Text)
	}
}

func newPolicyCommand(a *app) *cobra.Command {
	return group("policy", "Show and change autoscale policies",
		newPolicyGet(a), newPolicySet(a), newPolicyVersions(a), newPolicyDiff(a), newPolicyRevert(a), newPolicyWhatIf(a))
}

func newPolicyGet(a *app) *cobra.Command {
	var version int64
	c := &cobra.Command{
		Use: "get CLUSTER", Short: "Show a cluster's policy", Args: cobra.ExactArgs(1), ValidArgsFunction: a.clusters(),
		RunE: func(c *cobra.Command, args []string) error {
			path := at("clusters", args[0], "policy")
			if version > 0 {
				path = at("clusters", args[0], "policy", "versions", strconv.FormatInt(version, 10))
			}
			return call(c.Context(), a, http.MethodGet, path, nil, drawPolicy)
		},
	}
	c.Flags().Int64Var(&version, "version", 0, "an earlier version")
	return c
}

func newPolicySet(a *app) *cobra.Command {
	var file string
	var preview bool
	c := &cobra.Command{
		Use: "set CLUSTER [FIELD=VALUE...]", Short: "Change a cluster's policy", Args: cobra.MinimumNArgs(1), ValidArgsFunction: a.clusters(),
		Long: `set makes a new version of a policy with the fields that are given; the others stay.
godwit schema policy says what fields there are and what they mean.

  godwit policy set studio max_nodes=8 min_available=3
  godwit policy set studio -f policy.yaml
  godwit policy set studio max_nodes=8 --preview      what would be decided now, and what
                                                      about it is likely not meant`,
		RunE: func(c *cobra.Command, args []string) error {
			change, err := a.fields(args[1:], file)
			if err != nil {
				return err
			}
			if preview {
				return unknownFields(manifest.Policy, call(c.Context(), a, http.MethodPost, at("clusters", args[0], "policy", "preview"), change, drawPreview))
			}
			return unknownFields(manifest.Policy, amend(c.Context(), a, http.MethodPatch, at("clusters", args[0], "policy"), "", change, drawPolicy))
		},
	}
	c.Flags().StringVarP(&file, "file", "f", "", "fields as JSON or YAML; - is stdin")
	c.Flags().BoolVar(&preview, "preview", false, "change nothing, show what would be decided now")
	return c
}

func newPolicyVersions(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "versions CLUSTER", Short: "List a policy's versions, newest first", Args: cobra.ExactArgs(1), ValidArgsFunction: a.clusters(),
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
}

func newPolicyDiff(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "diff CLUSTER [FROM [TO]]", Short: "What changed between two versions of a policy", Args: cobra.RangeArgs(1, 3), ValidArgsFunction: a.clusters(),
		Long: `diff compares two versions of a policy field by field. Without TO it is the version in
force, without FROM the one before it.

  godwit policy diff studio          what the last change was
  godwit policy diff studio 3        what changed since version 3
  godwit policy diff studio 3 5`,
		RunE: func(c *cobra.Command, args []string) error {
			q := url.Values{}
			for i, name := range []string{"from", "to"} {
				if len(args) > i+1 {
					if _, err := strconv.ParseInt(args[i+1], 10, 64); err != nil {
						return usagef("%q is no version; godwit policy versions %s lists them", args[i+1], args[0])
					}
					q.Set(name, args[i+1])
				}
			}
			type diff struct {
				From    int64         `json:"from"`
				To      int64         `json:"to"`
				Changes []fieldChange `json:"changes"`
			}
			return call(c.Context(), a, http.MethodGet, at("clusters", args[0], "policy", "diff")+"?"+q.Encode(), nil, func(t *table, d diff) {
				t.line(fmt.Sprintf("version %d → %d", d.From, d.To))
				drawChanges(t, d.Changes)
				if len(d.Changes) == 0 {
					t.line("  no difference")
				}
			})
		},
	}
}

func newPolicyRevert(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "revert CLUSTER VERSION", Short: "Go back to an earlier version of a policy, which becomes a new one", Args: cobra.ExactArgs(2), ValidArgsFunction: a.clusters(),
		RunE: func(c *cobra.Command, args []string) error {
			v, err := strconv.ParseInt(args[1], 10, 64)
			if err != nil || v < 1 {
				return usagef("%q is no version; godwit policy versions %s lists them", args[1], args[0])
			}
			path := at("clusters", args[0], "policy")
			return amend(c.Context(), a, http.MethodPost, path, "/revert", map[string]any{"version": v}, drawPolicy)
		},
	}
}
