package cluster_test

import (
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/statestore"
)

// What keeps nodes from booting keeps the next one too: launches pause, longer each time, with the reason, and go on at
// once with another version of the template.
func TestNodesThatCannotBeSetUpAreNotLaunchedForEver(t *testing.T) {
	t.Parallel()
	w := quiet(t, func(p *policy.Policy) { p.MinAvailable = 1 })
	failing := func(d time.Duration) {
		for end := w.now.Add(d); w.now.Before(end); w.step() {
			for _, row := range w.in(statestore.NodeBooting) {
				row.FailureReason = "the first-boot script ended with code 3: no scratch disk"
			}
		}
	}
	w.trouble(w.now.Add(70 * time.Minute)) // none is available all the while, as it must be
	failing(time.Hour)
	rows := len(w.db.rows)
	if rows < 5 || rows > 20 {
		t.Errorf("%d nodes were launched in an hour of failures", rows)
	}
	for _, row := range w.db.rows {
		if row.State == statestore.NodeTerminated && !strings.Contains(row.FailureReason, "no scratch disk") {
			t.Errorf("row %s does not say why it failed: %q", row.ID, row.FailureReason)
		}
	}
	if plan := string(w.db.decision.Plan); !strings.Contains(plan, "in a row came to nothing") || !strings.Contains(plan, "no scratch disk") {
		t.Errorf("the decision does not say why nothing is launched: %s", plan)
	}
	w.db.template.Version++
	w.until(t, time.Minute, "a launch of the corrected template", func() bool { return len(w.in(statestore.NodeBooting)) > 0 })
	w.until(t, 5*time.Minute, "a node", w.running(1))
}
