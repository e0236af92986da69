package policy

import "time"

// State is where a node is in its life.
//
//	requested → launching → booting → running ⇄ draining → terminating → terminated
//	                                     ⇅
//	                                    lost          stopping → stopped → starting
//
// and failed from anywhere before running.
type State string

// States of a node. The caller sets them; only those named in an [ActionKind]
// follow from a decision.
const (
	Requested   State = "requested"   // row written, provider not yet asked
	Launching   State = "launching"   // provider asked
	Booting     State = "booting"     // instance exists, node has not joined
	Running     State = "running"     // joined and reporting
	Draining    State = "draining"    // takes no new sessions
	Terminating State = "terminating" // provider asked to end it
	Terminated  State = "terminated"  // gone; such nodes may be left out
	Stopping    State = "stopping"    // on its way to the warm pool
	Stopped     State = "stopped"     // in the warm pool
	Starting    State = "starting"    // on its way out of the warm pool
	Failed      State = "failed"      // launch failed; remains to be cleaned up
	Lost        State = "lost"        // silent beyond the report timeout
)

// Pending says that the node will run if all goes well.
func (s State) Pending() bool {
	return s == Requested || s == Launching || s == Booting || s == Starting
}

// Counts says that the node has, or may have, an instance that max_nodes counts.
func (s State) Counts() bool { return s != Terminated && s != Stopped }

// Known says that s is one of the states above.
func (s State) Known() bool {
	switch s {
	case Requested, Launching, Booting, Running, Draining, Terminating, Terminated,
		Stopping, Stopped, Starting, Failed, Lost:
		return true
	}
	return false
}

// Pool is what a running node is good for, from its utilization.
type Pool string

// Pools of a running or draining node. Others have none ("").
const (
	Idle     Pool = "idle"     // no sessions
	Low      Pool = "low"      // serves, and takes more
	High     Pool = "high"     // serves what it has, takes no new clients
	Degraded Pool = "degraded" // a service or its reports are unhealthy
)

// Available says that a running node of this pool takes new clients.
func (p Pool) Available() bool { return p == Idle || p == Low }

// SignalName names a part of utilization.
type SignalName string

// Signals of utilization, in the order in which ties are decided.
const (
	SendSignal     SignalName = "send"
	ReceiveSignal  SignalName = "receive"
	CPUSignal      SignalName = "cpu"
	BufferSignal   SignalName = "buffer"
	SessionsSignal SignalName = "sessions"
)

// DrainCause says who wanted a drain; it decides whether it may be undone.
type DrainCause string

// Causes of a drain. Decide un-drains only what it drained for want of load, and
// what it drained to repair when that has healed.
const (
	DrainScaleIn  DrainCause = "scale_in" // too little load
	DrainMax      DrainCause = "max"      // max_nodes was lowered
	DrainRepair   DrainCause = "repair"   // degraded beyond its grace
	DrainReclaim  DrainCause = "reclaim"  // its provider takes the machine back, or warns of it
	DrainRollout  DrainCause = "rollout"  // replaced by a node of the version wanted
	DrainOperator DrainCause = "operator" // a person wanted it
)

