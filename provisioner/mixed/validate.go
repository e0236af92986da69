package mixed

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/godwit/godwit/provisioner"
)

// Validate checks a template and has every offering checked by its provider; a
// fault's field begins with the offering's place: "offerings[1].subnets". The
// error is about the check itself, as a Provider's is; it names the offering. An
// offering whose provider refuses the manager's credentials has that as its fault.
func Validate(ctx context.Context, raw json.RawMessage, providers map[string]provisioner.Provider) ([]provisioner.FieldError, error) {
	t, faults := Parse(raw)
	if len(faults) > 0 {
		return faults, nil
	}
	var f provisioner.Faults
	for i, o := range t.Offerings {
		p := providers[o.Provider]
		if p == nil {
			f.Add(Under(i, "provider"), "%q is not known here; there is %s. Others are turned on by flags of godwit-manager serve",
				o.Provider, strings.Join(slices.Sorted(maps.Keys(providers)), ", "))
			continue
		}
		found, err := p.Validate(ctx, o.Spec)
		switch {
		case provisioner.ClassOf(err) == provisioner.Unauthorized && !provisioner.Interrupted(err):
			f.Add(Under(i, "provider"), "%s cannot check it: %v. Give the manager credentials with the rights of the provider's policy", o.Provider, err)
		case err != nil:
			return nil, fmt.Errorf("%s (%s): %w", Under(i, ""), o.Provider, err)
		}
		for _, fault := range found {
			f = append(f, provisioner.FieldError{Field: Under(i, fault.Field), Problem: fault.Problem})
		}
	}
	return f, nil
}
