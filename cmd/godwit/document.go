package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"go.yaml.in/yaml/v3"
)

// document reads a JSON or YAML file; - is stdin. YAML is a superset of JSON,
// so one reader serves both.
func (a *app) document(file string) (json.RawMessage, error) {
	var b []byte
	var err error
	if file == "-" {
		b, err = io.ReadAll(io.LimitReader(a.in, 1<<20))
	} else {
		b, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, usageError{err}
	}
	return toJSON(b, file)
}

// inlineOrFile takes one of two flags.
func (a *app) inlineOrFile(inline, file string) (json.RawMessage, error) {
	switch {
	case inline != "" && file != "":
		return nil, usagef("--spec and --file exclude each other")
	case file != "":
		spec, err := a.document(file)
		if err != nil {
			return nil, err
		}
		var document struct {
			Kind string          `json:"kind"`
			Spec json.RawMessage `json:"spec"`
		}
		if json.Unmarshal(spec, &document) == nil && document.Kind != "" && document.Spec != nil {
			return nil, usagef("%s is a whole document of kind %s: godwit apply -f %s takes it; --file is for what stands below its spec", file, document.Kind, file)
		}
		return spec, nil
	case inline != "":
		return toJSON([]byte(inline), "--spec")
	}
	return json.RawMessage("{}"), nil
}

func toJSON(b []byte, name string) (json.RawMessage, error) {
	var v map[string]any
	if err := yaml.Unmarshal(b, &v); err != nil {
		return nil, usagef("%s: %v", name, err)
	}
	if v == nil {
		return nil, usagef("%s: is empty", name)
	}
	out, err := json.Marshal(v)
	if err != nil {
		return nil, usageError{fmt.Errorf("%s: %w", name, err)}
	}
	return out, nil
}
