package providertest

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// Actions of an IAM policy of Amazon's in a file, in order, each once. A policy that
// denies, or names many by a *, fails the test.
func Actions(t *testing.T, file string) []string {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var policy struct {
		Statement []struct {
			Effect string
			Action json.RawMessage // one, or a list
		}
	}
	if err := json.Unmarshal(raw, &policy); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, s := range policy.Statement {
		var one string
		var many []string
		if json.Unmarshal(s.Action, &one) == nil {
			many = []string{one}
		} else if err := json.Unmarshal(s.Action, &many); err != nil {
			t.Fatal(err)
		}
		for _, action := range many {
			if s.Effect != "Allow" || strings.Contains(action, "*") {
				t.Errorf("%s %s: rights are given, and named one by one", s.Effect, action)
			}
			all = append(all, action)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
