package manifest

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/godwit/godwit/node/configuration"
	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/provisioner/attached"
	awstemplate "github.com/godwit/godwit/provisioner/aws/template"
	azuretemplate "github.com/godwit/godwit/provisioner/azure/template"
	gcptemplate "github.com/godwit/godwit/provisioner/gcp/template"
	"github.com/godwit/godwit/provisioner/local"
	"github.com/godwit/godwit/provisioner/mixed"
)

var update = flag.Bool("update", false, "write the schemas anew")

// root is the module's directory.
const root = "../../../.."

const namePattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"

// within are bounds of a policy's fields, which its types do not say; TestBoundsAreThoseOfThePolicy holds them to it.
var within = map[string][2]float64{
	"max_nodes": {1, 100_000}, "min_available": {0, 100_000}, "min_idle": {0, 100_000},
	"min_threshold": {0, 1}, "max_threshold": {0.01, 1},
	"launch_limit.count": {1, 100_000}, "launch_limit.per_seconds": {1, 86_400},
	"scale_out_window_s": {0, 86_400}, "scale_in_window_s": {0, 86_400}, "drain_timeout_s": {0, 31 * 24 * 3600},
	"session_rate_mbps": {0.001, 10_000_000}, "max_sessions": {1, 1_000_000},
	"launch_timeout_s": {1, 86_400}, "report_timeout_s": {2, 86_400},
	"degraded_grace_s": {0, 86_400}, "lost_grace_s": {0, 86_400},
}

var words = map[reflect.Type][]string{
	reflect.TypeFor[mixed.Prefer]():        {string(mixed.ByOrder), string(mixed.ByPrice), string(mixed.ByBalance)},
	reflect.TypeFor[policy.ForecastMode](): {string(policy.ForecastOff), string(policy.ForecastShadow), string(policy.ForecastOn)},
}

