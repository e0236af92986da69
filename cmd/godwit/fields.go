package main

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// fields reads FIELD=VALUE arguments, or a file, into one JSON object. A value
// that is JSON is taken as such, anything else as text.
func (a *app) fields(args []string, file string) (json.RawMessage, error) {
	if file != "" {
		if len(args) > 0 {
			return nil, usagef("give fields or --file, not both")
		}
		return a.document(file)
	}
	if len(args) == 0 {
		return nil, usagef("nothing to change: give FIELD=VALUE, or -f FILE")
	}
	object := map[string]json.RawMessage{}
	for _, arg := range args {
		name, value, found := strings.Cut(arg, "=")
		if !found || name == "" {
			return nil, usagef("%q is not FIELD=VALUE", arg)
		}
		if _, twice := object[name]; twice {
			return nil, usagef("%s is given twice", name)
		}
		if json.Valid([]byte(value)) {
			object[name] = json.RawMessage(value)
			continue
		}
		text, err := json.Marshal(value)
		if err != nil {
			return nil, usageError{err}
		}
		object[name] = text
	}
	return json.Marshal(object)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
