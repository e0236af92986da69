package fleet

import (
	"slices"
	"strings"
)

// roster holds active sessions with the newest first. Reports change rates all the time and membership seldom: the order is sorted again only when
// membership changed and somebody asks.
type roster struct {
	members map[rosterKey]*Live
	order   []orderKey
	dirty   bool
}

type rosterKey struct{ node, session string }

// orderKey is all that order needs, so that a sorted list survives updates of the sessions themselves.
type orderKey struct {
	started int64
	key     rosterKey
}

func newRoster() *roster { return &roster{members: map[rosterKey]*Live{}} }

func (r *roster) put(l *Live) {
	k := rosterKey{l.NodeID, l.GetId()}
	if old := r.members[k]; old == nil || old.GetStartedUnixMs() != l.GetStartedUnixMs() {
		r.dirty = true
	}
	r.members[k] = l
}

// remove returns how many are left. The order is kept: a report takes its sessions out and puts most of them back.
func (r *roster) remove(node, session string) int {
	delete(r.members, rosterKey{node, session})
	return len(r.members)
}

func compareOrder(a, b orderKey) int {
	switch {
	case a.started != b.started:
		if a.started > b.started {
			return -1
		}
		return 1
	case a.key.session != b.key.session:
		return strings.Compare(a.key.session, b.key.session)
	}
	return strings.Compare(a.key.node, b.key.node)
}

func (r *roster) sort() {
	r.order = r.order[:0]
	for k, l := range r.members {
		r.order = append(r.order, orderKey{l.GetStartedUnixMs(), k})
	}
	slices.SortFunc(r.order, compareOrder)
	r.dirty = false
}

// Cursor continues a page after its last row. The zero value starts at the newest.
type Cursor struct {
	StartedUnixMs int64
	Session, Node string
}

// Page returns up to limit active sessions of a tenant ("" for all), newest first, and the cursor of the next page; more tells whether there is one.
// Sessions that end between two pages are left out, those that start are at the beginning; none is shown twice.
func (x *Index) Page(tenant string, after Cursor, limit int) (page []*Live, next Cursor, more bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	r := x.tenants[tenant]
	if r == nil {
		return nil, after, false
	}
	if r.dirty || len(r.order) > 2*len(r.members)+16 {
		r.sort()
	}
	from := 0
	if after != (Cursor{}) {
		last := orderKey{after.StartedUnixMs, rosterKey{after.Node, after.Session}}
		var found bool
		if from, found = slices.BinarySearchFunc(r.order, last, compareOrder); found {
			from++
		}
	}
	for _, o := range r.order[from:] {
		l := r.members[o.key]
		if l == nil {
			continue
		}
		if len(page) == limit {
			return page, next, true
		}
		page = append(page, l)
		next = Cursor{o.started, o.key.session, o.key.node}
	}
	return page, next, false
}

// TenantSessions counts a tenant's active sessions.
func (x *Index) TenantSessions(tenant string) int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if r := x.tenants[tenant]; r != nil {
		return len(r.members)
	}
	return 0
}
