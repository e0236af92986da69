package policy

import (
	"strings"
	"time"
)

// ActionKind is what the caller shall do.
type ActionKind string

// Kinds of actions. A plan lists them in the order in which they are to be
// carried out; a caller that runs out of time may stop after any of them.
const (
	// ActionRecover sets a lost node that reports again back to running, or to
	// draining where its DrainCause says that it was.
	ActionRecover ActionKind = "recover"
	// ActionLost sets a silent running or draining node to lost.
	ActionLost ActionKind = "lost"
	// ActionTerminate ends the instance of NodeID, by id, now.
	ActionTerminate ActionKind = "terminate"
	// ActionStop stops the instance of the draining, empty NodeID and keeps it in
	// the warm pool: stopping, then stopped, with cause and deadline cleared.
	ActionStop ActionKind = "stop"
	// ActionUndrain sets a draining node back to running and clears its
	// DrainCause and DrainDeadline.
	ActionUndrain ActionKind = "undrain"
	// ActionStart starts the stopped NodeID. If that fails, the node either goes
	// back to stopped with StartFailedAt or becomes failed; then a launch is next.
	ActionStart ActionKind = "start"
	// ActionLaunch requests Count new nodes.
	ActionLaunch ActionKind = "launch"
	// ActionDrain sets a running node to draining, with Cause and Deadline.
	ActionDrain ActionKind = "drain"
	// ActionMove asks the clients of Sessions on NodeID to go on elsewhere. It
	// is a wish: who does not leave stays served, and may be asked again later.
	ActionMove ActionKind = "move"
)

// Action is one step of a plan.
type Action struct {
	Kind   ActionKind `json:"kind"`
	NodeID string     `json:"node_id,omitempty"`
	// Count is the number of nodes to launch; 0 for other kinds.
	Count int `json:"count,omitempty"`
	// Sessions are the ids of those to move.
	Sessions []string `json:"sessions,omitempty"`
	// Cause and Deadline belong to a drain: what to store with the node.
	Cause    DrainCause `json:"cause,omitempty"`
	Deadline time.Time  `json:"deadline,omitzero"`
	Reason   Reason     `json:"reason"`
}

// Reason is one sentence of an explanation, for people (Text) and programs
// (Code, Values).
type Reason struct {
	Code   Code               `json:"code"`
	Text   string             `json:"text"`
	Values map[string]float64 `json:"values,omitempty"`
}

// Assignment is a node's pool and the utilization that put it there.
type Assignment struct {
	NodeID string `json:"node_id,omitempty"`
	Pool   Pool   `json:"pool"`
	// Was is the pool in the previous plan, if it was another one.
	Was Pool `json:"was,omitempty"`
	// Since is when the node entered Pool.
	Since time.Time `json:"since,omitzero"`
	// At is when the assignment was made.
	At time.Time `json:"at,omitzero"`
	// Utilization is the largest enabled signal, Signal its name.
	Utilization float64    `json:"utilization"`
	Signal      SignalName `json:"signal,omitempty"`
	// Contention is the share of the sessions that the node's cap holds below
	// what they are promised.
	Contention float64 `json:"contention"`
	// CPU and Buffer are smoothed over about ten seconds.
	CPU    float64 `json:"cpu"`
	Buffer float64 `json:"buffer"`
	// MovedAt is when sessions of the node were last asked to move, and Moved how
	// many; forgotten when they may be asked again.
	MovedAt time.Time `json:"moved_at,omitzero"`
	Moved   int       `json:"moved,omitempty"`
}

// Capacity sums up the cluster as the plan found it.
type Capacity struct {
	// Instances is what max_nodes counts.
	Instances int `json:"instances"`
	Pending   int `json:"pending"`
	Running   int `json:"running"`
	Draining  int `json:"draining"`
	// Idle to Degraded count running nodes by pool; Available is idle plus low.
	Idle      int `json:"idle"`
	Low       int `json:"low"`
	High      int `json:"high"`
	Degraded  int `json:"degraded"`
	Available int `json:"available"`
	Lost      int `json:"lost"`
	// Warm counts the warm pool: stopped nodes, and those that are stopping.
	Warm int `json:"warm,omitempty"`
	// Sessions and Held count sessions on running and draining nodes; Queued
	// counts clients that wait.
	Sessions int `json:"sessions"`
	Held     int `json:"held"`
	Queued   int `json:"queued"`
	// Demand is promised demand in nodes' worth, Signal what it is made of.
	Demand float64    `json:"demand"`
	Signal SignalName `json:"signal,omitempty"`
	// Wanted is the number of open nodes (running and pending) that demand or an
	// override asks for, without the floors.
	Wanted int `json:"wanted"`
	// MinAvailable and MinIdle are the floors in force, schedules included.
	MinAvailable int `json:"min_available"`
	MinIdle      int `json:"min_idle"`
	// Utilization is the mean of the running nodes' utilization.
	Utilization float64 `json:"utilization"`
}

// Plan is a decision.
type Plan struct {
	// Actions to carry out, in order; empty when nothing is to be done.
	Actions []Action `json:"actions"`
	// Withheld are the actions that a pause holds back.
	Withheld []Action `json:"withheld,omitempty"`
	// Reasons explain what is done and what is not. Never empty.
	Reasons []Reason `json:"reasons"`
	// Pools has one entry for every running and draining node, by node id.
	Pools    []Assignment `json:"pools"`
	Capacity Capacity     `json:"capacity"`
	// Sample belongs into the history; see [Remember].
	Sample Sample `json:"sample"`
	// Rollout is how the rollout under way stands; nil: there is none.
	Rollout *RolloutState `json:"rollout,omitempty"`
}

// Quiet says that the plan changes nothing: no action, and no node in another
// pool than before.
func (p Plan) Quiet() bool {
	if len(p.Actions) > 0 {
		return false
	}
	for _, a := range p.Pools {
		if a.Was != "" {
			return false
		}
	}
	return true
}

// Key is equal for quiet plans that say the same thing with other numbers; such
// plans may be stored as one with a count and a span. It is made of the codes
// of the reasons, in order.
func (p Plan) Key() string {
	var b strings.Builder
	for i, r := range p.Reasons {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(string(r.Code))
	}
	return b.String()
}

// Explain joins the texts of the reasons: one line for a log or a list.
func (p Plan) Explain() string {
	texts := make([]string, len(p.Reasons))
	for i, r := range p.Reasons {
		texts[i] = r.Text
	}
	return strings.Join(texts, "; ")
}

// Launches is the number of nodes that the plan launches.
func (p Plan) Launches() int {
	n := 0
	for _, a := range p.Actions {
		if a.Kind == ActionLaunch {
			n += a.Count
		}
	}
	return n
}
