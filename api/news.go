package api

import (
	"context"
	"time"

	"github.com/godwit/godwit/fleet"
	"github.com/godwit/godwit/statestore"
)

// news compares one picture with the next and tells the followers what changed. One goroutine uses it.
type news struct {
	s       *Server
	nodes   map[string]Node // as last told, without the figures that move all the time
	running map[string]bool // transfers told as live
	rows    map[string]statestore.Transfer
	rowsAt  time.Time
}

// rowAge is how old a live transfer's row may be: what moves comes from the live picture.
const rowAge = 5 * time.Second

func newNews(s *Server) *news {
	return &news{s: s, nodes: map[string]Node{}, running: map[string]bool{}, rows: map[string]statestore.Transfer{}}
}

// tell publishes what is new. changed are the nodes that reported.
func (n *news) tell(ctx context.Context, changed []string) {
	p := n.s.flock.current()
	n.tellNodes(ctx, p, changed)
	n.tellTransfers(ctx, p)
	n.tellDecisions(ctx, p)
	n.tellOverview(ctx, p)
}

func (n *news) publish(ctx context.Context, topic, name string, data any) {
	if err := n.s.hub.publish(topic, name, data); err != nil {
		n.s.log.ErrorContext(ctx, "event lost", "error", err)
	}
}

func (n *news) tellNodes(ctx context.Context, p *picture, changed []string) {
	reported := map[string]bool{}
	for _, id := range changed {
		reported[id] = true
	}
	now := n.s.now().UTC()
	event := NodesEvent{At: now, Nodes: []Node{}}
	seen := map[string]bool{}
	for i := range p.nodes {
		row := &p.nodes[i]
		seen[row.ID] = true
		view := n.s.nodeView(p, row)
		if old, told := n.nodes[row.ID]; told && !reported[row.ID] && old.State == view.State && old.Pool == view.Pool && old.Address == view.Address {
			continue
		}
		n.nodes[row.ID] = view
		event.Nodes = append(event.Nodes, view)
	}
	for id, old := range n.nodes {
		if seen[id] || p.at.IsZero() {
			continue
		}
		delete(n.nodes, id)
		ended := now
		old.State, old.Pool, old.EndedAt, old.Sessions, old.SendBps, old.ReceiveBps = string(statestore.NodeTerminated), "", &ended, 0, 0, 0
		event.Nodes = append(event.Nodes, old)
	}
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
	for id := range running {
		event.Transfers = append(event.Transfers, n.transfer(ctx, p, id, n.s.fleet.Transfer(id))...)
	}
	for id := range n.running {
		if !running[id] {
			delete(n.rows, id) // it ended or moves: its row says which
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

// tellDecisions reads the newest decisions of each cluster, oldest of the new ones first.
func (n *news) tellDecisions(ctx context.Context, p *picture) {
	const most = 20
	for _, c := range p.clusters {
		l, err := n.s.store.Decisions.List(ctx, statestore.DecisionFilter{ClusterID: c.ID}, statestore.Page{Limit: most})
		if err != nil {
			return // the next round reads again
		}
		before, known := n.s.latest.get(c.ID)
		for i := len(l.Items) - 1; i >= 0; i-- {
			d := l.Items[i]
			if known && d.ID < before.ID {
				continue
			}
			if n.s.latest.put(d) {
				n.publish(ctx, "decisions", "decision", DecisionEvent{Decision: p.decisionInList(d)})
			}
		}
	}
}

func (n *news) tellOverview(ctx context.Context, p *picture) {
	now := n.s.now()
	m := measure(p, n.s.fleet.Snapshot(), now)[""]
	n.publish(ctx, "overview", "overview", OverviewEvent{
		At: now.UTC(), Doing: n.s.doing(p, ""), SendBps: m.send, ReceiveBps: m.receive, SendCap: m.sendCap, ReceiveCap: m.receiveCap,
		CapIdle: m.capIdle, CapLow: m.capLow, CapHigh: m.capHigh, Sessions: m.sessions, Running: m.nodes, Nodes: n.s.flockNodes(p, ""),
	})
}
