package providertest

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/godwit/godwit/provisioner"
)

// HasFields checks that fields which a provider blames, "zones[1]" or
// "node.max_sessions", are such as its templates have: at others no form can
// show what is wrong. empty makes a pointer to its Spec.
func HasFields(t *testing.T, empty func() any, fields ...string) {
	t.Helper()
	for _, field := range fields {
		top := field
		if end := strings.IndexAny(field, ".["); end >= 0 {
			top = field[:end]
		}
		document, err := json.Marshal(map[string]any{top: nil}) // null fits all types
		if err != nil {
			t.Fatal(err)
		}
		if faults := provisioner.DecodeTemplate(document, empty(), "this template"); len(faults) > 0 {
			t.Errorf("%q is blamed: %s %s", field, faults[0].Field, faults[0].Problem)
		}
	}
}

// Blamed checks that the faults of a template, in whichever order, are at the
// wanted fields, and that each says what is wrong.
func Blamed(t *testing.T, empty func() any, faults []provisioner.FieldError, want []string) {
	t.Helper()
	var blamed []string
	for _, fault := range faults {
		blamed = append(blamed, fault.Field)
		if fault.Problem == "" {
			t.Errorf("a fault of %q without a reason", fault.Field)
		}
	}
	slices.Sort(blamed)
	wanted := slices.Sorted(slices.Values(want))
	if got := slices.Compact(blamed); !slices.Equal(got, wanted) {
		t.Errorf("blamed:\n %v\nwant\n %v", got, wanted)
	}
	HasFields(t, empty, blamed...)
}

// Effects checks what changes of fields mean, and that templates have these
// fields.
func Effects(t *testing.T, empty func() any, effect func(field string) provisioner.Effect, want map[string]provisioner.Effect) {
	t.Helper()
	for field, is := range want {
		if got := effect(field); got != is {
			t.Errorf("%s: %s, want %s", field, got, is)
		}
		HasFields(t, empty, field)
	}
}
