package manifest

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func read(t *testing.T, text string) ([]Document, string) {
	t.Helper()
	docs, err := Read("f.yaml", []byte(text))
	if err != nil {
		return nil, err.Error()
	}
	return docs, ""
}

func TestFaultsAreToldWithLineAndWhatWouldBeRight(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ text, want string }{
		"unknown field":            {"kind: Policy\ncluster: a\nspec:\n  max_node: 3\n", "f.yaml:4: spec.max_node: unknown field; did you mean max_nodes?"},
		"unknown field deep":       {"kind: Policy\ncluster: a\nspec:\n  launch_limit:\n    cuont: 3\n", "f.yaml:5: spec.launch_limit.cuont: unknown field; did you mean count?"},
		"unknown field in a list":  {"kind: Policy\ncluster: a\nspec:\n  schedules:\n    - cron: 0 8 * * *\n      timezone: UTC\n", "f.yaml:6: spec.schedules[0].timezone: unknown field; did you mean time_zone?"},
		"far from any":             {"kind: Policy\ncluster: a\ncolour: red\nspec: {}\n", "f.yaml:3: colour: unknown field; there are cluster, kind, spec"},
		"of the provider":          {"kind: Template\nname: a\nprovider: local\nspec:\n  listen_hots: 1.2.3.4\n", "f.yaml:5: spec.listen_hots: unknown field; did you mean listen_host?"},
		"of another provider":      {"kind: Template\nname: a\nprovider: local\nspec:\n  slots: [x]\n", "f.yaml:5: spec.slots: unknown field"},
		"of an offering":           {"kind: Template\nname: a\nprovider: mixed\nspec:\n  offerings:\n    - provider: local\n      listen_hots: 1.2.3.4\n", "f.yaml:7: spec.offerings[0].listen_hots: unknown field; did you mean listen_host?"},
		"of an offering's own":     {"kind: Template\nname: a\nprovider: mixed\nspec: {offerings: [{provider: local, max: two}]}\n", "f.yaml:4: spec.offerings[0].max: is text; want a whole number"},
		"an offering of nobody":    {"kind: Template\nname: a\nprovider: mixed\nspec: {offerings: [{max: 2}]}\n", "f.yaml:4: spec.offerings[0].provider: is missing"},
		"a strange preference":     {"kind: Template\nname: a\nprovider: mixed\nspec: {prefer: prise, offerings: []}\n", "f.yaml:4: spec.prefer: \"prise\" is none of order, price, balance; did you mean price?"},
		"given twice":              {"kind: Policy\ncluster: a\nspec:\n  max_nodes: 3\n  max_nodes: 4\n", "f.yaml:5: spec.max_nodes: is given twice"},
		"a word for a number":      {"kind: Policy\ncluster: a\nspec:\n  max_nodes: many\n", "f.yaml:4: spec.max_nodes: is text; want a whole number"},
		"a fraction":               {"kind: Policy\ncluster: a\nspec: {max_nodes: 2.5}\n", "f.yaml:3: spec.max_nodes: is a number; want a whole number"},
		"out of bounds":            {"kind: Policy\ncluster: a\nspec: {max_nodes: 0}\n", "f.yaml:3: spec.max_nodes: is 0; want a number from 1 to 100000"},
		"not a number":             {"kind: Policy\ncluster: a\nspec: {max_threshold: .nan}\n", "f.yaml:3: spec.max_threshold: \".nan\" is no value that JSON has"},
		"none of the words":        {"kind: Policy\ncluster: a\nspec: {forecast: shadwo}\n", "f.yaml:3: spec.forecast: \"shadwo\" is none of off, shadow, on; did you mean shadow?"},
		"yaml's own yes":           {"kind: Policy\ncluster: a\nspec: {signals: {cpu: {enabled: yes}}}\n", "f.yaml:3: spec.signals.cpu.enabled: is text; want true or false"},
		"a list for an object":     {"kind: Policy\ncluster: a\nspec: []\n", "f.yaml:3: spec: is a list; want a group of fields"},
		"a number for a name":      {"kind: Template\nname: 12\nprovider: local\nspec: {}\n", "f.yaml:2: name: is a number; want text: put it in quotes"},
		"a strange name":           {"kind: Template\nname: A b\nprovider: local\nspec: {}\n", "f.yaml:2: name: \"A b\" does not match"},
		"missing":                  {"kind: Template\nname: a\nspec: {}\n", "f.yaml:1: provider: is missing"},
		"a kind that is none":      {"kind: Polcy\ncluster: a\n", "f.yaml:1: kind: \"Polcy\" is not known; did you mean Policy?"},
		"no kind":                  {"cluster: a\n", "f.yaml:1: kind: is missing; want one of Template, Policy, Configuration"},
		"an alias":                 {"kind: Policy\ncluster: a\nspec: &x {}\n", "f.yaml:3: spec: anchors and aliases are not taken here"},
		"a list of documents":      {"- kind: Policy\n", "f.yaml:1: is no document"},
		"nothing":                  {"---\n---\n", "f.yaml: holds no document"},
		"not YAML":                 {"kind: Policy\ncluster: [\n", "is not YAML or JSON"},
		"the second of two":        {"kind: Policy\ncluster: a\nspec: {}\n---\nkind: Policy\ncluster: b\nspec: {min_idel: 1}\n", "f.yaml:7: spec.min_idel: unknown field; did you mean min_idle?"},
		"a null":                   {"kind: Policy\ncluster: a\nspec: {max_nodes: }\n", "f.yaml:3: spec.max_nodes: is nothing; want a whole number"},
		"nested beyond all reason": {"kind: Template\nname: a\nprovider: far\nspec: {a: " + strings.Repeat("[", 60) + strings.Repeat("]", 60) + "}\n", "is nested too deeply"},
	} {
		if _, got := read(t, tc.text); !strings.Contains(got, tc.want) {
			t.Errorf("%s:\n got %s\nwant %s", name, got, tc.want)
		}
	}
}

