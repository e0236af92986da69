package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/godwit/godwit/api/client"
	"github.com/godwit/godwit/cmd/godwit/internal/manifest"
)

// differsError says that --dry-run found something to change.
type differsError struct{ documents int }

func (e differsError) Error() string {
	if e.documents == 1 {
		return "1 document differs; nothing was changed"
	}
	return fmt.Sprintf("%d documents differ; nothing was changed", e.documents)
}

func newApplyCommand(a *app) *cobra.Command {
	var from []string
	var dry bool
	c := &cobra.Command{
		Use: "apply -f FILE|DIR|-", Short: "Make templates, policies and configurations what files say", Args: cobra.NoArgs,
		Long: `apply reads documents from YAML or JSON files and makes what they describe so. A
file may hold several documents, parted by ---; of a directory all *.yaml, *.yml
and *.json are taken. Each says what it is:

  kind: Template                kind: Policy              kind: Configuration
  name: small                   cluster: studio           cluster: studio
  provider: local               spec:                     spec:
  spec:                           max_nodes: 8              send_cap_mbps: 500
    node:                         min_available: 2
      send_cap_mbps: 1000

All are checked before the first is applied: an unknown field is refused with its
line and the name that is probably meant. A document is the whole: what it leaves
out has its default. Templates come first, then policies, then configurations; what
is as described already is left alone. Somebody else's change in between is refused,
not overwritten.

  godwit apply -f cluster/ --dry-run      what would change; exit code 7 if anything would
  godwit apply -f policy.yaml
  godwit get > all.yaml                   what there is, in this form
  godwit schema policy                    JSON Schema, for an editor

` + exitCodesHelp,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.apply(c.Context(), from, dry)
		},
	}
	c.Flags().StringSliceVarP(&from, "file", "f", nil, "file or directory; - is stdin; may be repeated")
	c.Flags().BoolVar(&dry, "dry-run", false, "change nothing, show what would change")
	_ = c.MarkFlagRequired("file")
	return c
}

// fieldChange is one field of a document that differs from what is there.
type fieldChange struct {
	Field  string `json:"field"`
	Before any    `json:"before,omitempty"`
	After  any    `json:"after,omitempty"`
}

// applied is what became, or would become, of one document.
type applied struct {
	Kind     manifest.Kind `json:"kind"`
	Name     string        `json:"name"`
	Result   string        `json:"result"` // created, changed, unchanged
	Changes  []fieldChange `json:"changes"`
	Notes    []string      `json:"notes,omitempty"`
	document manifest.Document
	etag     string
}

func (r applied) differs() bool { return r.Result != unchanged }

const (
	created   = "created"
	changed   = "changed"
	unchanged = "unchanged"
)

func (a *app) apply(ctx context.Context, from []string, dry bool) error {
	docs, err := a.manifests(from)
	if err != nil {
		return err
	}
	c, _, err := a.api()
	if err != nil {
		return err
	}
	plan := make([]applied, 0, len(docs))
	for _, d := range docs {
		r, err := a.compare(ctx, c, d)
		if err != nil {
			return fmt.Errorf("%s: %s %s: %w; nothing was changed", place(d), d.Kind, d.Subject(), err)
		}
		plan = append(plan, r)
	}
	if dry {
		return a.showPlan(plan)
	}
	for i, r := range plan {
		if !r.differs() {
			continue
		}
		if err := a.put(ctx, c, r); err != nil {
			_ = a.print(plan[:i], drawApplied(plan[:i])) // what was done is more than nothing; the error below says the rest
			return fmt.Errorf("%s: %s %s: %w", place(r.document), r.Kind, r.Name, err)
		}
	}
	return a.print(plan, drawApplied(plan))
}

func place(d manifest.Document) string { return fmt.Sprintf("%s:%d", d.File, d.Line) }

func (a *app) showPlan(plan []applied) error {
	n := 0
	for _, r := range plan {
		if r.differs() {
			n++
		}
	}
	if err := a.print(plan, drawApplied(plan)); err != nil || n == 0 {
		return err
	}
	return differsError{n}
}

