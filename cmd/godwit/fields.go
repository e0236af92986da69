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
	object, given := map[string]any{}, map[string]bool{}
	for _, arg := range args {
		name, value, found := strings.Cut(arg, "=")
		if !found || name == "" {
			return nil, usagef("%q is not FIELD=VALUE", arg)
		}
		if given[name] {
			return nil, usagef("%s is given twice", name)
		}
		given[name] = true
		var v any = value
		if json.Valid([]byte(value)) {
			v = json.RawMessage(value)
		}
		// rollout.surge is surge within rollout, whose other fields stay.
		into, path := object, strings.Split(name, ".")
		for _, outer := range path[:len(path)-1] {
			if _, known := into[outer]; !known {
				into[outer] = map[string]any{}
			}
			inner, open := into[outer].(map[string]any)
			if !open {
				return nil, usagef("%s is given twice: as a whole, and as %s", outer, name)
			}
			into = inner
		}
		last := path[len(path)-1]
		if _, twice := into[last]; twice {
			return nil, usagef("%s is given twice: as a whole, and in parts", name)
		}
		into[last] = v
	}
	return json.Marshal(object)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
