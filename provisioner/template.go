package provisioner

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// DecodeTemplate reads a template's specification strictly into a provider's
// own form, a pointer to a struct: a field that is not known is refused, since a
// misspelt cap is a node without one. kind says what is read, "an aws template".
// nil means that it was read; its values are the provider's to check.
func DecodeTemplate(raw json.RawMessage, into any, kind string) []FieldError {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return []FieldError{decodeFault(err, raw, reflect.TypeOf(into).Elem(), kind)}
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return []FieldError{{Problem: "there is something after the JSON object: remove it"}}
	}
	return nil
}

// decodeFault names the field of a JSON error where the decoder knows it.
func decodeFault(err error, raw json.RawMessage, form reflect.Type, kind string) FieldError {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return FieldError{Field: pathOf(form, wrong.Field), Problem: fmt.Sprintf("is %s; want %s", given(wrong.Value), wordFor(wrong.Type))}
	}
	if strings.HasPrefix(err.Error(), "json: unknown field ") {
		if path, known := unknownField(raw, form, ""); path != "" {
			return FieldError{Field: path, Problem: "is not a field of " + kind + ": " + strings.Join(known, ", ") + " are"}
		}
	}
	return FieldError{Problem: "is not a JSON object: " + err.Error()}
}

// pathOf drops from a decoder's path the Go names of embedded structs, which no
// document has.
func pathOf(form reflect.Type, path string) string {
	steps := strings.Split(path, ".")
	kept := steps[:0]
	for _, step := range steps {
		if form.Kind() != reflect.Struct {
			kept = append(kept, step)
			continue
		}
		if embedded, ok := form.FieldByName(step); ok && embedded.Anonymous {
			form = embedded.Type
			continue
		}
		kept = append(kept, step)
		for _, field := range documentFields(form) {
			if field.name == step {
				form = field.form
				break
			}
		}
	}
	return strings.Join(kept, ".")
}

// unknownField finds the first field of a document that its form does not have,
// and which it has there. The decoder tells the name and not where it stands.
func unknownField(raw json.RawMessage, form reflect.Type, under string) (path string, known []string) {
	var document map[string]json.RawMessage
	if form.Kind() != reflect.Struct || json.Unmarshal(raw, &document) != nil {
		return "", nil
	}
	fields := documentFields(form)
	for _, name := range slices.Sorted(maps.Keys(document)) {
		i := slices.IndexFunc(fields, func(f documentField) bool { return strings.EqualFold(f.name, name) })
		if i < 0 {
			for _, f := range fields {
				known = append(known, under+f.name)
			}
			return under + name, known
		}
		if path, known = unknownField(document[name], fields[i].form, under+fields[i].name+"."); path != "" {
			return path, known
		}
	}
	return "", nil
}

// documentField is a field as documents have it.
type documentField struct {
	name string
	form reflect.Type
}

// documentFields are a struct's that a document may have, those of embedded structs behind its own.
func documentFields(form reflect.Type) []documentField {
	var own, embedded []documentField
	for i := range form.NumField() {
		f := form.Field(i)
		if f.Anonymous {
			embedded = append(embedded, documentFields(f.Type)...)
			continue
		}
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "-" {
			own = append(own, documentField{name, f.Type})
		}
	}
	return append(own, embedded...)
}

// wordFor says what a document has where the form has this type.
func wordFor(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "text in quotes"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "a list"
	default:
		return "an object"
	}
}

// given says what a document has: the decoder's word, with its article and, of
// a number that does not fit, with the number.
func given(value string) string {
	if strings.ContainsAny(value[:1], "aeiou") {
		return "an " + value
	}
	return "a " + value
}