func drawApplied(plan []applied) func(*table) {
	return func(t *table) {
		for _, r := range plan {
			t.line(fmt.Sprintf("%s %s: %s", strings.ToLower(string(r.Kind)), r.Name, r.Result))
			drawChanges(t, r.Changes)
			for _, n := range r.Notes {
				t.line("  " + n)
			}
		}
	}
}

func drawChanges(t *table, changes []fieldChange) {
	for _, f := range changes {
		t.line(fmt.Sprintf("  %s: %s → %s", f.Field, inline(f.Before), inline(f.After)))
	}
}

// inline is a value in one line.
func inline(v any) string {
	if v == nil {
		return "-"
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

// manifests reads all documents, in the order in which they are applied.
func (a *app) manifests(from []string) ([]manifest.Document, error) {
	var docs []manifest.Document
	var faults manifest.Faults
	for _, name := range from {
		files, err := manifestFiles(name)
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			b, err := a.contents(f)
			if err != nil {
				return nil, err
			}
			some, err := manifest.Read(f, b)
			if wrong, ok := errors.AsType[manifest.Faults](err); ok {
				faults = append(faults, wrong...)
			}
			docs = append(docs, some...)
		}
	}
	seen := map[string]manifest.Document{}
	for _, d := range docs {
		key := string(d.Kind) + " " + d.Subject()
		if first, twice := seen[key]; twice {
			faults = append(faults, manifest.Fault{File: d.File, Line: d.Line, Problem: fmt.Sprintf("%s is described at %s already", key, place(first))})
		}
		seen[key] = d
	}
	if len(faults) > 0 {
		return nil, usagef("%s\n        nothing was changed", faults.Error())
	}
	slices.SortStableFunc(docs, func(x, y manifest.Document) int {
		return cmp.Compare(slices.Index(manifest.Kinds(), x.Kind), slices.Index(manifest.Kinds(), y.Kind))
	})
	return docs, nil
}

// manifestFiles are the files that a name stands for.
func manifestFiles(name string) ([]string, error) {
	if name == "-" {
		return []string{name}, nil
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, usageError{err}
	}
	if !info.IsDir() {
		return []string{name}, nil
	}
	var files []string
	err = filepath.WalkDir(name, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path)) {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		return nil, usageError{err}
	}
	if len(files) == 0 {
		return nil, usagef("%s holds no *.yaml, *.yml or *.json", name)
	}
	return files, nil
}

func (a *app) contents(file string) ([]byte, error) {
	var b []byte
	var err error
	if file == "-" {
		b, err = io.ReadAll(io.LimitReader(a.in, 8<<20))
	} else {
		b, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, usageError{err}
	}
	return b, nil
}

// compare asks the manager what a document would change. The manager checks it in passing.
func (a *app) compare(ctx context.Context, c *client.Client, d manifest.Document) (applied, error) {
	r := applied{Kind: d.Kind, Name: d.Subject(), Result: unchanged, Changes: []fieldChange{}, document: d}
	var err error
	switch d.Kind {
	case manifest.Template:
		err = compareTemplate(ctx, c, &r)
	case manifest.Policy:
		err = comparePolicy(ctx, c, &r)
	case manifest.Configuration:
		err = compareConfiguration(ctx, c, &r)
	}
	if err == nil && len(r.Changes) > 0 && r.Result == unchanged {
		r.Result = changed
	}
	return r, err
}

