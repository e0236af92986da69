package mixed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/godwit/godwit/provisioner"
)

func TestOfferingIsAProvidersSpecificationAndAFewWords(t *testing.T) {
	t.Parallel()
	m, faults := Parse([]byte(`{"provider":"mixed","offerings":[
		{"provider":"aws","price_per_hour":0.1,"max":3,"subnets":["b","a"],"image":"ami-1"},
		{"name":"belgium","provider":"gcp","tags":{"z":"1","a":"2"}}]}`))
	if faults != nil {
		t.Fatal(faults)
	}
	want := `{order [{aws aws 0.1 3 {"image":"ami-1","subnets":["b","a"]}} {belgium gcp 0 0 {"tags":{"z":"1","a":"2"}}}]}`
	got := fmt.Sprintf("{%s [", m.Prefer)
	for i, o := range m.Offerings {
		got += strings.Repeat(" ", min(i, 1)) + fmt.Sprintf("{%s %s %g %d %s}", o.Name, o.Provider, o.PricePerHour, o.Max, o.Spec)
	}
	if got += "]}"; got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func TestFaultNamesTheOffering(t *testing.T) {
	t.Parallel()
	for document, want := range map[string]string{
		`{}`:               "offerings has 0 entries; want 1 to 16",
		`{"offerings":{}}`: "offerings is an object; want a list",
		`{"offering":[]}`:  "offering is not a field of a mixed template: provider, prefer, offerings are",
		`{"provider":"aws","offerings":[{"provider":"aws"}]}`: `provider is "aws"; this is the provider "mixed"`,
		`{"prefer":"luck","offerings":[{"provider":"aws"}]}`:  `prefer is "luck"; want order, price or balance`,
		`{"offerings":[3]}`:                                                                         "offerings[0] is not a JSON object with a provider and its specification",
		`{"offerings":[{}]}`:                                                                        "offerings[0].provider is missing: say who launches it",
		`{"offerings":[{"provider":"mixed"}]}`:                                                      `offerings[0].provider is "mixed"; an offering is of one provider`,
		`{"offerings":[{"provider":"aws"},{"provider":"aws"}]}`:                                     `offerings[1].name is "aws" as that of offerings[0]: give each a name of its own`,
		`{"offerings":[{"provider":"aws","name":"A b"}]}`:                                           `offerings[0].name is "A b"; want up to 32 small letters, digits and hyphens`,
		`{"offerings":[{"provider":"aws","price_per_hour":-1}]}`:                                    "offerings[0].price_per_hour is -1; want 0 (not known) to 10000",
		`{"offerings":[{"provider":"aws","max":-1}]}`:                                               "offerings[0].max is -1; want 0 (no limit of its own) to 100000",
		`{"offerings":[{"provider":"aws","max":"2"}]}`:                                              "offerings[0].max is a string; want a whole number",
		`{"prefer":"price","offerings":[{"provider":"aws","price_per_hour":1},{"provider":"gcp"}]}`: "offerings[1].price_per_hour is missing, and prefer is price",
	} {
		_, faults := Parse([]byte(document))
		if len(faults) != 1 || faults[0].Field+" "+faults[0].Problem != want {
			t.Errorf("%s:\n got %v\nwant %s", document, faults, want)
		}
	}
}

func TestCheapestAndEmptiestAreAskedFirst(t *testing.T) {
	t.Parallel()
	three := []Offering{{Name: "a", PricePerHour: 2}, {Name: "b", PricePerHour: 1}, {Name: "c", PricePerHour: 2}}
	nodes := map[string]int{"a": 1, "b": 2}
	for prefer, want := range map[Prefer]string{ByOrder: "abc", ByPrice: "bac", ByBalance: "cab"} {
		got := ""
		for _, o := range (Template{Prefer: prefer, Offerings: three}).Order(nodes) {
			got += o.Name
		}
		if got != want {
			t.Errorf("by %s: %s, want %s", prefer, got, want)
		}
	}
	if (Offering{Max: 2}).Full(1) || !(Offering{Max: 2}).Full(2) || (Offering{}).Full(1000) {
		t.Error("Full miscounts")
	}
}

// judge is a provider that only checks.
type judge struct {
	provisioner.Provider
	faults []provisioner.FieldError
	err    error
}

func (j judge) Validate(_ context.Context, raw json.RawMessage) ([]provisioner.FieldError, error) {
	if strings.Contains(string(raw), "price_per_hour") {
		return nil, errors.New("a field that is not the provider's")
	}
	return j.faults, j.err
}

func TestEachProviderChecksItsPart(t *testing.T) {
	t.Parallel()
	document := []byte(`{"offerings":[{"provider":"good","price_per_hour":1},{"provider":"bad"},{"provider":"gone"},{"provider":"shut"}]}`)
	providers := map[string]provisioner.Provider{
		"good": judge{}, "bad": judge{faults: []provisioner.FieldError{{Field: "subnets[1]", Problem: "is gone"}, {Problem: "is empty"}}},
		"shut": judge{err: &provisioner.Error{Class: provisioner.Unauthorized, Op: "validate"}},
	}
	faults, err := Validate(t.Context(), document, providers)
	want := `[{offerings[1].subnets[1] is gone} {offerings[1] is empty} {offerings[2].provider "gone" is not known here; there is bad, good, shut. ` +
		`Others are turned on by flags of godwit-manager serve} {offerings[3].provider shut cannot check it: validate: unauthorized. ` +
		`Give the manager credentials with the rights of the provider's policy}]`
	if got := fmt.Sprint(faults); err != nil || got != want {
		t.Errorf("%v\n got %s\nwant %s", err, got, want)
	}
	providers["good"] = judge{err: &provisioner.Error{Class: provisioner.Throttled, Op: "validate"}}
	if _, err := Validate(t.Context(), document, providers); !errors.Is(err, provisioner.Throttled) || !strings.Contains(err.Error(), "offerings[0] (good)") {
		t.Errorf("while a provider cannot check: %v", err)
	}
	if faults, err := Validate(t.Context(), []byte(`[]`), providers); len(faults) != 1 || err != nil {
		t.Errorf("no template: %v, %v", faults, err)
	}
}

// Whatever somebody sends is read, or refused with a reason and its place.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"offerings":[{"provider":"aws"}]}`, `{"offerings":[null]}`, `{"offerings":[{"name":"a","provider":"b","max":1e9}]}`,
		`{"prefer":"price","offerings":[{"provider":"a","price_per_hour":1e400}]}`, `{"offerings":[{"provider":"a","Provider":"b"}]}`, `null`, `[]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, faults := Parse(raw)
		for _, fault := range faults {
			if fault.Problem == "" {
				t.Errorf("%q", fault)
			}
		}
		if len(faults) > 0 {
			return
		}
		for _, o := range m.Order(nil) {
			var fields map[string]json.RawMessage
			err := json.Unmarshal(o.Spec, &fields)
			for _, name := range own {
				if _, left := fields[name]; left || err != nil {
					t.Errorf("%s is made of %s: %v", o.Spec, raw, err)
				}
			}
		}
	})
}
