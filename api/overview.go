package api

import "time"

// Overview is what an operator sees first: is it healthy, does it keep up, what is it doing about it, and why.
type Overview struct {
	At         time.Time     `json:"at"`
	Healthy    bool          `json:"healthy"`
	Doing      string        `json:"doing" doc:"What the cluster is doing now, in a sentence."`
	Clusters   []Cluster     `json:"clusters"`
	Nodes      []FlockNode   `json:"nodes" doc:"Every node that is not ended, one cell each."`
	SendBps    int64         `json:"send_bps"`
	ReceiveBps int64         `json:"receive_bps"`
	SendCap    int64         `json:"send_cap_bps"`
	ReceiveCap int64         `json:"receive_cap_bps"`
	Sessions   int           `json:"sessions"`
	Series     Series        `json:"series"`
	Markers    []Marker      `json:"markers" doc:"Decisions that changed something within the series."`
	Tenants    []TenantRate  `json:"top_tenants"`
	Failures   []Failure     `json:"recent_failures"`
	Transfers  TransferTally `json:"transfers"`
}

// Series are the cluster's rates over the last 15 minutes in equal steps, oldest first; all lists have one length.
type Series struct {
	Step       int         `json:"step_s"`
	At         []time.Time `json:"at"`
	SendBps    []int64     `json:"send_bps"`
	ReceiveBps []int64     `json:"receive_bps"`
	SendCap    []int64     `json:"send_cap_bps"`
	ReceiveCap []int64     `json:"receive_cap_bps"`
	CapIdle    []int64     `json:"capacity_idle_bps" doc:"Send and receive capacity together, of nodes in this pool."`
	CapLow     []int64     `json:"capacity_low_bps"`
	CapHigh    []int64     `json:"capacity_high_bps"`
	Sessions   []int       `json:"sessions"`
	Nodes      []int       `json:"nodes" doc:"Running nodes."`
}

// FlockNode is one node, small: an overview holds thousands.
type FlockNode struct {
	ID          string  `json:"id"`
	Name        string  `json:"name"`
	ClusterID   string  `json:"cluster_id"`
	State       string  `json:"state"`
	Pool        string  `json:"pool,omitempty"`
	Utilization float64 `json:"utilization"`
	Signal      string  `json:"signal,omitempty"`
	SendBps     int64   `json:"send_bps"`
	ReceiveBps  int64   `json:"receive_bps"`
	Sessions    int     `json:"sessions"`
}

// Marker is a decision on the time line.
type Marker struct {
	DecisionID string    `json:"decision_id"`
	At         time.Time `json:"at"`
	Kind       string    `json:"kind"`
	Text       string    `json:"text"`
}

// TenantRate is one tenant's share of the traffic.
type TenantRate struct {
	AccessKey string `json:"access_key"`
	Name      string `json:"name,omitempty"`
	RateBps   int64  `json:"rate_bps"`
	Sessions  int    `json:"sessions"`
}

// Failure is something that went wrong lately.
type Failure struct {
	At     time.Time `json:"at"`
	Kind   string    `json:"kind" doc:"node or transfer."`
	Object Ref       `json:"object"`
	Text   string    `json:"text"`
}

// TransferTally counts transfers.
type TransferTally struct {
	Running int `json:"running"`
}

// AuditEntry is one change: who, what, before and after.
type AuditEntry struct {
	ID       string    `json:"id"`
	At       time.Time `json:"at"`
	Actor    string    `json:"actor"`
	Action   string    `json:"action"`
	Object   string    `json:"object" doc:"What kind of thing."`
	ObjectID string    `json:"object_id,omitempty"`
	// Names are those of now; of what is gone, the last.
	ObjectName string         `json:"object_name,omitempty" doc:"What the thing is called now, or was called last; absent when it never had a name."`
	ActorName  string         `json:"actor_name,omitempty" doc:"Of an access key: its name."`
	Before     map[string]any `json:"before,omitempty"`
	After      map[string]any `json:"after,omitempty"`
	RequestID  string         `json:"request_id,omitempty"`
	Address    string         `json:"address,omitempty" doc:"Where the request came from."`
}

// SigningKey signs transfer tokens.
type SigningKey struct {
	ID        string    `json:"id" doc:"The key id in the tokens' header."`
	CreatedAt time.Time `json:"created_at"`
}
