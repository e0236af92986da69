package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/godwit/godwit/statestore"
)

// Effects of a changed field on nodes that run.
const (
	effectLive     = "live"
	effectNewNodes = "new_nodes"
	effectReplace  = "replace"
)

// shownNodes bounds the nodes that one answer lists; counts are of all.
const shownNodes = 1000

// TemplateDiffRequest asks what a change of a template would mean.
type TemplateDiffRequest struct {
	Spec json.RawMessage `json:"spec,omitempty" doc:"The specification as it would be; left out, the one in force."`
}

// TemplateDiff compares a template with what its nodes run.
type TemplateDiff struct {
	Version  int64            `json:"version" doc:"Of the template that was compared with."`
	Changes  []TemplateChange `json:"changes" doc:"Fields that the given specification changes."`
	Versions []VersionCount   `json:"versions" doc:"How many nodes run which version, newest first."`
	Nodes    []NodeDrift      `json:"nodes" doc:"Nodes launched from the template, or of a cluster that uses it: those that differ first, at most 1000."`
	Total    int              `json:"total" doc:"How many nodes there are."`
	Replaces int              `json:"replaces" doc:"Nodes that keep what they have until others take their place."`
	Text     string           `json:"text" doc:"The same in words." example:"changing node.send_cap_mbps: 7 of 9 nodes keep what they have until they are replaced"`
}

// TemplateChange is a changed field and what it means for nodes that run.
type TemplateChange struct {
	FieldChange
	Effect string `json:"effect" enum:"live,new_nodes,replace" doc:"live: changed on running nodes; new_nodes: matters at launch only; replace: a node keeps what it has until another takes its place."`
}

// VersionCount is how many nodes run a version.
type VersionCount struct {
	Template Ref   `json:"template"`
	Version  int64 `json:"version" doc:"0 where it is not known."`
	Nodes    int   `json:"nodes"`
}

// NodeDrift is a node and where it differs from the specification.
type NodeDrift struct {
	ID              string   `json:"id"`
	Name            string   `json:"name"`
	Cluster         Ref      `json:"cluster"`
	State           string   `json:"state"`
	TemplateVersion int64    `json:"template_version"`
	Drift           []string `json:"drift" doc:"Fields that differ."`
}

func (s *Server) diffTemplate(ctx context.Context, in *templateDiffIn) (*body[TemplateDiff], error) {
	t, err := findTemplate(ctx, s.store.Tables, in.Template)
	if err != nil {
		return nil, err
	}
	wanted := t.Spec
	if len(in.Body.Spec) > 0 {
		wanted = in.Body.Spec
	}
	if s.config.Clusters.Parts(t.Provider, wanted) == nil {
		return nil, invalid("body.spec", "is no template of the provider %s", t.Provider)
	}
	changes, err := s.templateChanges(t.Provider, t.Spec, wanted)
	if err != nil {
		return nil, invalid("body.spec", "is not a JSON object")
	}
	d := drift{s: s, t: t, wanted: wanted, picture: s.flock.current(), specs: map[launchedFrom][]TemplateChange{}}
	d.out = TemplateDiff{Version: t.Version, Changes: changes, Versions: []VersionCount{}, Nodes: []NodeDrift{}}
	if err := d.walk(ctx); err != nil {
		return nil, err
	}
	return ok(d.finish()), nil
}

// drift compares each node with a specification.
type drift struct {
	s       *Server
	t       statestore.Template
	wanted  json.RawMessage
	picture *picture
	specs   map[launchedFrom][]TemplateChange // what was compared already
	unknown int
	keeping map[string]bool // fields by which nodes keep what they have
	out     TemplateDiff
}

// launchedFrom is what a node was launched from, and which of its offerings it is.
type launchedFrom struct {
	template string
	version  int64
	provider string
	offering string
}

func (d *drift) walk(ctx context.Context) error {
	uses := map[string]bool{}
	for _, c := range d.picture.clusters {
		uses[c.ID] = c.TemplateID == d.t.ID
	}
	counts := map[launchedFrom]int{}
	d.keeping = map[string]bool{}
	for i := range d.picture.nodes {
		n := &d.picture.nodes[i]
		if n.TemplateID != d.t.ID && !uses[n.ClusterID] {
			continue
		}
		from := launchedFrom{n.TemplateID, n.TemplateVersion, n.Provider, n.Offering}
		if from.template == "" {
			from.template = d.t.ID // a node of before this was noted
		}
		counts[launchedFrom{template: from.template, version: from.version}]++
		changes, err := d.of(ctx, from)
		if err != nil {
			return err
		}
		d.add(n, changes)
	}
	for from, nodes := range counts {
		name := from.template
		if t, ok := d.picture.templates[name]; ok {
			name = t.Name
		}
		d.out.Versions = append(d.out.Versions, VersionCount{Template: Ref{ID: from.template, Name: name}, Version: from.version, Nodes: nodes})
	}
	return nil
}

