package share

import (
	"cmp"
	"slices"
	"time"
)

// Node is one node that may hold a part, as its manager knows it.
type Node struct {
	ID    string
	Since time.Time // its row; a node younger than the ledger holds nothing but what the ledger gave it
	// Last is its last report; nil when this manager has heard none.
	Last *Report
}

// Report is what a report says of links.
type Report struct {
	Boot    string
	Seq     uint64
	At      time.Time // manager's clock
	Held    Grant     // in force when it was sent; no ID: none
	LeftMs  int64     // of its lease
	Demands map[Key]Demand
}

// Order is a grant for a node.
type Order struct {
	Node  string
	Grant Grant
}

// Ledger is what nodes of one cluster may hold. Make it with [NewLedger]; it is not safe for concurrent use.
type Ledger struct {
	lease   time.Duration
	began   time.Time
	last    uint64 // id given last
	holders map[string]*holder
}

// holder is one node's account: the grant that it confirmed last, then those that it may have taken since.
type holder struct {
	grants []entry
	sent   time.Time // of the newest grant
	open   bool      // it is neither confirmed nor refused
	// found is what the node held when the ledger first heard of it.
	found map[Key]int64
}

type entry struct {
	id          uint64
	boot        string
	seq         uint64
	parts       map[Key]Part
	heard       time.Time // arrival of the report that it answers
	adopted     bool      // somebody else's grant
	until, rise time.Time // lease's end at the latest, safe part at the earliest
}

const (
	// patience is how long an answer is waited for before a grant is made anew.
	patience = 2 * time.Second
	// grain is the part of a share by which it must be off to be changed before it is renewed.
	grain = 20
)

// NewLedger begins with nothing known. Nobody else may give grants in the cluster from began on; ids begin above after,
// which must be above all that were given before.
func NewLedger(lease time.Duration, began time.Time, after uint64) *Ledger {
	return &Ledger{lease: lease, began: began, last: after, holders: map[string]*holder{}}
}

// Confirm notes that a node has taken a grant.
func (l *Ledger) Confirm(node string, id uint64) {
	h := l.holders[node]
	if h == nil {
		return
	}
	i := slices.IndexFunc(h.grants, func(e entry) bool { return e.id == id })
	if i < 0 {
		return
	}
	h.grants = h.grants[i:]
	if len(h.grants) == 1 {
		h.open = false
	}
}

// Refuse notes that a node has not taken a grant and never will.
func (l *Ledger) Refuse(node string, id uint64) {
	h := l.holders[node]
	if h == nil {
		return
	}
	if n := len(h.grants); n > 0 && h.grants[n-1].id == id {
		h.open = false
	}
	h.grants = slices.DeleteFunc(h.grants, func(e entry) bool { return e.id == id })
}

// Round divides capacity, bit/s by direction, among nodes, which are all that may hold a part, and returns the grants to
// send. Send them; call it again when something was confirmed, heard or changed, and now and then.
func (l *Ledger) Round(now time.Time, capacity map[Key]int64, nodes []Node) []Order {
	r := l.hear(now, nodes)
	for k, c := range capacity {
		r.aim(k, c)
	}
	var orders []Order
	for _, n := range r.reached {
		if g, ok := r.order(n); ok {
			orders = append(orders, Order{n.ID, g})
		}
	}
	return orders
}

// round is what one Round reckons with.
type round struct {
	*Ledger
	now     time.Time
	nodes   int
	reached []Node // sorted
	known   []*holder
	blind   bool // a node that may hold something was never heard
	early   bool // what it holds may be a lease of somebody's before
	sums    map[Key]*sum
}

// sum is what all nodes together may hold of a direction, and what each shall have of it in the end.
type sum struct {
	capacity int64
	most     int64 // unknown included
	safe     int64 // of the known ones
	unknown  int64 // what nodes that were never heard may let through
	target   map[string]int64
}

