package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxDocument bounds a policy document in bytes; real ones take under 4 KiB.
const maxDocument = 1 << 20

// Parse reads a policy from JSON. Fields that are absent keep their [Default];
// unknown and repeated fields, values of the wrong type, trailing data and
// invalid policies are refused with an error that names the field. A refused
// value is a [FieldErrors] where the document itself was well-formed.
func Parse(data []byte) (Policy, error) {
	if len(data) > maxDocument {
		return Policy{}, fmt.Errorf("policy document is %d bytes long, more than %d", len(data), maxDocument)
	}
	if err := refuseRepeated(data); err != nil {
		return Policy{}, err
	}
	p := Default()
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return Policy{}, explainDecode(err)
	}
	if p.Schedules == nil {
		p.Schedules = []Schedule{}
	}
	if err := p.Validate(); err != nil {
		return Policy{}, err
	}
	return p, nil
}

// refuseRepeated walks the document once: encoding/json lets the last of two
// equal fields win silently, and takes fields of any case; in a policy both
// are mistakes that an operator wants to hear of.
func refuseRepeated(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	first, err := d.Token()
	if err != nil {
		return explainDecode(err)
	}
	if first != json.Delim('{') {
		return errors.New("a policy must be a JSON object")
	}
	if err := walkObject(d, ""); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("the policy document goes on after its end; give one JSON object")
	}
	return nil
}

func walkObject(d *json.Decoder, path string) error {
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return explainDecode(err)
		}
		key, ok := t.(string)
		if !ok {
			return fmt.Errorf("field name %v in %s is not a string", t, path)
		}
		field := strings.TrimPrefix(path+"."+key, ".")
		if key != strings.ToLower(key) {
			return FieldErrors{{Field: field, Problem: "unknown field; names are lower case"}}
		}
		if seen[key] {
			return FieldErrors{{Field: field, Problem: "is given twice"}}
		}
		seen[key] = true
		if err := walkValue(d, field); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return explainDecode(err)
}

func walkValue(d *json.Decoder, path string) error {
	t, err := d.Token()
	if err != nil {
		return explainDecode(err)
	}
	switch t {
	case json.Delim('{'):
		return walkObject(d, path)
	case json.Delim('['):
		for i := 0; d.More(); i++ {
			if err := walkValue(d, fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
		_, err := d.Token()
		return explainDecode(err)
	case nil:
		return FieldErrors{{Field: path, Problem: "is null; leave it out for the default"}}
	}
	return nil
}

// explainDecode says in an operator's words what encoding/json found.
func explainDecode(err error) error {
	if err == nil {
		return nil
	}
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		return FieldErrors{{Field: wrongType.Field, Problem: fmt.Sprintf("is a %s; want %s", wrongType.Value, typeWord(wrongType.Type.Kind().String()))}}
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return FieldErrors{{Field: strings.Trim(name, `"`), Problem: "unknown field"}}
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the policy document ends too early")
	}
	return fmt.Errorf("policy document: %w", err)
}

func typeWord(kind string) string {
	switch kind {
	case "int":
		return "a whole number"
	case "float64":
		return "a number"
	case "bool":
		return "true or false"
	case "struct":
		return "an object"
	case "slice":
		return "a list"
	}
	return "a " + kind
}
