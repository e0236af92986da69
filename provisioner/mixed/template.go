package mixed

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/godwit/godwit/provisioner"
)

// Name is what templates call the provider.
const Name = "mixed"

// Prefer says which offering is asked first: a closed set.
type Prefer string

// The preferences.
const (
	// ByOrder asks in the order of the template; the default.
	ByOrder Prefer = "order"
	// ByPrice asks the cheapest first.
	ByPrice Prefer = "price"
	// ByBalance asks first where the cluster has the fewest nodes.
	ByBalance Prefer = "balance"
)

// Spec is a template of the provider mixed.
type Spec struct {
	Provider string `json:"provider"`
	// Prefer says which offering is asked first: order, the one that stands first;
	// price, the cheapest; balance, the one with the fewest nodes. Absent: order.
	Prefer Prefer `json:"prefer"`
	// Offerings are ways to have a node: each names its provider, and beside name,
	// price_per_hour and max holds that provider's own specification.
	Offerings []json.RawMessage `json:"offerings"`
}

// Offering is one way to have a node. In a document its fields stand beside those
// of the provider's own specification.
type Offering struct {
	// Name by which the cluster knows it, other than that of all others; absent: the
	// provider.
	Name string `json:"name"`
	// Provider is who launches it.
	Provider string `json:"provider"`
	// PricePerHour of a node, in any one currency; needed where prefer is price.
	PricePerHour float64 `json:"price_per_hour"`
	// Max is the most nodes that a cluster has of it; 0: as many as the policy wants.
	Max int `json:"max"`
	// Spec is the rest, which is the provider's to read.
	Spec json.RawMessage `json:"-"`
}

// own are the fields of Offering. No provider's specification has others of these
// names than provider, which says the same there.
var own = []string{"name", "provider", "price_per_hour", "max"}

// Template is a Spec that was read.
type Template struct {
	Prefer    Prefer
	Offerings []Offering
}

// Bounds of a template: beyond them is a slip of the keyboard.
const (
	maxOfferings = 16
	maxPrice     = 10_000
	maxNodes     = 100_000
)

var offeringName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)

// Parse reads a template strictly and fills its defaults in. What the providers
// make of their part is not looked at. With faults the template is of no use.
func Parse(raw json.RawMessage) (Template, []provisioner.FieldError) {
	var s Spec
	if faults := provisioner.DecodeTemplate(raw, &s, "a mixed template"); faults != nil {
		return Template{}, faults
	}
	t := Template{Prefer: s.Prefer}
	if t.Prefer == "" {
		t.Prefer = ByOrder
	}
	var f provisioner.Faults
	f.Provider(s.Provider, Name)
	f.OneOf("prefer", string(t.Prefer), string(ByOrder), string(ByPrice), string(ByBalance))
	if len(s.Offerings) == 0 || len(s.Offerings) > maxOfferings {
		f.Add("offerings", "has %d entries; want 1 to %d", len(s.Offerings), maxOfferings)
		return t, f
	}
	for i, part := range s.Offerings {
		o, faults := read(part)
		for _, fault := range faults {
			f = append(f, provisioner.FieldError{Field: Under(i, fault.Field), Problem: fault.Problem})
		}
		if faults != nil {
			continue
		}
		t.check(&f, Under(i, ""), o)
		t.Offerings = append(t.Offerings, o)
	}
	return t, f
}

// read splits an offering into its own fields and the provider's. A field is
// its own by its very letters: JSON that Go reads takes Name for name.
func read(part json.RawMessage) (Offering, []provisioner.FieldError) {
	var o Offering
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(part, &fields); err != nil || fields == nil {
		return o, []provisioner.FieldError{{Problem: "is not a JSON object with a provider and its specification"}}
	}
	ours := map[string]json.RawMessage{}
	for _, name := range own {
		if value, ok := fields[name]; ok {
			ours[name] = value
			delete(fields, name)
		}
	}
	if faults := provisioner.DecodeTemplate(encode(ours), &o, "an offering"); faults != nil {
		return o, faults
	}
	if o.Name == "" {
		o.Name = o.Provider
	}
	o.Spec = encode(fields)
	return o, nil
}

// encode writes fields in order of name: always the same bytes.
func encode(fields map[string]json.RawMessage) json.RawMessage {
	raw, err := json.Marshal(fields)
	if err != nil {
		panic(err) // they were just read from JSON
	}
	return raw
}

func (t Template) check(f *provisioner.Faults, at string, o Offering) {
	switch {
	case o.Provider == "":
		f.Add(at+".provider", "is missing: say who launches it")
	case o.Provider == Name:
		f.Add(at+".provider", "is %q; an offering is of one provider", Name)
	case !offeringName.MatchString(o.Name):
		f.Add(at+".name", "is %q; want up to 32 small letters, digits and hyphens", o.Name)
	}
	for i, other := range t.Offerings {
		if other.Name == o.Name {
			f.Add(at+".name", "is %q as that of offerings[%d]: give each a name of its own", o.Name, i)
		}
	}
	if o.PricePerHour < 0 || o.PricePerHour > maxPrice {
		f.Add(at+".price_per_hour", "is %g; want 0 (not known) to %d", o.PricePerHour, maxPrice)
	}
	if t.Prefer == ByPrice && o.PricePerHour == 0 {
		f.Add(at+".price_per_hour", "is missing, and prefer is price")
	}
	f.Between(at+".max", o.Max, 0, maxNodes, "no limit of its own")
}

// Under is the path of an offering's field in the document.
func Under(index int, field string) string {
	at := fmt.Sprintf("offerings[%d]", index)
	if field == "" {
		return at
	}
	return at + "." + strings.TrimPrefix(field, ".")
}