// of is where the specification differs from what a node was launched from.
func (d *drift) of(ctx context.Context, from launchedFrom) ([]TemplateChange, error) {
	if known, ok := d.specs[from]; ok {
		return known, nil
	}
	v, err := d.s.store.Templates.Version(ctx, from.template, from.version)
	var changes []TemplateChange // nil: not known
	if err == nil {
		changes, err = d.s.nodeChanges(d.made(from, v.Spec), d.s.config.Clusters.Parts(d.t.Provider, d.wanted))
	}
	if err != nil && !errors.Is(err, statestore.ErrNotFound) {
		return nil, err
	}
	d.specs[from] = changes
	return changes, nil
}

// made is the part of a template that a node was launched from.
func (d *drift) made(from launchedFrom, spec json.RawMessage) TemplatePart {
	provider := from.provider
	if t, ok := d.picture.templates[from.template]; ok {
		provider = t.Provider
	}
	for _, p := range d.s.config.Clusters.Parts(provider, spec) {
		if p.Name == from.offering {
			return p
		}
	}
	return TemplatePart{Name: from.offering, Provider: from.provider, Spec: spec}
}

func (d *drift) add(n *statestore.Node, changes []TemplateChange) {
	d.out.Total++
	if changes == nil {
		d.unknown++
	}
	row := NodeDrift{
		ID: n.ID, Name: n.Name, Cluster: d.picture.clusterRef(n.ClusterID), State: string(n.State),
		TemplateVersion: n.TemplateVersion, Drift: []string{},
	}
	keeps := false
	for _, c := range changes {
		row.Drift = append(row.Drift, c.Field)
		if c.Effect == effectReplace {
			keeps, d.keeping[c.Field] = true, true
		}
	}
	if keeps {
		d.out.Replaces++
	}
	d.out.Nodes = append(d.out.Nodes, row)
}

func (d *drift) finish() TemplateDiff {
	slices.SortStableFunc(d.out.Nodes, func(a, b NodeDrift) int { return cmp.Compare(len(b.Drift), len(a.Drift)) })
	d.out.Nodes = d.out.Nodes[:min(len(d.out.Nodes), shownNodes)]
	slices.SortFunc(d.out.Versions, func(a, b VersionCount) int {
		return cmp.Or(cmp.Compare(a.Template.Name, b.Template.Name), cmp.Compare(b.Version, a.Version))
	})
	d.out.Text = d.text()
	return d.out
}

func (d *drift) text() string {
	var parts []string
	by := map[string][]string{}
	for _, c := range d.out.Changes {
		by[c.Effect] = append(by[c.Effect], c.Field)
	}
	if fields := by[effectLive]; len(fields) > 0 {
		parts = append(parts, "changing "+list(fields)+" reaches running nodes at once")
	}
	if fields := by[effectNewNodes]; len(fields) > 0 {
		parts = append(parts, "changing "+list(fields)+" matters for new nodes only")
	}
	keeping := make([]string, 0, len(d.keeping))
	for f := range d.keeping {
		keeping = append(keeping, f)
	}
	slices.Sort(keeping)
	switch fields := by[effectReplace]; {
	case d.out.Replaces > 0 && len(fields) > 0:
		parts = append(parts, fmt.Sprintf("changing %s: %s until they are replaced; new nodes have it at once", list(fields), d.keep()))
	case d.out.Replaces > 0:
		parts = append(parts, fmt.Sprintf("%s in %s until they are replaced", d.keep(), list(keeping)))
	case len(fields) > 0:
		parts = append(parts, "changing "+list(fields)+" replaces no node")
	}
	if d.unknown > 0 {
		parts = append(parts, fmt.Sprintf("of %s it is not known what they were launched from", counted(d.unknown, "node")))
	}
	if len(parts) == 0 {
		return fmt.Sprintf("nothing differs: %s as the template says", counted(d.out.Total, "node"))
	}
	return strings.Join(parts, "; ")
}

func (d *drift) keep() string {
	return fmt.Sprintf("%d of %s keep what they have", d.out.Replaces, counted(d.out.Total, "node"))
}

// list writes names as in a sentence.
func list(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
