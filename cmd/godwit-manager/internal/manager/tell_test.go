package manager

import (
	"strings"
	"testing"
)

func TestNameIsAnsweredForOnceEveryNodeOfTheClusterIs(t *testing.T) {
	t.Parallel()
	proofs := map[string]string{"token": "text"}
	teller := &teller{
		at: map[string]place{"1": {"alpha", "node-1"}, "2": {"alpha", "node-2"}, "3": {"beta", "node-3"}},
		told: map[string]told{
			"1": {proofs: proofs}, "2": {proofs: map[string]string{"old": "text"}},
			"3": {proofs: proofs, why: "address already in use"},
		},
	}
	answers := func(cluster, says string) {
		t.Helper()
		err := teller.answered(cluster, "media.example.org", "token")
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: %v, want %q", cluster, err, says)
		}
	}
	answers("alpha", "no node that could answer for media.example.org")
	teller.note(map[string]string{"1": "alpha", "2": "alpha", "3": "beta"})
	answers("alpha", "node node-2 was not told yet")
	answers("beta", "node node-3: address already in use")
	teller.told["2"] = teller.told["1"]
	teller.note(map[string]string{"1": "alpha", "2": "alpha"})
	answers("alpha", "")
	answers("beta", "no node that could answer")
}
