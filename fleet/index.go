package fleet

import (
	"slices"
	"sync"
	"time"

	"github.com/godwit/godwit/fleet/report"
)

// NodeView is what a node last said. It is immutable: hold it as long as you like, change nothing in it.
type NodeView struct {
	ID       string
	Boot     string
	Seq      uint64
	At       time.Time // manager's clock at arrival
	SentAt   time.Time // node's clock at sending; zero where it did not say
	Facts    *report.Facts
	Sessions []*report.Session
}

// Stale tells that the node has been silent for longer than LiveAge.
func (v *NodeView) Stale(now time.Time) bool { return now.Sub(v.At) > LiveAge }

// Healthy tells that all of the node's services are.
func (v *NodeView) Healthy() bool {
	for _, s := range v.Facts.GetServices() {
		if s.GetState() != "healthy" {
			return false
		}
	}
	return true
}

// Live is one active session together with the node that reports it.
type Live struct {
	*report.Session
	NodeID string
	At     time.Time
}

// Totals sum up all nodes that are not stale.
type Totals struct {
	Nodes, Sessions                                int
	SendBps, ReceiveBps, SendCapBps, ReceiveCapBps float64
	BytesSent, BytesReceived, FilesDone            uint64 // since the boot of each node
}

func (t *Totals) add(f *report.Facts, sessions, sign int) {
	t.Nodes += sign
	t.Sessions += sign * sessions
	t.SendBps += float64(sign) * f.GetSendBps()
	t.ReceiveBps += float64(sign) * f.GetReceiveBps()
	t.SendCapBps += float64(sign) * f.GetSendCapBps()
	t.ReceiveCapBps += float64(sign) * f.GetReceiveCapBps()
	if sign > 0 {
		t.BytesSent += f.GetBytesSent()
		t.BytesReceived += f.GetBytesReceived()
		t.FilesDone += f.GetFilesDone()
	} else {
		t.BytesSent -= f.GetBytesSent()
		t.BytesReceived -= f.GetBytesReceived()
		t.FilesDone -= f.GetFilesDone()
	}
}

// Index is the read side of the live picture. Make it with NewIndex.
type Index struct {
	now func() time.Time

	mu      sync.RWMutex
	nodes   map[string]*nodeEntry
	tenants map[string]*roster // "" holds all
	moves   map[string]*roster // by transfer
	byID    map[string]*Live   // by session
	lost    lost
	totals  Totals
	subs    map[*Subscription]struct{}
}

type nodeEntry struct {
	view     *NodeView
	bootAt   int64
	counted  bool // in totals and rosters: false once stale
	building *assembly
}

// assembly collects the chunks of one report.
type assembly struct {
	boot   string
	seq    uint64
	chunks []*report.Report
	have   int
}

// NewIndex returns an empty index; now is the clock of arrival.
func NewIndex(now func() time.Time) *Index {
	return &Index{
		now: now, nodes: map[string]*nodeEntry{}, tenants: map[string]*roster{"": newRoster()},
		moves: map[string]*roster{}, byID: map[string]*Live{}, lost: lost{}, subs: map[*Subscription]struct{}{},
	}
}

// Apply takes one chunk in. A report counts when all of its chunks have come; older ones and those of an earlier boot are ignored. It tells whether the picture changed.
func (x *Index) Apply(c *report.Report) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	e := x.nodes[c.GetNodeId()]
	if e == nil {
		e = &nodeEntry{}
		x.nodes[c.GetNodeId()] = e
	}
	if v := e.view; v != nil {
		if v.Boot == c.GetBoot() && c.GetSeq() <= v.Seq {
			return false
		}
		// Boots are told apart by the node's clock. One that was set back makes the
		// new boot look older: believed once the other has fallen silent.
		if v.Boot != c.GetBoot() && c.GetBootUnixMs() < e.bootAt && !v.Stale(x.now()) {
			return false
		}
	}
	b := e.building
	if b == nil || b.boot != c.GetBoot() || b.seq != c.GetSeq() || len(b.chunks) != int(c.GetChunks()) {
		if b != nil && b.boot == c.GetBoot() && b.seq > c.GetSeq() {
			return false
		}
		b = &assembly{boot: c.GetBoot(), seq: c.GetSeq(), chunks: make([]*report.Report, c.GetChunks())}
		e.building = b
	}
	if b.chunks[c.GetChunk()] == nil {
		b.chunks[c.GetChunk()] = c
		b.have++
	}
	if b.have < len(b.chunks) {
		return false
	}
	e.building = nil
	next := &NodeView{ID: c.GetNodeId(), Boot: b.boot, Seq: b.seq, At: x.now(), Facts: b.chunks[0].GetFacts()}
	if ms := c.GetAtUnixMs(); ms != 0 {
		next.SentAt = time.UnixMilli(ms).UTC()
	}
	for _, part := range b.chunks {
		next.Sessions = append(next.Sessions, part.GetSessions()...)
	}
	x.replace(e, next)
	e.bootAt = c.GetBootUnixMs()
	x.notify(next.ID)
	return true
}

