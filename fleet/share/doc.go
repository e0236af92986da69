// Package share divides the capacity of a cluster's virtual links among its nodes. It does no I/O and looks at no clock:
// managers and nodes give it what they hear and the time.
//
//	sessions ask ──▶ Demand, by node ──▶ Divide ──▶ Ledger ──grants──▶ Holding ──▶ what a node lets through
//	                  (in reports)                    ▲                   │
//	                                                  └── confirmations ──┘
//
// Promise: what nodes may let through together never exceeds a link's capacity, whatever messages are lost or late and
// whichever nodes and managers die, hang or are cut off. The exceptions are said at the end.
//
// A grant gives a node two figures for each direction of each link. Its share is a lease: it lasts from the report that
// the grant answers, and the node's clock starts when it sent that report, the manager's when the report came, so that
// the manager never believes it over too early. Its safe part is what the node goes on with when nobody renews the lease.
//
//	grant taken          lease over                    a second lease over
//	│──── share ─────────│──── min(share, safe part) ──│──── safe part ──── until a grant
//
// The pause before a node goes up to its safe part is the time in which the others' leases, which did not reckon with it,
// end. All safe parts together are at most half of the capacity: the other half goes on to the nodes that are heard,
// also while some are silent for long. With everybody silent, which is a manager that is gone, half of it is used.
//
// The ledger writes down, before a grant leaves, all that a node might hold, and strikes it out when the node confirms a
// later grant or has ended. Nobody's share is raised but by what is then left, so raising waits for the others to have
// confirmed that they let go; what has to shrink shrinks without its lease getting longer.
//
// A manager that takes over knows none of this. Nodes report what they hold; until all have, or one lease has passed, it
// raises nothing, and afterwards it keeps the safe parts of those free that it has not heard.
//
// Exceptions: a capacity that is lowered reaches a node that cannot be reached only when its lease ends, and its safe
// part not at all; a session never sends less than 64 kb/s; clocks that drift apart by more than a twentieth.
package share

import "time"

// Lease is how long a share lasts after the report that its grant answers. Nodes of a cluster with links report at least
// four times as often.
const Lease = 20 * time.Second

// ReportEvery is the longest that a node of a cluster with links waits between reports.
const ReportEvery = Lease / 4

// drift is the part of a duration by which two clocks may disagree about it.
const drift = 20

// Key is one direction of a link.
type Key struct {
	Link string `json:"link"`
	In   bool   `json:"in"` // towards the nodes
}

// Part is what a node may let through of a link, bit/s.
type Part struct {
	Share int64 `json:"share_bps"` // while the lease lasts
	Safe  int64 `json:"safe_bps"`  // some time after it
}

// Grant is what a manager gives a node. It replaces every grant with a lower ID.
type Grant struct {
	ID uint64 `json:"id"`
	// Boot and Seq name the report of the node from which the lease is reckoned.
	Boot    string `json:"boot"`
	Seq     uint64 `json:"seq"`
	LeaseMs int64  `json:"lease_ms"`
	Parts   []Line `json:"parts"`
}

// Line is the part of one direction of a link.
type Line struct {
	Key
	Part
}

// Demand is what a node's sessions ask of one direction of a link.
type Demand struct {
	Greedy int   // sessions that use all that they are given
	Modest int   // sessions that use less
	Wanted int64 // what the modest ones could use together, bit/s
}

// Sessions is how many there are.
func (d Demand) Sessions() int { return d.Greedy + d.Modest }
