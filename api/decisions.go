package api

import (
	"encoding/json"
	"time"
)

// Decision is what was decided for a cluster and why; equal decisions in a row are one, with a count.
type Decision struct {
	ID            string    `json:"id"`
	Cluster       Ref       `json:"cluster"`
	PolicyVersion int64     `json:"policy_version"`
	Kind          string    `json:"kind" doc:"noop when nothing was to be done." example:"launch"`
	At            time.Time `json:"at"`
	Until         time.Time `json:"until" doc:"Last time that the same was decided."`
	Count         int64     `json:"count" doc:"How often it was decided."`
	Summary       string    `json:"summary" doc:"The reasons in one line."`
	Reasons       []Reason  `json:"reasons"`
	Plan          Plan      `json:"plan"`
}

// DecisionDetail adds what the decision was made from.
type DecisionDetail struct {
	Decision
	Snapshot json.RawMessage `json:"snapshot" doc:"The state that was decided on; replaying it gives the same plan."`
	Result   json.RawMessage `json:"result,omitempty" doc:"What came of the actions."`
}