// hear brings the accounts up to date with what nodes report, and closes those of nodes that have ended.
func (l *Ledger) hear(now time.Time, nodes []Node) *round {
	r := &round{Ledger: l, now: now, nodes: len(nodes), sums: map[Key]*sum{}, early: now.Before(l.began.Add(l.lease + l.lease/drift))}
	here := make(map[string]bool, len(nodes))
	for _, n := range nodes {
		here[n.ID] = true
		h := l.holders[n.ID]
		if h == nil && (n.Last != nil || n.Since.After(l.began)) {
			h = &holder{}
			l.holders[n.ID] = h
			if n.Last != nil && n.Last.Held.ID != 0 {
				h.adopt(n.Last)
			}
		}
		if h == nil {
			r.blind = true
			continue
		}
		r.known = append(r.known, h)
		if n.Last == nil {
			continue
		}
		// Another boot has none of the grants to the one before, and takes none of them.
		h.grants = slices.DeleteFunc(h.grants, func(e entry) bool { return e.boot != n.Last.Boot })
		if len(h.grants) == 0 {
			h.open = false
		}
		l.Confirm(n.ID, n.Last.Held.ID)
		l.last = max(l.last, n.Last.Held.ID)
		if now.Sub(n.Last.At) <= l.lease/2 {
			r.reached = append(r.reached, n)
		}
	}
	for id := range l.holders {
		if !here[id] {
			delete(l.holders, id)
		}
	}
	slices.SortFunc(r.reached, func(a, b Node) int { return cmp.Compare(a.ID, b.ID) })
	return r
}

// adopt takes over what a node holds by somebody else's grant. When that was given is not known: its safe part may be due.
func (h *holder) adopt(last *Report) {
	parts := make(map[Key]Part, len(last.Held.Parts))
	h.found = make(map[Key]int64, len(last.Held.Parts))
	for _, p := range last.Held.Parts {
		parts[p.Key], h.found[p.Key] = p.Part, p.Share
		if last.LeftMs <= 0 {
			h.found[p.Key] = min(p.Share, p.Safe)
		}
	}
	left := time.Duration(last.LeftMs) * time.Millisecond
	h.grants = []entry{{
		id: last.Held.ID, boot: last.Boot, seq: last.Held.Seq, parts: parts,
		heard: last.At, until: last.At.Add(left + left/drift), rise: last.At, adopted: true,
	}}
}

// most is the most that a node may let through of k at any time until leases that are given now are over.
func (r *round) most(h *holder, k Key) int64 {
	var most int64
	for _, e := range h.grants {
		p := e.parts[k]
		if r.now.Before(e.until) {
			most = max(most, p.Share)
		}
		most = max(most, min(p.Share, p.Safe))
		if !e.rise.After(r.now.Add(r.lease + r.lease/drift)) {
			most = max(most, p.Safe)
		}
	}
	return most
}

// safe is the largest safe part of k that a node may have.
func (h *holder) safe(k Key) int64 {
	var most int64
	for _, e := range h.grants {
		most = max(most, e.parts[k].Safe)
	}
	return most
}

// aim sets what nodes shall have of k in the end.
func (r *round) aim(k Key, capacity int64) {
	t := &sum{capacity: capacity, target: make(map[string]int64, len(r.reached))}
	r.sums[k] = t
	var found int64
	for _, h := range r.known {
		t.most, t.safe, found = t.most+r.most(h, k), t.safe+h.safe(k), found+h.found[k]
	}
	if r.blind {
		t.unknown = max(capacity/2-t.safe, 0) // their safe parts
	}
	if r.blind && r.early {
		t.unknown = max(t.unknown, capacity-found) // or leases
	}
	t.most += t.unknown
	away := t.most
	demands := make([]Demand, len(r.reached))
	for i, n := range r.reached {
		demands[i] = n.Last.Demands[k]
		away -= r.most(r.holders[n.ID], k)
	}
	for i, part := range Divide(capacity-away, demands) {
		t.target[r.reached[i].ID] = part
	}
}

