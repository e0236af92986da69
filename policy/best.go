package policy

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// retryAfter is how long a refused client shall wait: a node that is on its way
// takes longer, but sessions end all the time.
const retryAfter = 5 * time.Second

// Placement is a node that may take a new session.
type Placement struct {
	NodeID string `json:"node_id"`
	Pool   Pool   `json:"pool"`
	// Utilization is what it is now, before the new session.
	Utilization float64 `json:"utilization"`
	// Overflow says that the node is high: nothing better is left.
	Overflow bool `json:"overflow,omitempty"`
	// pressure orders full nodes, whose utilization is 1 with ten sessions as
	// with forty: promised demand against the cap, without a limit.
	pressure float64
}

// Refusal says that no node can take a session: answer 503 with Retry-After.
type Refusal struct { //nolint:errname // policy.Refusal says it all at the place of use
	RetryAfter time.Duration
	Text       string
}

// Error makes a Refusal an error; it is the only one that Best returns.
func (r *Refusal) Error() string { return r.Text }

// Best returns the node for a new session; see [Rank]. With none to have, the
// error is a *[Refusal] that says when to try again.
func Best(s Snapshot, p Policy, now time.Time) (Placement, error) {
	if ranked := Rank(s, p, now); len(ranked) > 0 {
		return ranked[0], nil
	}
	return Placement{}, &Refusal{RetryAfter: retryAfter, Text: refusal(s, p, now.UTC())}
}

// refusal says what keeps each running node from taking a session.
func refusal(s Snapshot, p Policy, now time.Time) string {
	var full, sick, silent, unheard, pending int
	for i := range s.Nodes {
		n := &s.Nodes[i]
		switch {
		case n.State.Pending():
			pending++
		case n.State != Running:
		case n.ReportedAt.Before(s.ListeningSince) || n.ReportedAt.IsZero():
			unheard++
		case n.late(s, &p, now):
			silent++
		case !n.ServicesHealthy:
			sick++
		default:
			full++
		}
	}
	var why []string
	for _, part := range []struct {
		n    int
		text string
	}{
		{full, "at the limit of " + count(p.MaxSessions, "session")}, {sick, "unhealthy"},
		{silent, "silent"}, {unheard, "not heard from yet"},
	} {
		if part.n > 0 {
			why = append(why, count(part.n, "running node")+" "+part.text)
		}
	}
	text := "no node can take a session: " + strings.Join(why, ", ")
	if len(why) == 0 {
		text = "no node is running"
	}
	if pending > 0 {
		text += textf(", %d on the way", pending)
	}
	return text
}

// Rank lists the nodes that may take a new session, best first; several may be
// used to stripe. Available nodes come before high ones, which serve only when
// nothing is available, and then up to their session limit. Among the available,
// the least loaded comes first, but min_idle idle nodes are kept for last: they
// are a reserve. Degraded, draining and silent nodes are not listed.
func Rank(s Snapshot, p Policy, now time.Time) []Placement {
	now = now.UTC()
	ranked := make([]Placement, 0, len(s.Nodes))
	var idle []int
	for i := range s.Nodes {
		n := &s.Nodes[i]
		if n.State != Running {
			continue
		}
		l := n.load(&p, now)
		a, _ := n.assign(l, &p, now, n.late(s, &p, now))
		if a.Pool == Degraded || l.Sessions >= p.MaxSessions {
			continue
		}
		ranked = append(ranked, Placement{NodeID: n.ID, Pool: a.Pool, Utilization: a.Utilization, Overflow: a.Pool == High, pressure: n.pressure(l, &p)})
	}
	byLoad := func(a, b Placement) int {
		return cmp.Or(cmp.Compare(a.class(), b.class()), cmp.Compare(a.Utilization, b.Utilization), cmp.Compare(a.pressure, b.pressure), cmp.Compare(a.NodeID, b.NodeID))
	}
	slices.SortFunc(ranked, byLoad)
	for i := range ranked {
		if ranked[i].Pool == Idle {
			idle = append(idle, i)
		}
	}
	if reserve := min(p.floorsAt(now).idle, len(idle)); reserve > 0 {
		ranked = keepForLast(ranked, idle[len(idle)-reserve:])
	}
	return ranked
}

// late reports whether a running node's reports are overdue. Before the manager
// listened none could come.
func (n *Node) late(s Snapshot, p *Policy, now time.Time) bool {
	heard := latest(n.ReportedAt, s.ListeningSince)
	return now.Sub(heard) > p.reportTimeout()/2 && now.Sub(n.Since) > p.reportTimeout()/2
}

// pressure is the larger of promised demand over its cap and sessions over
// their limit.
func (n *Node) pressure(l Load, p *Policy) float64 {
	most := float64(l.Sessions) / float64(p.MaxSessions)
	for _, d := range []struct {
		bps int64
		cap float64
	}{{l.SendBps, capBps(p.Signals.Send, n.Usage.SendCapBps)}, {l.ReceiveBps, capBps(p.Signals.Receive, n.Usage.ReceiveCapBps)}} {
		if d.cap > 0 {
			most = max(most, float64(d.bps)/d.cap)
		}
	}
	return most
}

// class orders available nodes before high ones.
func (p Placement) class() int {
	if p.Overflow {
		return 1
	}
	return 0
}

// keepForLast moves the reserve behind the other available nodes, but not
// behind the high ones.
func keepForLast(ranked []Placement, reserve []int) []Placement {
	out := make([]Placement, 0, len(ranked))
	kept := make([]Placement, 0, len(reserve))
	for i, r := range ranked {
		if slices.Contains(reserve, i) {
			kept = append(kept, r)
		}
	}
	for i, r := range ranked {
		if r.Overflow && len(kept) > 0 {
			out = append(out, kept...)
			kept = nil
		}
		if !slices.Contains(reserve, i) {
			out = append(out, r)
		}
	}
	return append(out, kept...)
}
