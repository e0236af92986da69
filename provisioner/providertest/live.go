package providertest

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/godwit/godwit/provisioner"
)

// liveWithin is the longest that a cloud takes for any change: Azure starts what
// it deallocated in some minutes.
const liveWithin = 8 * time.Minute

// Live puts a provider through the contract in a real account, whose machines
// cost money while it runs: some forty are launched, each for minutes. variable
// names the environment variable with the path of a template's spec, in JSON; the
// test is skipped without. open is called for every manager that the suite plays.
// What the suite launches carries an installation of its own, and is ended in any
// case; more names further variables that open needs.
func Live(t *testing.T, variable string, open func(*testing.T) provisioner.Provider, more ...string) {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		t.Skip("no account here: set " + variable + " to the path of a template's spec (JSON) in an account of yours, and make test-live; docs/clouds.md has what it costs")
	}
	for _, name := range more {
		if os.Getenv(name) == "" {
			t.Fatalf("%s is set and %s is not", variable, name)
		}
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	var spec map[string]any
	if err := json.Unmarshal(raw, &spec); err != nil {
		t.Fatalf("%s: %s is no JSON: %v", variable, path, err)
	}
	with := func(field string, value any) json.RawMessage {
		changed := map[string]any{}
		for name, was := range spec {
			changed[name] = was
		}
		changed[field] = value
		raw, err := json.Marshal(changed)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	if faults, err := open(t).Validate(t.Context(), raw); err != nil || len(faults) > 0 {
		t.Fatalf("the account does not take %s: %v, %v", path, faults, err)
	}
	Run(t, func(t *testing.T) Harness {
		t.Helper()
		return Harness{
			Provider: open(t), Reopen: open, Spec: raw, Within: liveWithin, Bulk: 3, Every: 2 * time.Second,
			Invalid: map[string]json.RawMessage{
				"instance_types": with("instance_types", []string{}), "root_gb": with("root_gb", -1), "no_such_field": with("no_such_field", 1),
			},
		}
	})
}
