package policy

import "time"

// Snapshot is everything that a decision depends on, the policy and the time
// apart. It is stored with the decision; its JSON form replays it.
type Snapshot struct {
	// Nodes of the cluster in any order; terminated ones may be left out.
	Nodes []Node `json:"nodes"`
	// Queue are clients that found no node and wait.
	Queue []Waiting `json:"queue,omitempty"`
	// RecentLaunches are the times of launches requested within the launch
	// limit's period, failed ones included. Older ones are ignored.
	RecentLaunches []time.Time `json:"recent_launches,omitempty"`
	// LaunchErrors are recent failures of the provider, newest last.
	LaunchErrors []LaunchError `json:"launch_errors,omitempty"`
	// Blocked holds back launches because no offering can be had at the moment.
	Blocked *Block `json:"blocked,omitempty"`
	// CanStop: the provider can stop an instance and start it again; without it
	// there is no warm pool.
	CanStop bool `json:"can_stop,omitempty"`
	// NoRefill says why nothing that is launched now could be stopped, so that the
	// warm pool is not filled by launches. Empty: some of it can.
	NoRefill string `json:"no_refill,omitempty"`
	// Paused: the operator wants decisions made but nothing done.
	Paused bool `json:"paused,omitempty"`
	// Override is what an operator asked for by hand (cluster scale N).
	Override *Override `json:"override,omitempty"`
	// History holds the samples of earlier plans, oldest first; see [Remember].
	History []Sample `json:"history,omitempty"`
	// ListeningSince is when this manager began to hear reports. A node is not
	// silent for a time in which nobody listened.
	ListeningSince time.Time `json:"listening_since,omitzero"`
	// BootS is the usual time from request to running in seconds; 0: 90.
	BootS int `json:"boot_s,omitempty"`
	// Rollout is the rolling replacement under way; nil: none is.
	Rollout *Rollout `json:"rollout,omitempty"`
	// Forecast is what the past predicts of the next minutes; nil: nothing.
	Forecast *Forecast `json:"forecast,omitempty"`
}

// Waiting is a client in the queue. WantedBps 0 means unknown.
type Waiting struct {
	WantedBps int64     `json:"wanted_bps,omitempty"`
	Direction Direction `json:"direction,omitempty"`
	Since     time.Time `json:"since"`
}

// LaunchError is one failure to launch.
type LaunchError struct {
	At time.Time `json:"at"`
	// Offering is what could not be had, e.g. "c7gn.large in eu-central-1a".
	Offering string `json:"offering,omitempty"`
	// Kind is the provider's error class, e.g. "capacity" or "quota".
	Kind string `json:"kind"`
}

// Block says that no launch can succeed before Until, and why.
type Block struct {
	Until time.Time `json:"until"`
	Cause string    `json:"cause"`
}

// Override replaces the size that demand asks for. Floors and max still hold.
type Override struct {
	Nodes int `json:"nodes"`
	// Until is when it lapses; zero: when it is lifted.
	Until time.Time `json:"until,omitzero"`
}

// Sample is demand at one time, in nodes' worth of each signal: 1.5 is one and
// a half nodes filled to their caps.
type Sample struct {
	At       time.Time `json:"at"`
	Send     float64   `json:"send"`
	Receive  float64   `json:"receive"`
	CPU      float64   `json:"cpu"`
	Buffer   float64   `json:"buffer"`
	Sessions float64   `json:"sessions"`
	// High counts the running nodes that took no new clients.
	High int `json:"high,omitempty"`
	// Drained counts the nodes that the plan drained for want of load.
	Drained int `json:"drained,omitempty"`
}