func compareTemplate(ctx context.Context, c *client.Client, r *applied) error {
	d := r.document
	var verdict struct {
		Valid  bool                `json:"valid"`
		Errors []client.FieldError `json:"errors"`
	}
	if _, err := c.Do(ctx, http.MethodPost, at("templates", "validate"), map[string]any{"provider": d.Provider, "spec": d.Spec}, &verdict); err != nil {
		return err
	}
	if !verdict.Valid {
		e := &client.Error{Status: http.StatusUnprocessableEntity, Detail: "refused", Fields: verdict.Errors}
		return e
	}
	var there templateRow
	h, err := c.Do(ctx, http.MethodGet, at("templates", d.Name), nil, &there)
	if client.IsStatus(err, http.StatusNotFound) {
		r.Result = created
		return nil
	}
	if err != nil {
		return err
	}
	if there.Provider != d.Provider {
		return usagef("it exists with the provider %s, which cannot change: give the new one another name", there.Provider)
	}
	r.etag = h.Get("ETag")
	var diff templateDiff
	if _, err := c.Do(ctx, http.MethodPost, at("templates", d.Name, "diff"), map[string]any{"spec": d.Spec}, &diff); err != nil {
		return err
	}
	for _, f := range diff.Changes {
		r.Changes = append(r.Changes, f.fieldChange)
	}
	if len(diff.Changes) > 0 {
		r.Notes = append(r.Notes, diff.Text)
	}
	return nil
}

func comparePolicy(ctx context.Context, c *client.Client, r *applied) error {
	h, err := c.Do(ctx, http.MethodGet, at("clusters", r.Name, "policy"), nil, nil)
	if err != nil {
		return err
	}
	r.etag = h.Get("ETag")
	var preview policyPreview
	if _, err := c.Do(ctx, http.MethodPost, at("clusters", r.Name, "policy", "preview")+"?whole=true", r.document.Spec, &preview); err != nil {
		return err
	}
	r.Changes = preview.Changes
	if len(preview.Changes) == 0 {
		return nil
	}
	for _, w := range preview.Warnings {
		r.Notes = append(r.Notes, "warning: "+w.Field+": "+w.Text)
	}
	for _, reason := range preview.Reasons {
		r.Notes = append(r.Notes, "would be decided now: "+reason.Text)
	}
	return nil
}

func compareConfiguration(ctx context.Context, c *client.Client, r *applied) error {
	var there struct {
		Configuration map[string]any `json:"configuration"`
	}
	h, err := c.Do(ctx, http.MethodGet, at("clusters", r.Name, "configuration"), nil, &there)
	if err != nil {
		return err
	}
	r.etag = h.Get("ETag")
	var wanted map[string]any
	if err := json.Unmarshal(r.document.Spec, &wanted); err != nil {
		return err
	}
	for _, field := range sortedKeys(there.Configuration) {
		after, given := wanted[field]
		if !given {
			after = emptied(there.Configuration[field])
		}
		if inline(there.Configuration[field]) != inline(after) {
			r.Changes = append(r.Changes, fieldChange{Field: field, Before: there.Configuration[field], After: after})
		}
	}
	for _, field := range sortedKeys(wanted) {
		if _, known := there.Configuration[field]; !known {
			r.Changes = append(r.Changes, fieldChange{Field: field, After: wanted[field]})
		}
	}
	return nil
}

// emptied is what a field of a configuration has when nobody sets it.
func emptied(v any) any {
	switch v.(type) {
	case string:
		return ""
	case float64:
		return 0.0
	case bool:
		return false
	case []any:
		return []any{}
	}
	return nil
}

// put makes one document so, from the version that it was compared with.
func (a *app) put(ctx context.Context, c *client.Client, r applied) error {
	d, match := r.document, client.Header{Name: "If-Match", Value: r.etag}
	var err error
	switch {
	case d.Kind == manifest.Template && r.Result == created:
		_, err = c.Do(ctx, http.MethodPost, at("templates"), map[string]any{"name": d.Name, "provider": d.Provider, "spec": d.Spec}, nil)
	case d.Kind == manifest.Template:
		_, err = c.Do(ctx, http.MethodPut, at("templates", d.Name), map[string]any{"spec": d.Spec}, nil, match)
	case d.Kind == manifest.Policy:
		_, err = c.Do(ctx, http.MethodPut, at("clusters", d.Cluster, "policy"), d.Spec, nil, match)
	case d.Kind == manifest.Configuration:
		_, err = c.Do(ctx, http.MethodPut, at("clusters", d.Cluster, "configuration"), d.Spec, nil, match)
	}
	return err
}
