package api

import (
	"context"
	"math"
	"time"

	"github.com/godwit/godwit/fleet"
	"github.com/godwit/godwit/statestore"
)

// news compares one picture with the next and tells the followers what changed. One goroutine uses it.
type news struct {
	s        *Server
	nodes    map[string]Node // as last told
	reported map[string]bool // nodes that reported since
	running  map[string]bool // transfers told as live
	rows     map[string]statestore.Transfer
	rowsAt   time.Time
	toldAt   map[string]time.Time // nodes, when told last
	turn     int                  // index of the node whose figures are told first
	cells    map[string]FlockNode // of the overview, as last told
	cellTurn int                  // likewise, of the cells
	change   int64                // of a condition, told last
	placed   bool                 // change is set
	audited  string               // audit entry told last
	listens  bool                 // audited is set
}

// Nobody looks at more transfers than this at a time. While more run, followers hear of those that begin and end, as
// many at once as a page shows, and read what else they show.
const (
	runningTold = 500
	begunTold   = 100
)

// rowAge is how old a live transfer's row may be: what moves comes from the live picture.
const rowAge = 5 * time.Second

func newNews(s *Server) *news {
	return &news{
		s: s, nodes: map[string]Node{}, reported: map[string]bool{}, running: map[string]bool{}, rows: map[string]statestore.Transfer{},
		toldAt: map[string]time.Time{}, cells: map[string]FlockNode{},
	}
}

// tell publishes what is new. changed are the nodes that reported.
func (n *news) tell(ctx context.Context, changed []string) {
	p := n.s.flock.current()
	for _, id := range changed {
		n.reported[id] = true
	}
	n.tellDecisions(ctx, p)
	n.tellConditions(ctx, p)
	n.tellAudit(ctx)
	// Of what nobody follows, that is told next which differs from what was told last.
	if n.s.hub.followed("nodes") {
		n.tellNodes(ctx, p)
	}
	if n.s.hub.followed("transfers") {
		n.tellTransfers(ctx, p)
	}
	if n.s.hub.followed("overview") {
		n.tellOverview(ctx, p)
	}
}

func (n *news) publish(ctx context.Context, topic, name string, data any) {
	if err := n.s.hub.publish(topic, name, data); err != nil {
		n.s.log.ErrorContext(ctx, "event lost", "error", err)
	}
}

// tellNodes tells nodes of another state or pool at once, and those whose figures moved: of a large flock some each time,
// taking turns, since a page shows few of them and a browser would be deaf while it takes in thousands.
func (n *news) tellNodes(ctx context.Context, p *picture) {
	now := n.s.now().UTC()
	event := NodesEvent{At: now, Nodes: []Node{}}
	first := len(n.nodes) == 0 && len(p.nodes) > wholeFlock // followers have just read them
	seen := make(map[string]bool, len(p.nodes))
	most := len(p.nodes)
	if most > wholeFlock {
		most = nodesTold
	}
	turn := n.turn
	for i := range p.nodes {
		row := &p.nodes[(turn+i)%len(p.nodes)]
		seen[row.ID] = true
		view := n.s.nodeView(p, row)
		old, told := n.nodes[row.ID]
		if told && still(&old, &view) && (!n.reported[row.ID] || now.Sub(n.toldAt[row.ID]) < nodeStill) {
			continue
		}
		if told && old.State == view.State && old.Pool == view.Pool {
			if most == 0 {
				continue
			}
			if most--; most == 0 {
				n.turn = (turn + i + 1) % len(p.nodes)
			}
		}
		n.nodes[row.ID], n.toldAt[row.ID] = view, now
		if !first {
			event.Nodes = append(event.Nodes, view)
		}
	}
	for id, old := range n.nodes {
		if seen[id] || p.at.IsZero() {
			continue
		}
		delete(n.nodes, id)
		delete(n.toldAt, id)
		ended := now
		old.State, old.Pool, old.EndedAt, old.Sessions, old.SendBps, old.ReceiveBps = string(statestore.NodeTerminated), "", &ended, 0, 0, 0
		event.Nodes = append(event.Nodes, old)
	}
	clear(n.reported)
	if len(event.Nodes) > 0 {
		n.publish(ctx, "nodes", "nodes", event)
	}
}

func (n *news) tellTransfers(ctx context.Context, p *picture) {
	now := n.s.now()
	running := live(n.s.fleet.Snapshot(), now)
	event := TransfersEvent{At: now.UTC(), Transfers: []Transfer{}}
	if now.Sub(n.rowsAt) > rowAge {
		clear(n.rows)
		n.rowsAt = now
	}
	few := len(running) <= runningTold
	for id := range running {
		if few || !n.running[id] && len(event.Transfers) < begunTold {
			event.Transfers = append(event.Transfers, n.transfer(ctx, p, id, n.s.fleet.Transfer(id))...)
		}
	}
	ended := 0
	for id := range n.running {
		if running[id] {
			continue
		}
		delete(n.rows, id) // it ended or moves: its row says which
		if ended++; few || ended <= begunTold {
			event.Transfers = append(event.Transfers, n.transfer(ctx, p, id, nil)...)
		}
	}
	n.running = running
	if len(event.Transfers) > 0 {
		n.publish(ctx, "transfers", "transfers", event)
	}
}