// order is the grant that a node is due.
func (r *round) order(n Node) (Grant, bool) {
	h := r.holders[n.ID]
	if h.open && r.now.Sub(h.sent) < patience {
		return Grant{}, false
	}
	var last entry
	if len(h.grants) > 0 {
		last = h.grants[len(h.grants)-1]
	}
	fresh, less := make(map[Key]Part, len(r.sums)), make(map[Key]Part, len(r.sums))
	held := last.id != 0
	left := last.until.Sub(r.now)
	renew, urgent := left < r.lease/2 && r.now.Sub(n.Last.At) < r.lease/2, left < r.lease/4
	change, shrink, hurts := !held, false, false
	for k, t := range r.sums {
		target, before := t.target[n.ID], last.parts[k]
		free := max(t.capacity-(t.most-r.most(h, k)), 0)
		f := Part{Share: min(target, free), Safe: r.safePart(h, k)}
		fresh[k], less[k] = f, Part{Share: min(target, before.Share), Safe: min(f.Safe, before.Safe)}
		change = change || f.Share-before.Share > before.Share/grain
		shrink = shrink || before.Share-target > before.Share/grain || target < before.Share && t.most > t.capacity || f.Safe < before.Safe
		hurts = hurts || f.Share < min(target, before.Share)
	}
	for k := range last.parts {
		change = change || r.sums[k] == nil
	}
	switch {
	case last.adopted && left > 0:
		// No longer and no more than it has, but from now on it is known when its safe part is due.
		return r.give(h, less, last.seq, last.boot, last.heard), true
	case hurts && !urgent:
		// A longer lease on what it has would be too much together, one on less takes more than it must.
		if !shrink {
			return Grant{}, false
		}
		return r.give(h, less, last.seq, last.boot, last.heard), true
	case renew, change, shrink:
		return r.give(h, fresh, n.Last.Seq, n.Last.Boot, n.Last.At), true
	}
	return Grant{}, false
}

// safePart is half of the capacity by the nodes that there are, up to a power of two of them, so that not every node that
// comes or goes changes all; as far as the others leave it.
func (r *round) safePart(h *holder, k Key) int64 {
	t, n := r.sums[k], int64(1)
	for n < int64(r.nodes) {
		n *= 2
	}
	half := t.capacity / 2
	free := half - (t.safe - h.safe(k))
	if r.blind {
		free = min(free, h.safe(k)) // the rest may be the unknown ones'
	}
	return max(min(half/n, free), 0)
}

// give writes a grant down before it is sent.
func (r *round) give(h *holder, parts map[Key]Part, seq uint64, boot string, heard time.Time) Grant {
	r.last++
	g := Grant{ID: r.last, Boot: boot, Seq: seq, LeaseMs: r.lease.Milliseconds()}
	for k, p := range parts {
		g.Parts = append(g.Parts, Line{k, p})
	}
	slices.SortFunc(g.Parts, func(a, b Line) int { return cmp.Or(cmp.Compare(a.Link, b.Link), compareBool(a.In, b.In)) })
	for k, t := range r.sums {
		t.most, t.safe = t.most-r.most(h, k), t.safe-h.safe(k)
	}
	h.grants = append(h.fold(), entry{
		id: g.ID, boot: boot, seq: seq, parts: parts, heard: heard,
		until: heard.Add(r.lease + r.lease/drift), rise: r.now.Add(2*r.lease - r.lease/drift),
	})
	for k, t := range r.sums {
		t.most, t.safe = t.most+r.most(h, k), t.safe+h.safe(k)
	}
	h.sent, h.open = r.now, true
	return g
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// mostOpen bounds the grants in doubt of one node: older ones are counted as one.
const mostOpen = 8

// fold keeps an account short. What is counted of several grants together is what each of them allows at most.
func (h *holder) fold() []entry {
	if len(h.grants) < mostOpen {
		return h.grants
	}
	a, b := h.grants[0], h.grants[1]
	parts := make(map[Key]Part, len(b.parts))
	for _, e := range []entry{a, b} {
		for k, p := range e.parts {
			parts[k] = Part{max(parts[k].Share, p.Share), max(parts[k].Safe, p.Safe)}
		}
	}
	b.parts = parts
	if a.until.After(b.until) {
		b.until = a.until
	}
	if a.rise.Before(b.rise) {
		b.rise = a.rise
	}
	return append([]entry{b}, h.grants[2:]...)
}
