package provisioner

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// DecodeTemplate reads a template's specification strictly into a provider's
// own form: a field that is not known is refused, since a misspelt cap is a node
// without one. known completes "is not a field of …" with what there is. nil
// means that it was read; its values are the provider's to check.
func DecodeTemplate(raw json.RawMessage, into any, known string) []FieldError {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return []FieldError{decodeFault(err, known)}
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return []FieldError{{Problem: "there is something after the JSON object: remove it"}}
	}
	return nil
}

// decodeFault names the field of a JSON error where the decoder knows it.
func decodeFault(err error, known string) FieldError {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return FieldError{Field: wrong.Field, Problem: fmt.Sprintf("is a %s; want a %s", wrong.Value, wrong.Type)}
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return FieldError{Field: strings.Trim(name, `"`), Problem: "is not a field of " + known}
	}
	return FieldError{Problem: "is not a JSON object: " + err.Error()}
}
