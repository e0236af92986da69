package api

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
)

// FieldChange is one field of a document that differs between two versions.
type FieldChange struct {
	Field  string `json:"field" doc:"Path in the document; lists are compared as a whole." example:"launch_limit.count"`
	Before any    `json:"before,omitempty" doc:"Absent where there was nothing."`
	After  any    `json:"after,omitempty" doc:"Absent where nothing is left."`
}

// fieldChanges compares two JSON objects field by field, in the order of the fields' names.
func fieldChanges(before, after json.RawMessage) ([]FieldChange, error) {
	old, err := object(before)
	if err != nil {
		return nil, err
	}
	next, err := object(after)
	if err != nil {
		return nil, err
	}
	return compareObjects([]FieldChange{}, "", old, next), nil
}

// object reads a JSON object with its numbers as they are written; nothing is an empty one.
func object(doc json.RawMessage) (map[string]any, error) {
	if len(doc) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	var m map[string]any
	return m, d.Decode(&m)
}

func compareObjects(out []FieldChange, path string, old, next map[string]any) []FieldChange {
	names := slices.Collect(maps.Keys(old))
	for name := range next {
		if _, both := old[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		field, a, b := join(path, name), old[name], next[name]
		inA, aIs := a.(map[string]any)
		inB, bIs := b.(map[string]any)
		switch {
		case aIs && bIs, aIs && b == nil, bIs && a == nil:
			out = compareObjects(out, field, inA, inB)
		case !sameValue(a, b):
			out = append(out, FieldChange{Field: field, Before: a, After: b})
		}
	}
	return out
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// sameValue takes 1 and 1.0 for the same number: the store writes numbers its own way.
func sameValue(a, b any) bool {
	x, isNumber := a.(json.Number)
	y, both := b.(json.Number)
	if !isNumber || !both {
		return reflect.DeepEqual(a, b)
	}
	if x == y {
		return true
	}
	f, err := x.Float64()
	g, errOther := y.Float64()
	return err == nil && errOther == nil && f == g
}
