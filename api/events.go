package api

import "time"

// OverviewEvent carries the figures of the overview that move.
type OverviewEvent struct {
	At         time.Time   `json:"at"`
	Doing      string      `json:"doing"`
	SendBps    int64       `json:"send_bps"`
	ReceiveBps int64       `json:"receive_bps"`
	SendCap    int64       `json:"send_cap_bps"`
	ReceiveCap int64       `json:"receive_cap_bps"`
	CapIdle    int64       `json:"capacity_idle_bps"`
	CapLow     int64       `json:"capacity_low_bps"`
	CapHigh    int64       `json:"capacity_high_bps"`
	Sessions   int         `json:"sessions"`
	Running    int         `json:"running_nodes"`
	Nodes      []FlockNode `json:"nodes" doc:"Nodes that look otherwise than in the event before; in a small flock all."`
	Gone       []string    `json:"gone" doc:"Ids of nodes that have ended since the event before."`
}

// NodesEvent carries nodes that changed, as they are now. A node whose state is terminated has ended.
type NodesEvent struct {
	At    time.Time `json:"at"`
	Nodes []Node    `json:"nodes"`
}

// TransfersEvent carries transfers that run, and those that ended since the event before. While more than 500 run it
// carries some of those that began or ended; what a follower shows, it reads.
type TransfersEvent struct {
	At        time.Time  `json:"at"`
	Transfers []Transfer `json:"transfers"`
}

// DecisionEvent carries one decision.
type DecisionEvent struct {
	Decision Decision `json:"decision"`
}

// ConditionEvent says that a condition began or ended.
type ConditionEvent struct {
	At      time.Time `json:"at"`
	Change  string    `json:"change" enum:"opened,closed"`
	Cluster Ref       `json:"cluster"`
	Kind    string    `json:"kind"`
	Subject string    `json:"subject,omitempty"`
	Since   time.Time `json:"since"`
	Text    string    `json:"text"`
	Next    string    `json:"next,omitempty"`
}

// AuditEvent carries one thing that somebody did.
type AuditEvent struct {
	Entry AuditEntry `json:"entry"`
}

// ResetEvent says that events were missed.
type ResetEvent struct {
	Reason string `json:"reason"`
}