func TestEveryFaultOfAFileIsToldAtOnce(t *testing.T) {
	t.Parallel()
	_, got := read(t, "kind: Policy\ncluster: a\nspec: {max_node: 1, min_idel: 2}\n---\nkind: Template\nname: x\n")
	if n := strings.Count(got, "f.yaml:"); n != 4 {
		t.Errorf("%d faults, want 4:\n%s", n, got)
	}
}

func TestJSONAndYAMLReadTheSame(t *testing.T) {
	t.Parallel()
	y, _ := read(t, "kind: Policy\ncluster: studio\nspec:\n  max_nodes: 3\n  session_rate_mbps: 1e2\n  schedules: []\n")
	j, _ := read(t, `{"kind":"Policy","cluster":"studio","spec":{"schedules":[],"max_nodes":3,"session_rate_mbps":100}}`)
	if len(y) != 1 || len(j) != 1 || string(y[0].Spec) != string(j[0].Spec) || y[0].Subject() != "studio" {
		t.Errorf("%+v %+v", y, j)
	}
}

// What a newer manager's provider takes is not ours to refuse.
func TestUnknownProvidersAreLeftToTheManager(t *testing.T) {
	t.Parallel()
	docs, fault := read(t, "kind: Template\nname: a\nprovider: mixed\nspec: {offerings: [{provider: local, max: 2}, {provider: nimbus, image: i}]}\n")
	if fault != "" || !strings.Contains(string(docs[0].Spec), `"nimbus"`) {
		t.Errorf("%+v %s", docs, fault)
	}
	docs, fault = read(t, "kind: Template\nname: a\nprovider: nimbus\nspec: {image: ami-1, zones: [a, b]}\n")
	if fault != "" || !json.Valid(docs[0].Spec) || !strings.Contains(string(docs[0].Spec), "ami-1") {
		t.Errorf("%+v %s", docs, fault)
	}
}

func TestShippedExamplesAreValid(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(root + "/docs/examples/*")
	if err != nil || len(files) < 3 {
		t.Fatalf("%v %v", files, err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Read(filepath.Base(f), b); err != nil {
			t.Error(err)
		}
	}
}

func TestNearestWordIsNearEnough(t *testing.T) {
	t.Parallel()
	known := []string{"max_nodes", "min_idle", "spec"}
	for word, want := range map[string]string{"max_node": "max_nodes", "MAX_NODES": "max_nodes", "min_idel": "min_idle", "spce": "spec", "spc": "spec", "x": "", "": ""} {
		if got := Nearest(word, known); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}

// Whatever comes, it is either refused with a fault that names the file or read into documents that are JSON and read
// again the same.
func FuzzRead(f *testing.F) {
	f.Fuzz(func(t *testing.T, text []byte) {
		docs, err := Read("f", text)
		if err != nil {
			if faults, ok := errors.AsType[Faults](err); !ok || len(faults) == 0 || !strings.HasPrefix(faults.Error(), "f:") {
				t.Fatalf("%v", err)
			}
			return
		}
		for _, d := range docs {
			raw, err := json.Marshal(d)
			if err != nil {
				t.Fatal(err)
			}
			again, err := Read("f", raw)
			if err != nil || len(again) != 1 || again[0].Subject() != d.Subject() || string(again[0].Spec) != string(d.Spec) {
				t.Fatalf("%s reads %+v, %v", raw, again, err)
			}
		}
	})
}
