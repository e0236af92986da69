package eval

import (
	"fmt"
	"math"
)

// Version is the version of the lines that this package speaks.
const Version = 1

// Limits of what a line may say. They keep a broken world from making this
// program its victim; real worlds stay far below.
const (
	maxLine  = 16 << 20
	maxNodes = 100_000
	maxRate  = 1e7 // Mb/s
	maxTime  = 10 * 366 * 86400
)

// Hello describes the world. Rates are Mb/s, times seconds.
type Hello struct {
	Version int `json:"version"`
	// StepS is the time from one observation to the next.
	StepS float64 `json:"step_s"`
	// CapacityMbps is what one node carries, ServiceMbps what a session is
	// promised where it wants as much.
	CapacityMbps float64 `json:"capacity_mbps"`
	ServiceMbps  float64 `json:"service_mbps"`
	// QueueLimitS is how long a session waits for a node before it is refused.
	QueueLimitS float64 `json:"queue_limit_s"`
	MaxNodes    int     `json:"max_nodes"`
	MinNodes    int     `json:"min_nodes"`
}

// Validate says what of the greeting cannot be.
func (h Hello) Validate() error {
	switch {
	case h.Version != Version:
		return fmt.Errorf("version is %d; this program speaks %d", h.Version, Version)
	case !within(h.StepS, 0.001, 86400):
		return fmt.Errorf("step_s is %g; want 0.001 to 86400", h.StepS)
	case !within(h.CapacityMbps, 0.001, maxRate):
		return fmt.Errorf("capacity_mbps is %g; want 0.001 to %g", h.CapacityMbps, float64(maxRate))
	case !within(h.ServiceMbps, 0.001, maxRate):
		return fmt.Errorf("service_mbps is %g; want 0.001 to %g", h.ServiceMbps, float64(maxRate))
	case !within(h.QueueLimitS, 0, maxTime):
		return fmt.Errorf("queue_limit_s is %g; want 0 to %d", h.QueueLimitS, maxTime)
	case h.MaxNodes < 1 || h.MaxNodes > maxNodes:
		return fmt.Errorf("max_nodes is %d; want 1 to %d", h.MaxNodes, maxNodes)
	case h.MinNodes < 0 || h.MinNodes > h.MaxNodes:
		return fmt.Errorf("min_nodes is %d; want 0 to max_nodes (%d)", h.MinNodes, h.MaxNodes)
	}
	return nil
}

// Greeting is the answer to a Hello.
type Greeting struct {
	Name string `json:"name"`
	// EverySteps is how many steps lie between two observations that are wanted.
	EverySteps int `json:"every_steps"`
	// Pools says when the world closes a node to new sessions.
	Pools *Pools `json:"pools,omitempty"`
}

// Pools closes a node to new sessions at High and opens it again at Low, shares
// of its capacity in promised demand.
type Pools struct {
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
	Signal string  `json:"signal"`
}

// Observation is the world at one time.
type Observation struct {
	// Now is in seconds from Monday 00:00.
	Now   float64
	Nodes []Node
	// Queue holds what each waiting session wants, in Mb/s; 0: unknown.
	Queue []float64
	// The others count what happened since the observation before.
	Refused, LaunchFailures, CapacityErrors, Deaths int
}

// State of a node in the world.
type State string

// States of a node.
const (
	Launching State = "launching"
	Running   State = "running"
	Draining  State = "draining"
)

// Node is one node. AgeS is the time since its request, ReadyS since it runs.
type Node struct {
	ID           int
	State        State
	AgeS, ReadyS float64
	Bandwidth    float64
	High         bool
	Sessions     []Session
}

// Session is one session on a node: what it wants and what it gets, in Mb/s.
type Session struct {
	ID           int64
	Wanted, Rate float64
}

// Decision is what the world shall do.
type Decision struct {
	Undrain []int    `json:"undrain,omitempty"`
	Launch  int      `json:"launch,omitempty"`
	Drain   []int    `json:"drain,omitempty"`
	Reasons []string `json:"reasons,omitempty"`
}

func within(x, low, high float64) bool { return !math.IsNaN(x) && x >= low && x <= high }

// Validate says what of an observation cannot be. before is the time of the last
// one; two may bear the same time.
func (o *Observation) Validate(before float64) error {
	if !within(o.Now, 0, maxTime) {
		return fmt.Errorf("now is %g; want 0 to %d seconds", o.Now, maxTime)
	}
	if o.Now < before {
		return fmt.Errorf("now is %g, before the last observation's %g", o.Now, before)
	}
	if len(o.Nodes) > maxNodes {
		return fmt.Errorf("nodes lists %d; want at most %d", len(o.Nodes), maxNodes)
	}
	for i := range o.Nodes {
		if err := o.Nodes[i].validate(); err != nil {
			return err
		}
	}
	for i, w := range o.Queue {
		if !within(w, 0, maxRate) {
			return fmt.Errorf("queue[%d] is %g; want 0 to %g Mb/s", i, w, float64(maxRate))
		}
	}
	return nil
}

func (n *Node) validate() error {
	switch n.State {
	case Launching, Running, Draining:
	default:
		return fmt.Errorf("node %d: state is %q; want launching, running or draining", n.ID, n.State)
	}
	if !within(n.AgeS, 0, maxTime) || !within(n.ReadyS, 0, maxTime) {
		return fmt.Errorf("node %d: age %g and ready %g; want 0 to %d seconds", n.ID, n.AgeS, n.ReadyS, maxTime)
	}
	if !within(n.Bandwidth, 0, maxRate) {
		return fmt.Errorf("node %d: bandwidth is %g; want 0 to %g Mb/s", n.ID, n.Bandwidth, float64(maxRate))
	}
	for i := range n.Sessions {
		if s := &n.Sessions[i]; !within(s.Wanted, 0, maxRate) || !within(s.Rate, 0, maxRate) {
			return fmt.Errorf("node %d: session %d wants %g and gets %g; want 0 to %g Mb/s", n.ID, s.ID, s.Wanted, s.Rate, float64(maxRate))
		}
	}
	return nil
}