// replace puts the next view in the place of the last one. Sessions that go on stay where they are in their rosters, so that the order survives.
func (x *Index) replace(e *nodeEntry, next *NodeView) {
	if e.counted {
		goesOn := make(map[string]*report.Session, len(next.Sessions))
		for _, s := range next.Sessions {
			goesOn[s.GetId()] = s
		}
		for _, s := range e.view.Sessions {
			if same, ok := goesOn[s.GetId()]; !ok || same.GetTenant() != s.GetTenant() || same.GetTransferId() != s.GetTransferId() {
				x.leave(e.view.ID, s)
				if e.view.Boot != next.Boot || s.GetState() == "moving" {
					x.lost.put(&Live{Session: s, NodeID: e.view.ID, At: e.view.At})
				}
			}
		}
		x.totals.add(e.view.Facts, len(e.view.Sessions), -1)
	}
	e.view, e.counted = next, true
	x.totals.add(next.Facts, len(next.Sessions), 1)
	for _, s := range next.Sessions {
		x.lost.found(s)
		x.enter(&Live{Session: s, NodeID: next.ID, At: next.At})
	}
}

func (x *Index) enter(l *Live) {
	x.tenants[""].put(l)
	x.byID[l.GetId()] = l
	join(x.tenants, l.GetTenant(), l)
	join(x.moves, l.GetTransferId(), l)
}

func (x *Index) leave(node string, s *report.Session) {
	x.tenants[""].remove(node, s.GetId())
	if l := x.byID[s.GetId()]; l != nil && l.NodeID == node {
		delete(x.byID, s.GetId())
	}
	part(x.tenants, s.GetTenant(), node, s.GetId())
	part(x.moves, s.GetTransferId(), node, s.GetId())
}

func join(rosters map[string]*roster, key string, l *Live) {
	if key == "" {
		return
	}
	if rosters[key] == nil {
		rosters[key] = newRoster()
	}
	rosters[key].put(l)
}

func part(rosters map[string]*roster, key, node, session string) {
	if r := rosters[key]; key != "" && r != nil && r.remove(node, session) == 0 {
		delete(rosters, key)
	}
}

func (x *Index) uncount(e *nodeEntry) {
	if !e.counted {
		return
	}
	e.counted = false
	x.totals.add(e.view.Facts, len(e.view.Sessions), -1)
	for _, s := range e.view.Sessions {
		x.leave(e.view.ID, s)
		x.lost.put(&Live{Session: s, NodeID: e.view.ID, At: e.view.At})
	}
}

// Node returns what a node last said, stale or not.
func (x *Index) Node(id string) (*NodeView, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	e := x.nodes[id]
	if e == nil || e.view == nil {
		return nil, false
	}
	return e.view, true
}

// Snapshot is a consistent picture of all nodes, stale ones included, ordered by id.
func (x *Index) Snapshot() []*NodeView {
	x.mu.RLock()
	defer x.mu.RUnlock()
	out := make([]*NodeView, 0, len(x.nodes))
	for _, e := range x.nodes {
		if e.view != nil {
			out = append(out, e.view)
		}
	}
	slices.SortFunc(out, func(a, b *NodeView) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return out
}

// Totals returns the sums over all nodes that are not stale.
func (x *Index) Totals() Totals {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.totals
}

// Session finds an active session by its id, on any node.
func (x *Index) Session(id string) (*Live, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	l, ok := x.byID[id]
	return l, ok
}

// Transfer returns the active sessions of one transfer, the newest first.
func (x *Index) Transfer(id string) []*Live {
	x.mu.RLock()
	defer x.mu.RUnlock()
	r := x.moves[id]
	if r == nil {
		return nil
	}
	out := make([]*Live, 0, len(r.members))
	for _, l := range r.members {
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b *Live) int {
		return compareOrder(orderKey{a.GetStartedUnixMs(), rosterKey{a.NodeID, a.GetId()}}, orderKey{b.GetStartedUnixMs(), rosterKey{b.NodeID, b.GetId()}})
	})
	return out
}

// Remove drops a node at once.
func (x *Index) Remove(node string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if e := x.nodes[node]; e != nil {
		x.uncount(e)
		delete(x.nodes, node)
		x.notify(node)
	}
}

// Sweep takes stale nodes out of totals and tenants, and forgets those silent for longer than keep. It returns the nodes that became stale.
func (x *Index) Sweep(keep time.Duration) []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	now := x.now()
	x.lost.forget(now, keep, func(transfer string) bool { return x.moves[transfer] != nil })
	var silent []string
	for id, e := range x.nodes {
		switch {
		case e.view == nil:
			// Only chunks so far: the next report brings the rest.
		case now.Sub(e.view.At) > keep:
			x.uncount(e)
			delete(x.nodes, id)
			x.notify(id)
		case e.counted && e.view.Stale(now):
			x.uncount(e)
			silent = append(silent, id)
			x.notify(id)
		}
	}
	return silent
}