func TestSchemasAreCommitted(t *testing.T) {
	t.Parallel()
	for kind, s := range map[Kind]*schema{Template: templateSchema(t), Policy: policySchema(t), Configuration: configurationSchema(t)} {
		raw, err := json.MarshalIndent(s, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		raw = append(raw, '\n')
		file := filepath.Join("schema", strings.ToLower(string(kind))+".json")
		if *update {
			if err := os.WriteFile(file, raw, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		committed, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(committed, raw) {
			t.Errorf("%s is not what the Go types say (%v); run: go generate ./cmd/godwit/internal/manifest", file, err)
		}
	}
}

func envelope(kind Kind, about string, more map[string]*schema, required ...string) *schema {
	s := &schema{
		Schema: "https://json-schema.org/draft/2020-12/schema", Title: "Godwit " + string(kind), Description: about,
		Type: "object", Closed: false, Required: append([]string{"kind", "spec"}, required...),
		Properties: map[string]*schema{"kind": {Type: "string", Const: string(kind)}},
	}
	for name, p := range more {
		s.Properties[name] = p
	}
	return s
}

func templateSchema(t *testing.T) *schema {
	t.Helper()
	s := envelope(Template, "What a cluster launches.", map[string]*schema{
		"name":     {Type: "string", Pattern: namePattern, Description: "Of the template."},
		"provider": {Type: "string", Pattern: "^[a-z0-9-]+$", Description: "Who launches the nodes: local, attached, aws, azure, gcp, mixed (offerings of several), or another that the manager knows."},
		"spec":     {Type: "object", Description: "In the provider's terms."},
	}, "name", "provider")
	for name, of := range map[string]reflect.Type{
		"local": reflect.TypeFor[local.Spec](), "attached": reflect.TypeFor[attached.Spec](), "aws": reflect.TypeFor[awstemplate.Spec](),
		"azure": reflect.TypeFor[azuretemplate.Spec](), "gcp": reflect.TypeFor[gcptemplate.Spec](),
	} {
		g := &generator{t: t, described: true, docs: docs(t, filepath.Join(root, "provisioner", "cloudinit"))} // embedded by clouds
		maps.Copy(g.docs, docs(t, filepath.Join(root, "provisioner", "offering")))
		maps.Copy(g.docs, docs(t, filepath.Join(root, "provisioner", "address")))
		maps.Copy(g.docs, docs(t, filepath.Join(root, "provisioner")))
		maps.Copy(g.docs, docs(t, filepath.Join(root, strings.TrimPrefix(of.PkgPath(), "github.com/godwit/godwit/"))))
		spec := g.object(of, "")
		delete(spec.Properties, "provider") // the document's own field says it
		spec.Description = "What the provider " + name + " launches."
		if s.Defs == nil {
			s.Defs = map[string]*schema{}
		}
		s.Defs["spec_"+name] = spec
	}
	providers := slices.Sorted(maps.Keys(s.Defs))
	s.Defs["spec_mixed"] = mixedSchema(t, s.Defs)
	for _, def := range append(providers, "spec_mixed") {
		s.AllOf = append(s.AllOf, &choice{
			If:   ofProvider(strings.TrimPrefix(def, "spec_")),
			Then: &schema{Properties: map[string]*schema{"spec": {Ref: "#/$defs/" + def}}},
		})
	}
	return s
}

func ofProvider(name string) *schema {
	return &schema{Properties: map[string]*schema{"provider": {Const: name}}, Required: []string{"provider"}}
}

// mixedSchema is that of a template of offerings, each of which is as its
// provider's specification and has some fields besides. Those are put into defs.
func mixedSchema(t *testing.T, defs map[string]*schema) *schema {
	t.Helper()
	g := &generator{t: t, described: true, docs: docs(t, filepath.Join(root, "provisioner", "mixed"))}
	own := g.object(reflect.TypeFor[mixed.Offering](), "").Properties
	item := &schema{Type: "object", Required: []string{"provider"}}
	for _, def := range slices.Sorted(maps.Keys(defs)) {
		provider := strings.TrimPrefix(def, "spec_")
		all := maps.Clone(own)
		maps.Copy(all, defs[def].Properties)
		all["provider"] = &schema{Type: "string", Const: provider, Description: own["provider"].Description}
		if len(all) != len(own)+len(defs[def].Properties) {
			t.Errorf("%s has a field that offerings have themselves", def)
		}
		defs["offering_"+provider] = &schema{Type: "object", Description: "An offering of the provider " + provider + ".", Closed: false, Properties: all}
		item.AllOf = append(item.AllOf, &choice{If: ofProvider(provider), Then: &schema{Ref: "#/$defs/offering_" + provider}})
	}
	spec := g.object(reflect.TypeFor[mixed.Spec](), "")
	delete(spec.Properties, "provider")
	spec.Description, spec.Required = "Ways to have a node, at one provider or several.", []string{"offerings"}
	spec.Properties["offerings"].Items = item
	return spec
}

func policySchema(t *testing.T) *schema {
	t.Helper()
	g := &generator{t: t, docs: docs(t, filepath.Join(root, "policy")), within: within}
	spec := g.object(reflect.TypeFor[policy.Policy](), "")
	spec.Description = "Fields left out have their defaults. Durations are whole seconds, rates Mb/s."
	return envelope(Policy, "The autoscale policy of a cluster.", map[string]*schema{
		"cluster": {Type: "string", Pattern: namePattern, Description: "Whose policy it is."}, "spec": spec,
	}, "cluster")
}

func configurationSchema(t *testing.T) *schema {
	t.Helper()
	g := &generator{t: t, docs: docs(t, filepath.Join(root, "node/configuration"))}
	spec := g.object(reflect.TypeFor[configuration.Document](), "")
	spec.Description = "Fields left out are as the template says. Rates are Mb/s."
	return envelope(Configuration, "What the nodes of a cluster run with.", map[string]*schema{
		"cluster": {Type: "string", Pattern: namePattern, Description: "Whose nodes they are."}, "spec": spec,
	}, "cluster")
}

// generator makes schemas of Go types, with the comments of their fields.
type generator struct {
	t      *testing.T
	docs   map[string]string // Type.Field → comment
	within map[string][2]float64
	// described: a field without a comment is a fault.
	described bool
}

func (g *generator) object(of reflect.Type, path string) *schema {
	s := &schema{Type: "object", Closed: false, Properties: map[string]*schema{}}
	for f := range of.Fields() {
		if f.Anonymous { // its fields are this one's
			maps.Copy(s.Properties, g.object(f.Type, path).Properties)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Tag.Get("json") == "-" {
			continue // no part of the document
		}
		if name == "" {
			g.t.Fatalf("%s.%s has no JSON name", of, f.Name)
		}
		p := g.of(f.Type, join(path, name))
		p.Description = f.Tag.Get("doc")
		if p.Description == "" {
			p.Description = g.docs[of.Name()+"."+f.Name]
		}
		if g.described && p.Description == "" && join(path, name) != "provider" {
			g.t.Errorf("%s.%s has no comment to describe %s with", of, f.Name, join(path, name))
		}
		if b, found := g.within[join(path, name)]; found {
			p.Minimum, p.Maximum = &b[0], &b[1]
		}
		g.tags(p, f.Tag)
		s.Properties[name] = p
	}
	return s
}

func (g *generator) tags(p *schema, tag reflect.StructTag) {
	for name, to := range map[string]**float64{"minimum": &p.Minimum, "maximum": &p.Maximum} {
		if v, err := strconv.ParseFloat(tag.Get(name), 64); err == nil {
			*to = &v
		}
	}
	if values, found := tag.Lookup("enum"); found {
		if p.Items != nil {
			p = p.Items
		}
		p.Enum = strings.Split(values, ",")
	}
}

func (g *generator) of(t reflect.Type, path string) *schema {
	switch t.Kind() {
	case reflect.Pointer: // what is left out means something else than zero
		return g.of(t.Elem(), path)
	case reflect.Struct:
		return g.object(t, path)
	case reflect.Slice:
		if t == reflect.TypeFor[json.RawMessage]() {
			return &schema{}
		}
		return &schema{Type: "array", Items: g.of(t.Elem(), path+"[]")}
	case reflect.Map:
		return &schema{Type: "object", Closed: g.of(t.Elem(), path)}
	case reflect.Bool:
		return &schema{Type: "boolean"}
	case reflect.Int, reflect.Int64:
		return &schema{Type: "integer"}
	case reflect.Float64:
		return &schema{Type: "number"}
	case reflect.String:
		return &schema{Type: "string", Enum: words[t]}
	}
	g.t.Fatalf("%s: no schema of %s", path, t)
	return nil
}

// docs are the comments of the fields of a package's types, in one line each.
func docs(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	names, err := fs.Glob(os.DirFS(dir), "*.go")
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: %v", dir, err)
	}
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, name), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			st, ok := spec.Type.(*ast.StructType)
			if !ok {
				return true
			}
			for _, f := range st.Fields.List {
				comment := f.Doc
				if comment == nil {
					comment = f.Comment
				}
				for _, field := range f.Names {
					out[spec.Name.Name+"."+field.Name] = about(field.Name, comment.Text())
				}
			}
			return true
		})
	}
	return out
}