// Node is what is known of one node. Rates are bits per second.
type Node struct {
	ID string `json:"id"`
	// Name is what people call it; reasons do too. Empty: the id.
	Name  string `json:"name,omitempty"`
	State State  `json:"state"`
	// Since is when the node entered State.
	Since time.Time `json:"since"`
	// RequestedAt is when its row was written.
	RequestedAt time.Time `json:"requested_at"`
	// ReportedAt is when its last report arrived; zero if none has.
	ReportedAt time.Time `json:"reported_at,omitzero"`
	// ServicesHealthy is what the last report says of the node's services.
	ServicesHealthy bool  `json:"services_healthy"`
	Usage           Usage `json:"usage"`
	// Sessions are the sessions on the node as last reported. A caller that has
	// too many to list leaves it empty and fills Load instead.
	Sessions []Session `json:"sessions,omitempty"`
	// Load sums up the sessions; it counts only when Sessions is empty.
	Load Load `json:"load,omitzero"`
	// Movers belong to Load: sessions that may be asked to move; see [Node.Sum].
	Movers []Mover `json:"movers,omitempty"`
	// Expected counts sessions sent to the node that its last report does not
	// show yet. Each counts the session rate.
	Expected int `json:"expected,omitempty"`
	// Last is what the previous plan said of the node (Plan.Pools).
	Last Assignment `json:"last,omitzero"`
	// DrainCause and DrainDeadline matter while draining; a zero deadline
	// means Since plus the policy's drain timeout.
	DrainCause    DrainCause `json:"drain_cause,omitempty"`
	DrainDeadline time.Time  `json:"drain_deadline,omitzero"`
	// Stale: a node launched now would be another, by its template or by a
	// configuration that this one cannot take over. Such a node has no place in the
	// warm pool, and a rollout replaces it.
	Stale bool `json:"stale,omitempty"`
	// NoStop says why the provider cannot stop this node, and so keep it in the warm
	// pool, though it stops others: "aws does not stop spot instances". Empty: it can.
	NoStop string `json:"no_stop,omitempty"`
	// StartFailedAt is when the provider last failed to start this stopped node;
	// zero if it has not. It is left alone for five minutes after that.
	StartFailedAt time.Time `json:"start_failed_at,omitzero"`
}

// Usage is what a node measures of itself over its last report interval.
type Usage struct {
	SendBps       int64 `json:"send_bps"`
	SendCapBps    int64 `json:"send_cap_bps"` // 0: unknown
	ReceiveBps    int64 `json:"receive_bps"`
	ReceiveCapBps int64 `json:"receive_cap_bps"` // 0: unknown
	// CPU is the busy share of all cores, 0–1.
	CPU float64 `json:"cpu"`
	// Buffer is receive-buffer fill, 0–1.
	Buffer float64 `json:"buffer"`
}

// Direction is a session's direction as the node sees it.
type Direction string

// Directions. A session that goes both ways counts in each.
const (
	Send    Direction = "send"
	Receive Direction = "receive"
	Both    Direction = "both"
)

// Session is one client's session on one node.
type Session struct {
	ID        string    `json:"id"`
	Direction Direction `json:"direction"`
	// WantedBps is what the client could use; 0 if unknown. Then it is taken
	// from the rate: what is not held by the node is what the client wants.
	WantedBps int64 `json:"wanted_bps,omitempty"`
	RateBps   int64 `json:"rate_bps"`
	// Since is when the session came to this node, also where it went on from
	// another one.
	Since time.Time `json:"since"`
	// Movable says that the client can continue on another node.
	Movable bool `json:"movable,omitempty"`
	// Continuous says that the session has no end of its own (continuous
	// sync). It never holds a draining node: it moves or reconnects.
	Continuous bool `json:"continuous,omitempty"`
	// RemainingBytes is what is left to move; 0 if unknown.
	RemainingBytes int64 `json:"remaining_bytes,omitempty"`
}

// Load sums up a node's sessions.
type Load struct {
	Sessions int `json:"sessions"`
	// SendBps and ReceiveBps are promised demand: each session at most at the
	// session rate.
	SendBps    int64 `json:"send_bps"`
	ReceiveBps int64 `json:"receive_bps"`
	// ServedBps is the part of the traffic at or below the session rate, both
	// directions; the rest of Usage is best effort.
	ServedBps int64 `json:"served_bps"`
	// Held counts sessions that the node's cap holds below what they are promised.
	Held int `json:"held,omitempty"`
	// Pinned counts sessions that neither move nor are continuous; a drain
	// must wait for them.
	Pinned int `json:"pinned,omitempty"`
	// PinnedUntil is when the last pinned one is expected to end.
	PinnedUntil time.Time `json:"pinned_until,omitzero"`
	// ReturningBps is the part of the demand, both directions added up, that
	// comes back elsewhere when the node drains: movable and young sessions.
	ReturningBps int64 `json:"returning_bps,omitempty"`
}
