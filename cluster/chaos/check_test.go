package chaos

import (
	"fmt"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/statestore"
)

// limits: rows are not requested faster than the launch limit allows, whoever
// leads, and never more than the maximum count.
func (h *history) limits() {
	limit, recent, counted := h.policy.LaunchLimit, 0, 0
	for _, row := range h.db.rows {
		if time.Since(row.RequestedAt) < time.Duration(limit.PerSeconds)*time.Second {
			recent++
		}
		if policy.State(row.State).Counts() && !h.rested[row.ID] {
			counted++
		}
	}
	if recent > limit.Count {
		h.fault("%d launches within %d s, limit %d", recent, limit.PerSeconds, limit.Count)
	}
	if counted > h.policy.MaxNodes {
		h.fault("%d rows count, maximum %d", counted, h.policy.MaxNodes)
	}
}

// owned: a machine is some row's, and no row has two.
func (h *history) owned(machines []machine) {
	of := map[string]string{}
	for _, m := range machines {
		if h.db.rows[m.node] == nil {
			h.fault("%s is of %q, of which there never was a row", m.id, m.node)
		}
		if other := of[m.node]; other != "" && !m.ending {
			h.fault("%s has %s and %s", m.node, other, m.id)
		}
		if !m.ending {
			of[m.node] = m.id
		}
	}
}

// unsettled says what is not as the policy wants it; empty: nothing.
func (h *history) unsettled(machines []machine) string {
	running, warm := 0, 0
	at := map[string]machine{}
	for _, m := range machines {
		if m.ending {
			return m.id + " is ending"
		}
		at[m.id] = m
	}
	for _, row := range h.db.living() {
		m, exists := at[row.InstanceID]
		switch {
		case row.State == statestore.NodeRunning && exists && m.running && m.node == row.ID:
			running++
		case row.State == statestore.NodeStopped && exists && !m.running && m.node == row.ID:
			warm++
		default:
			return fmt.Sprintf("%s is %s for %s (%s), its machine %q is there: %v, runs: %v",
				row.ID, row.State, time.Since(row.StateSince), row.FailureReason, row.InstanceID, exists, m.running)
		}
		delete(at, row.InstanceID)
	}
	for _, m := range at {
		return fmt.Sprintf("%s of %s is leaked", m.id, m.node)
	}
	if running != h.policy.MinAvailable || warm != h.policy.WarmNodes {
		return fmt.Sprintf("%d run and %d are stopped, wanted are %d and %d", running, warm, h.policy.MinAvailable, h.policy.WarmNodes)
	}
	for key, c := range h.db.open {
		return fmt.Sprintf("condition %s is open: %s", key, c.Text)
	}
	return ""
}
