package manifest

import (
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

//go:generate go test -run TestSchemasAreCommitted -update .

//go:embed schema/*.json
var files embed.FS

// Schema returns the JSON Schema (2020-12) of a kind of document. It is made
// from the Go types that the manager reads them with.
func Schema(k Kind) ([]byte, error) {
	b, err := files.ReadFile("schema/" + strings.ToLower(string(k)) + ".json")
	if err != nil {
		return nil, fmt.Errorf("there is no kind %q; there are %v", k, Kinds())
	}
	return b, nil
}

// schema is the part of JSON Schema that ours are written in.
type schema struct {
	Ref         string             `json:"$ref,omitempty"`
	Schema      string             `json:"$schema,omitempty"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description,omitempty"`
	Type        string             `json:"type,omitempty"`
	Const       string             `json:"const,omitempty"`
	Enum        []string           `json:"enum,omitempty"`
	Pattern     string             `json:"pattern,omitempty"`
	Minimum     *float64           `json:"minimum,omitempty"`
	Maximum     *float64           `json:"maximum,omitempty"`
	Items       *schema            `json:"items,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	// Closed is false where no other field may be; absent where any may.
	Closed any                `json:"additionalProperties,omitempty"`
	AllOf  []*choice          `json:"allOf,omitempty"`
	Defs   map[string]*schema `json:"$defs,omitempty"`
}

// choice narrows an object by what another field of it says.
type choice struct {
	If   *schema `json:"if"`
	Then *schema `json:"then"`
}

func (c *choice) applies(texts map[string]string) bool {
	for name, p := range c.If.Properties {
		if texts[name] != p.Const {
			return false
		}
	}
	return true
}

var parsed = sync.OnceValue(func() map[Kind]*schema {
	all := map[Kind]*schema{}
	for _, k := range Kinds() {
		b, err := Schema(k)
		if err != nil {
			panic(err) // the build leaves none out
		}
		s := &schema{}
		if err := json.Unmarshal(b, s); err != nil {
			panic(err)
		}
		all[k] = s
	}
	return all
})

// fields are the schemas of an object's fields, given the texts in it.
func (s *schema) fields(texts map[string]string) map[string]*schema {
	out := make(map[string]*schema, len(s.Properties))
	for name, p := range s.Properties {
		out[name] = p
	}
	for _, c := range s.AllOf {
		if !c.applies(texts) {
			continue
		}
		for name, p := range c.Then.Properties {
			out[name] = p
		}
	}
	return out
}

// Fields are the names of the fields of the object at path, below the specification of
// a kind of document; nil where there is no such object, or where any field may be.
func Fields(k Kind, path ...string) []string {
	s := parsed()[k]
	for _, name := range append([]string{"spec"}, path...) {
		if s == nil {
			return nil
		}
		if s.Items != nil {
			s = s.Items
		}
		s = s.Properties[name]
	}
	if s != nil && s.Items != nil {
		s = s.Items
	}
	if s == nil || len(s.Properties) == 0 {
		return nil
	}
	return slices.Sorted(maps.Keys(s.Properties))
}
