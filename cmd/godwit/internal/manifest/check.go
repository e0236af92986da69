package manifest

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// checker turns YAML into JSON values and notes what does not fit the schema.
type checker struct {
	file   string
	defs   map[string]*schema
	faults Faults
}

func (c *checker) fault(n *yaml.Node, field, problem string) {
	c.faults = append(c.faults, Fault{File: c.file, Line: n.Line, Field: field, Problem: problem})
}

// value is a node as JSON. A nil schema takes anything.
func (c *checker) value(n *yaml.Node, s *schema, field string, depth int) any {
	if s != nil && s.Ref != "" {
		s = c.def(s.Ref)
	}
	s = c.narrowed(n, s)
	switch {
	case depth > maxDepth:
		c.fault(n, field, "is nested too deeply")
		return nil
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		c.fault(n, field, "anchors and aliases are not taken here: write it out")
		return nil
	case n.Kind == yaml.MappingNode:
		return c.object(n, s, field, depth)
	case n.Kind == yaml.SequenceNode:
		return c.list(n, s, field, depth)
	}
	return c.scalar(n, s, field)
}

func (c *checker) def(ref string) *schema { return c.defs[strings.TrimPrefix(ref, "#/$defs/")] }

// narrowed is the schema that an object's own fields choose in place of a wide
// one, as an offering's provider does.
func (c *checker) narrowed(n *yaml.Node, s *schema) *schema {
	if s == nil || n.Kind != yaml.MappingNode {
		return s
	}
	for _, choice := range s.AllOf {
		if choice.Then.Ref != "" && choice.applies(texts(n)) {
			return c.def(choice.Then.Ref)
		}
	}
	return s
}

func (c *checker) object(n *yaml.Node, s *schema, field string, depth int) any {
	if !c.is(n, s, field, "object") {
		return nil
	}
	var known map[string]*schema
	if s != nil {
		known = s.fields(texts(n))
	}
	out := map[string]any{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		name, path := key.Value, join(field, key.Value)
		p, isKnown := known[name]
		_, twice := out[name]
		switch {
		case key.Kind != yaml.ScalarNode || key.Tag == "!!merge":
			c.fault(key, field, "a field's name must be a word")
		case twice:
			c.fault(key, path, "is given twice")
		case !isKnown && s != nil && s.Closed == false:
			names := slices.Sorted(maps.Keys(known))
			c.fault(key, path, "unknown field"+suggestion(name, names)+hint(name, names))
		default:
			out[name] = c.value(value, p, path, depth+1)
		}
	}
	if s == nil {
		return out
	}
	for _, name := range s.Required {
		if _, given := out[name]; !given {
			c.fault(n, join(field, name), "is missing")
		}
	}
	return out
}

// texts are the fields of a mapping that are plain text.
func texts(n *yaml.Node) map[string]string {
	out := map[string]string{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i+1].Kind == yaml.ScalarNode {
			out[n.Content[i].Value] = n.Content[i+1].Value
		}
	}
	return out
}

func (c *checker) list(n *yaml.Node, s *schema, field string, depth int) any {
	if !c.is(n, s, field, "array") {
		return nil
	}
	out := []any{}
	var items *schema
	if s != nil {
		items = s.Items
	}
	for i, item := range n.Content {
		out = append(out, c.value(item, items, fmt.Sprintf("%s[%d]", field, i), depth+1))
	}
	return out
}

func (c *checker) scalar(n *yaml.Node, s *schema, field string) any {
	v, kind := plain(n)
	if kind == "" {
		c.fault(n, field, fmt.Sprintf("%q is no value that JSON has", n.Value))
		return nil
	}
	if s == nil {
		return v
	}
	if s.Type == "string" && (kind == "integer" || kind == "number") && n.Style == 0 {
		c.fault(n, field, "is a number; want text: put it in quotes")
		return nil
	}
	if !c.is(n, s, field, kind) {
		return nil
	}
	switch value := v.(type) {
	case string:
		c.text(n, s, field, value)
	case json.Number:
		f, err := value.Float64()
		if err == nil {
			c.bounds(n, s, field, f)
		}
	}
	return v
}

func (c *checker) text(n *yaml.Node, s *schema, field, v string) {
	switch {
	case s.Const != "" && v != s.Const:
		c.fault(n, field, fmt.Sprintf("is %q; want %q", v, s.Const))
	case len(s.Enum) > 0 && !slices.Contains(s.Enum, v):
		c.fault(n, field, fmt.Sprintf("%q is none of %s%s", v, strings.Join(s.Enum, ", "), suggestion(v, s.Enum)))
	case s.Pattern != "":
		if ok, err := regexp.MatchString(s.Pattern, v); err == nil && !ok {
			c.fault(n, field, fmt.Sprintf("%q does not match %s", v, s.Pattern))
		}
	}
}

func (c *checker) bounds(n *yaml.Node, s *schema, field string, v float64) {
	if s.Minimum != nil && v < *s.Minimum || s.Maximum != nil && v > *s.Maximum {
		low, high := "", ""
		if s.Minimum != nil {
			low = " from " + number(*s.Minimum)
		}
		if s.Maximum != nil {
			high = " to " + number(*s.Maximum)
		}
		c.fault(n, field, fmt.Sprintf("is %s; want a number%s%s", n.Value, low, high))
	}
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// is notes a value of a type that the schema does not allow.
func (c *checker) is(n *yaml.Node, s *schema, field, kind string) bool {
	if s == nil || s.Type == "" || s.Type == kind || s.Type == "number" && kind == "integer" {
		return true
	}
	c.fault(n, field, fmt.Sprintf("is %s; want %s", article(kind), article(s.Type)))
	return false
}

func article(kind string) string {
	switch kind {
	case "object":
		return "a group of fields"
	case "array":
		return "a list"
	case "integer":
		return "a whole number"
	case "boolean":
		return "true or false"
	case "string":
		return "text"
	case "null":
		return "nothing"
	}
	return "a " + kind
}

// plain is a scalar as JSON has it and its type; "" where JSON has no such value.
func plain(n *yaml.Node) (any, string) {
	switch n.ShortTag() {
	case "!!null":
		return nil, "null"
	case "!!bool":
		var b bool
		if n.Decode(&b) != nil {
			return nil, ""
		}
		return b, "boolean"
	case "!!int":
		var i int64
		if n.Decode(&i) != nil {
			return nil, ""
		}
		return json.Number(strconv.FormatInt(i, 10)), "integer"
	case "!!float":
		var f float64
		if n.Decode(&f) != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, ""
		}
		if f == math.Trunc(f) && math.Abs(f) < 1e15 {
			return json.Number(strconv.FormatFloat(f, 'f', -1, 64)), "integer"
		}
		return json.Number(strconv.FormatFloat(f, 'g', -1, 64)), "number"
	case "!!str", "!!timestamp":
		return n.Value, "string"
	}
	return nil, ""
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
