package provisioner

import (
	"fmt"
	"strings"
	"testing"
)

type common struct {
	Node NodeSpec `json:"node"`
	Port int      `json:"port"`
}

type form struct {
	common
	Image string   `json:"image"`
	Spot  *bool    `json:"spot"`
	Zones []string `json:"zones"`
	// Settled is worked out and in no document.
	Settled bool `json:"-"`
}

// A fault is shown at its field of a form, so its path is the document's.
func TestFaultNamesTheFieldAsTheDocumentHasIt(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ document, field, problem string }{
		{`{"image":1}`, "image", "is a number; want text in quotes"},
		{`{"port":"x"}`, "port", "is a string; want a whole number"},
		{`{"node":{"send_cap_mbps":"x"}}`, "node.send_cap_mbps", "is a string; want a number"},
		{`{"node":3}`, "node", "is a number; want an object"},
		{`{"spot":"yes"}`, "spot", "is a string; want true or false"},
		{`{"zones":"a"}`, "zones", "is a string; want a list"},
		{`{"-":true}`, "-", "is not a field of a test template: image, spot, zones, node, port are"},
		{`{"imgae":"x"}`, "imgae", "is not a field of a test template: image, spot, zones, node, port are"},
		{
			`{"port":1,"node":{"send_cap":1}}`, "node.send_cap",
			"is not a field of a test template: node.send_cap_mbps, node.receive_cap_mbps, node.session_rate_mbps, node.max_sessions are",
		},
		{`{} {}`, "", "there is something after the JSON object: remove it"},
		{`[]`, "", "is an array; want an object"},
	} {
		faults := DecodeTemplate([]byte(row.document), new(form), "a test template")
		if len(faults) != 1 || faults[0].Field != row.field || faults[0].Problem != row.problem {
			t.Errorf("%s: %q; want %s %s", row.document, faults, row.field, row.problem)
		}
	}
}

func TestTemplateOfKnownFieldsIsRead(t *testing.T) {
	t.Parallel()
	var f form
	faults := DecodeTemplate([]byte(`{"image":"i","zones":["a"],"spot":true,"port":3,"node":{"max_sessions":7}}`), &f, "a test template")
	if faults != nil || f.Image != "i" || f.Port != 3 || f.Node.MaxSessions != 7 || f.Spot == nil || !*f.Spot {
		t.Errorf("%+v %v", f, faults)
	}
}

// Whatever somebody sends is read, or refused with a reason.
func FuzzDecodeTemplate(f *testing.F) {
	for _, seed := range []string{`{}`, `{"node":{"x":1}}`, `{"Node":{"X":1}}`, `{"common":1}`, `{"node":null}`, `{"port":1e9}`, `null`, `{"":1}`, `{"a.b":1}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, fault := range DecodeTemplate(raw, new(form), "a test template") {
			if fault.Problem == "" || strings.Contains(fault.Field, "common.") && !strings.Contains(string(raw), "common") {
				t.Errorf("%q", fault)
			}
		}
	})
}

func TestNamesAreFewWellFormedAndDifferent(t *testing.T) {
	t.Parallel()
	short := func(s string) bool { return len(s) == 1 }
	long := func(s string) bool { return len(s) == 3 }
	var f Faults
	f.Names("none", nil, Names{Least: 1, Most: 2, Example: "a"}, short)
	f.Names("many", []string{"a", "b", "c"}, Names{Most: 2, Example: "a"}, short)
	f.Names("form", []string{"a", "bb", "ccc"}, Names{Example: "a"}, short, long)
	f.Names("again", []string{"a", "b", "a"}, Names{Example: "a"}, short)
	f.Names("empty", nil, Names{Most: 2, Example: "a"}, short)
	f.Between("percent", 101, 0, 100, "")
	f.Between("size", 9, 10, 20, "none")
	f.Between("free", 0, 10, 20, "none")
	f.Between("least", 0, 1, 20, "")
	want := `[{none has 0 entries; want at least 1, such as a} {many has 3 entries; want at most 2} {form[1] is "bb"; want one such as a} ` +
		`{again[2] names "a" a second time} {percent is 101; want 0 to 100} {size is 9; want 0 (none) or 10 to 20} {least is 0; want 1 to 20}]`
	if got := fmt.Sprint(f); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func TestEffectIsOfTheWholeField(t *testing.T) {
	t.Parallel()
	for field, want := range map[string]Effect{
		"tags": NewNodes, "tags.team": NewNodes, "subnets[1]": NewNodes, "tagset": Replace, "node.tags": Replace, "": Replace,
	} {
		if got := EffectAmong(field, "tags", "subnets"); got != want {
			t.Errorf("%q: %s, want %s", field, got, want)
		}
	}
}
