package statestore

import "slices"

// NodeState is where a node is in its life.
//
//	requested → launching → booting → running → draining → terminating → terminated
//	                                     ↑          │
//	                                     ├──────────┘ un-drain
//	warm pool:  running|draining → stopping → stopped → starting → running
//	on the side: failed (a step gave up), lost (silent too long)
//
// The reconciler decides which steps are legal; the store promises that a step
// starts from a state it expects and that terminated is final.
type NodeState string

// The states of a node.
const (
	NodeRequested   NodeState = "requested"
	NodeLaunching   NodeState = "launching"
	NodeBooting     NodeState = "booting"
	NodeRunning     NodeState = "running"
	NodeDraining    NodeState = "draining"
	NodeTerminating NodeState = "terminating"
	NodeTerminated  NodeState = "terminated"
	NodeStopping    NodeState = "stopping"
	NodeStopped     NodeState = "stopped"
	NodeStarting    NodeState = "starting"
	NodeFailed      NodeState = "failed"
	NodeLost        NodeState = "lost"
)

// NodeStates lists every state in the order of a node's life.
func NodeStates() []NodeState {
	return []NodeState{
		NodeRequested, NodeLaunching, NodeBooting, NodeRunning, NodeDraining, NodeTerminating,
		NodeTerminated, NodeStopping, NodeStopped, NodeStarting, NodeFailed, NodeLost,
	}
}

// Valid tells whether s is one of the states.
func (s NodeState) Valid() bool { return slices.Contains(NodeStates(), s) }

// NodePool is a running node's share of the work, by its utilization.
type NodePool string

// The pools of a running node; "" while it is not known.
const (
	PoolIdle     NodePool = "idle"
	PoolLow      NodePool = "low"
	PoolHigh     NodePool = "high"
	PoolDegraded NodePool = "degraded"
)

// NodeOrder is what an operator asked of one node; the leader carries it out
// and clears it.
type NodeOrder string

// The orders. Kill does not wait for live sessions, terminate drains first.
const (
	OrderNone      NodeOrder = ""
	OrderDrain     NodeOrder = "drain"
	OrderUndrain   NodeOrder = "undrain"
	OrderTerminate NodeOrder = "terminate"
	OrderKill      NodeOrder = "kill"
)