// about turns a Go comment ("MaxNodes caps the …", "Tags: what …") into a
// description ("Caps the …", "What …").
func about(field, comment string) string {
	text := strings.Join(strings.Fields(comment), " ")
	if rest, ok := strings.CutPrefix(text, field); ok {
		text = strings.TrimSpace(rest)
	}
	for _, verb := range []string{"is ", "are ", ": "} {
		text = strings.TrimPrefix(text, verb)
	}
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// The bounds of the schema must be those of the policy: what it lets pass is taken, what it refuses is refused.
func TestBoundsAreThoseOfThePolicy(t *testing.T) {
	t.Parallel()
	refuses := func(field string, v float64) bool {
		outer, inner, nested := strings.Cut(field, ".")
		value := any(v)
		if nested {
			value = map[string]any{inner: v}
		}
		// Room for the field to move in without crossing others.
		doc := map[string]any{"max_nodes": 100_000, "min_available": 0, "min_threshold": 0.001, "max_threshold": 1}
		switch {
		case field == "max_nodes" || field == "min_threshold" && v >= 1:
			delete(doc, "min_available")
			doc["min_available"] = 0
		case field == "max_threshold":
			doc["min_threshold"] = 0
		}
		doc[outer] = value
		raw, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		_, err = policy.Parse(raw)
		// Only what is said of the field itself counts, and not what it means beside others.
		return err != nil && strings.Contains(err.Error(), field+": is") && strings.Contains(err.Error(), "; want ")
	}
	for field, b := range within {
		step := 1.0
		if b[1] <= 1 || b[0] > 0 && b[0] < 1 {
			step = b[0] / 2
		}
		if step == 0 {
			step = 0.001
		}
		if refuses(field, b[0]) || refuses(field, b[1]) {
			t.Errorf("%s: the policy refuses a bound of %v", field, b)
		}
		if !refuses(field, b[0]-step) || !refuses(field, b[1]+max(step, 0.001)) {
			t.Errorf("%s: the policy takes what is beyond %v", field, b)
		}
	}
}
