package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Limits of what is read: far above what anybody writes by hand.
const (
	maxFile  = 4 << 20
	maxDepth = 32
)

// Read reads the documents of one file; name is for faults. The error, if any,
// is [Faults].
func Read(name string, content []byte) ([]Document, error) {
	if len(content) > maxFile {
		return nil, Faults{{File: name, Problem: fmt.Sprintf("is %d bytes long, more than %d", len(content), maxFile)}}
	}
	var docs []Document
	var faults Faults
	dec := yaml.NewDecoder(bytes.NewReader(content))
	for {
		var n yaml.Node
		err := dec.Decode(&n)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, append(faults, syntax(name, err))
		}
		if len(n.Content) == 0 || n.Content[0].Tag == "!!null" {
			continue // an empty document between two marks
		}
		d, wrong := document(name, n.Content[0])
		docs, faults = append(docs, d), append(faults, wrong...)
	}
	switch {
	case len(faults) > 0:
		return nil, faults
	case len(docs) == 0:
		return nil, Faults{{File: name, Problem: "holds no document"}}
	}
	return docs, nil
}

// syntax takes the line out of the library's message.
func syntax(name string, err error) Fault {
	f := Fault{File: name, Problem: strings.TrimPrefix(err.Error(), "yaml: ")}
	if _, scan := fmt.Sscanf(f.Problem, "line %d:", &f.Line); scan == nil {
		_, f.Problem, _ = strings.Cut(f.Problem, ": ")
	}
	f.Problem = "is not YAML or JSON: " + f.Problem
	return f
}

func document(file string, n *yaml.Node) (Document, Faults) {
	d := Document{File: file, Line: n.Line}
	c := &checker{file: file}
	if n.Kind != yaml.MappingNode {
		c.fault(n, "", "is no document: write kind: and what it describes")
		return d, c.faults
	}
	d.Kind = Kind(word(n, "kind"))
	root := parsed()[d.Kind]
	if root == nil {
		c.kind(n, string(d.Kind))
		return d, c.faults
	}
	c.defs = root.Defs
	raw, err := json.Marshal(c.value(n, root, "", 0))
	if err != nil || len(c.faults) > 0 {
		return d, c.faults
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		c.fault(n, "", err.Error())
	}
	return d, c.faults
}

func (c *checker) kind(n *yaml.Node, kind string) {
	names := make([]string, 0, len(Kinds()))
	for _, k := range Kinds() {
		names = append(names, string(k))
	}
	at := n
	if v := child(n, "kind"); v != nil {
		at = v
	}
	if kind == "" {
		c.fault(at, "kind", "is missing; want one of "+strings.Join(names, ", "))
		return
	}
	c.fault(at, "kind", fmt.Sprintf("%q is not known%s; want one of %s", kind, suggestion(kind, names), strings.Join(names, ", ")))
}

// child is the value of a field of a mapping.
func child(n *yaml.Node, name string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

// word is the text of a field of a mapping.
func word(n *yaml.Node, name string) string {
	if v := child(n, name); v != nil && v.Kind == yaml.ScalarNode {
		return v.Value
	}
	return ""
}