// transfer is one view, or none when the store cannot say.
func (n *news) transfer(ctx context.Context, p *picture, id string, sessions []*fleet.Live) []Transfer {
	row, known := n.rows[id]
	if !known {
		var err error
		if row, err = n.s.store.Transfers.Get(ctx, id); err != nil {
			if len(sessions) == 0 {
				return nil
			}
			return []Transfer{n.s.strangerView(p, sessions)}
		}
		n.rows[id] = row
	}
	return []Transfer{n.s.transferView(p, row, sessions)}
}

// tellDecisions reads the newest decisions of each cluster, oldest of the new ones first. Most of the time the newest is
// known and was only made again.
func (n *news) tellDecisions(ctx context.Context, p *picture) {
	const most = 20
	for _, c := range p.clusters {
		before, known := n.s.latest.get(c.ID)
		l, err := n.newest(ctx, c.ID, 1)
		if err == nil && len(l) == 1 && l[0].ID != before.ID && known {
			l, err = n.newest(ctx, c.ID, most)
		}
		if err != nil {
			return // the next round reads again
		}
		for i := len(l) - 1; i >= 0; i-- {
			if n.s.latest.put(l[i]) {
				n.publish(ctx, "decisions", "decision", DecisionEvent{Decision: p.decisionInList(l[i])})
			}
		}
	}
}

func (n *news) newest(ctx context.Context, clusterID string, limit int) ([]statestore.Decision, error) {
	l, err := n.s.store.Decisions.List(ctx, statestore.DecisionFilter{ClusterID: clusterID}, statestore.Page{Limit: limit})
	return l.Items, err
}

func (n *news) tellOverview(ctx context.Context, p *picture) {
	now := n.s.now()
	m := measure(p, n.s.fleet.Snapshot(), now)[""]
	moved, gone := n.moved(n.s.flockNodes(p, ""))
	n.publish(ctx, "overview", "overview", OverviewEvent{
		At: now.UTC(), Doing: n.s.doing(p, ""), SendBps: m.send, ReceiveBps: m.receive, SendCap: m.sendCap, ReceiveCap: m.receiveCap,
		CapIdle: m.capIdle, CapLow: m.capLow, CapHigh: m.capHigh, Sessions: m.sessions, Running: m.nodes, Nodes: moved, Gone: gone,
	})
}

// wholeFlock is how many cells an event always carries, moved or not: at that size it costs nothing, and a follower
// that has just come need not wait for a change.
const wholeFlock = 200

// nodesTold and cellsTold bound how many of a larger flock one event tells only because their figures moved.
const (
	nodesTold = 200
	cellsTold = 1000
)

// moved are the cells that look otherwise than when they were told, as tellNodes tells nodes, and those that are gone.
func (n *news) moved(cells []FlockNode) (moved []FlockNode, gone []string) {
	moved, gone = []FlockNode{}, []string{}
	seen := make(map[string]bool, len(cells))
	large := len(cells) > wholeFlock
	first, most := len(n.cells) == 0 && large, cellsTold
	turn := n.cellTurn
	for i := range cells {
		c := cells[(turn+i)%len(cells)]
		seen[c.ID] = true
		old, told := n.cells[c.ID]
		if told && large && sameCell(old, c) {
			continue
		}
		if told && large && old.State == c.State && old.Pool == c.Pool {
			if most == 0 {
				continue
			}
			if most--; most == 0 {
				n.cellTurn = (turn + i + 1) % len(cells)
			}
		}
		n.cells[c.ID] = c
		if !first {
			moved = append(moved, c)
		}
	}
	for id := range n.cells {
		if !seen[id] {
			delete(n.cells, id)
			gone = append(gone, id)
		}
	}
	return moved, gone
}

// sameCell: the shade of a cell has fewer steps than fifty, and its figures, read by hovering over it, may be a tenth off.
func sameCell(a, b FlockNode) bool {
	near := func(x, y int64) bool { return 10*max(x-y, y-x) <= max(x, y) }
	return a.Name == b.Name && a.State == b.State && a.Pool == b.Pool && a.Signal == b.Signal &&
		math.Abs(a.Utilization-b.Utilization) < 0.02 && near(int64(a.Sessions), int64(b.Sessions)) &&
		near(a.SendBps, b.SendBps) && near(a.ReceiveBps, b.ReceiveBps)
}
