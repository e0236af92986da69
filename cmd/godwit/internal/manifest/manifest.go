package manifest

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Kind says what a document describes.
type Kind string

// The kinds, in the order in which they are applied: what others refer to first.
const (
	Template      Kind = "Template"
	Policy        Kind = "Policy"
	Configuration Kind = "Configuration"
)

// Kinds are all of them, in the order in which they are applied.
func Kinds() []Kind { return []Kind{Template, Policy, Configuration} }

// Document is one thing as it shall be.
type Document struct {
	Kind Kind `json:"kind" yaml:"kind"`
	// Name of a template.
	Name string `json:"name,omitempty" yaml:"name,omitempty"`
	// Cluster whose policy or configuration it is.
	Cluster string `json:"cluster,omitempty" yaml:"cluster,omitempty"`
	// Provider of a template.
	Provider string          `json:"provider,omitempty" yaml:"provider,omitempty"`
	Spec     json.RawMessage `json:"spec" yaml:"-"`

	// File and Line are where it begins.
	File string `json:"-" yaml:"-"`
	Line int    `json:"-" yaml:"-"`
}

// Subject is the name of what the document describes.
func (d Document) Subject() string {
	if d.Kind == Template {
		return d.Name
	}
	return d.Cluster
}

// Fault is one thing that is wrong with a file.
type Fault struct {
	File    string
	Line    int
	Field   string // path in the document; "" for the whole
	Problem string
}

func (f Fault) String() string {
	where := f.File
	if f.Line > 0 {
		where = fmt.Sprintf("%s:%d", f.File, f.Line)
	}
	if f.Field != "" {
		return where + ": " + f.Field + ": " + f.Problem
	}
	return where + ": " + f.Problem
}

// Faults are everything that is wrong, in the order of the files.
type Faults []Fault

// Error has one line for each.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}
