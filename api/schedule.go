package api

import (
	"context"
	"fmt"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/statestore"
)

// Schedule is which minima will be in force when.
type Schedule = policy.Preview

// scheduleDays is how far a preview of schedules looks ahead.
const scheduleDays = 7

type scheduleIn struct {
	Cluster string `path:"cluster" maxLength:"64" doc:"Id or name."`
	Days    int    `query:"days" minimum:"1" maximum:"31" default:"7"`
}

func (s *Server) getSchedule(ctx context.Context, in *scheduleIn) (*body[Schedule], error) {
	_, p, err := s.parsedPolicyOf(ctx, in.Cluster)
	if err != nil {
		return nil, err
	}
	return ok(policy.Occurrences(p, s.now(), in.Days)), nil
}

// PolicyWarning is something about a policy that is allowed and likely not meant.
type PolicyWarning struct {
	Field string     `json:"field" example:"schedules[0].cron"`
	Kind  string     `json:"kind" example:"overlap"`
	Text  string     `json:"text"`
	At    *time.Time `json:"at,omitempty" doc:"When it first happens; absent where it always does."`
}

// policyWarnings are what an operator should see before a policy is saved.
func policyWarnings(p policy.Policy, c statestore.Cluster, now time.Time) []PolicyWarning {
	out := []PolicyWarning{}
	if n := c.DesiredOverride; n != nil && *n > p.MaxNodes {
		out = append(out, PolicyWarning{Field: "max_nodes", Kind: "below_scale", Text: fmt.Sprintf(
			"an operator scaled %s to %s; max_nodes holds it at %d", c.Name, counted(*n, "node"), p.MaxNodes)})
	}
	if p.MinAvailable == 0 && p.MinIdle == 0 {
		out = append(out, PolicyWarning{Field: "min_available", Kind: "no_floor", Text: "nothing is kept available: when the last node has gone, " +
			"the next client waits for a node to start"})
	}
	if p.MinAvailable == p.MaxNodes {
		out = append(out, PolicyWarning{Field: "min_available", Kind: "no_room", Text: "min_available is as much as max_nodes: " +
			"once a node is full, the floor cannot be kept"})
	}
	for _, w := range policy.Occurrences(p, now, scheduleDays).Warnings {
		view := PolicyWarning{Field: fmt.Sprintf("schedules[%d]", w.Schedule), Kind: string(w.Kind), Text: w.Text}
		if !w.At.IsZero() {
			view.At = &w.At
		}
		out = append(out, view)
	}
	return out
}
