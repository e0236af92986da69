package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// unstorable finds the first text in an operation's input that the state store has no way to keep, and names it as
// problems do; "" when there is none.
func unstorable(in any) (location string) {
	v := reflect.Indirect(reflect.ValueOf(in))
	for f, field := range v.Fields() {
		if f.Anonymous {
			location = unstorable(field.Interface())
		} else if at := sentAs(f); at != "" {
			location = textIn(field, at)
		}
		if location != "" {
			return location
		}
	}
	return ""
}

// sentAs is where a field of an input comes from.
func sentAs(f reflect.StructField) string {
	if f.Name == "Body" {
		return "body"
	}
	for _, place := range []string{"path", "query", "header", "cookie"} {
		if name, _, _ := strings.Cut(f.Tag.Get(place), ","); name != "" {
			return place + "." + name
		}
	}
	return ""
}

// textIn looks through a value of any form.
func textIn(v reflect.Value, at string) string {
	if raw, ok := reflect.TypeAssert[json.RawMessage](v); ok {
		if !utf8.Valid(raw) {
			return at // the parser would replace it
		}
		var document any
		if json.Unmarshal(raw, &document) != nil || document == nil {
			return "" // not text, whatever else is wrong with it
		}
		return textIn(reflect.ValueOf(document), at)
	}
	switch v.Kind() {
	case reflect.String:
		if s := v.String(); !utf8.ValidString(s) || strings.Contains(s, "\x00") {
			return at
		}
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			return textIn(v.Elem(), at)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if found := textIn(v.Index(i), fmt.Sprintf("%s[%d]", at, i)); found != "" {
				return found
			}
		}
	case reflect.Map:
		values := map[string]reflect.Value{}
		for k, x := range v.Seq2() {
			values[k.String()] = x
		}
		for _, name := range slices.Sorted(maps.Keys(values)) {
			if found := textIn(reflect.ValueOf(name), at); found != "" {
				return found
			}
			if found := textIn(values[name], at+"."+name); found != "" {
				return found
			}
		}
	case reflect.Struct:
		for f, field := range v.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if !f.IsExported() || name == "-" {
				continue
			}
			below := at + "." + name
			if name == "" { // embedded: its fields stand beside the others
				below = at
			}
			if found := textIn(field, below); found != "" {
				return found
			}
		}
	}
	return ""
}

// readJSON is json.Unmarshal whose errors speak of what was sent, not of Go.
func readJSON(data []byte, into any) error {
	err := json.Unmarshal(data, into)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if number, is := strings.CutPrefix(wrong.Value, "number "); is {
			return fmt.Errorf("%s is out of range%s", number, of(wrong.Field))
		}
		return fmt.Errorf("a %s is not what belongs there%s", wrong.Value, of(wrong.Field))
	}
	if wrong, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("this is not JSON: %w, at byte %d", wrong, wrong.Offset)
	}
	return err
}

func of(field string) string {
	if field == "" {
		return ""
	}
	return ", in " + field
}
