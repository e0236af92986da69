package cluster

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/godwit/godwit/policy"
)

// Placement is where a client connects for a new session.
type Placement struct {
	NodeID string
	Name   string
	// Address is the one that clients use: public, or private where a node has
	// no public one.
	Address string
	// Port for TCP and UDP.
	Port int
	// CertSHA256 pins the node's serving certificate, in hex.
	CertSHA256 string
	Pool       policy.Pool
	// Overflow says that nothing is available and this node is the least
	// loaded of the full ones.
	Overflow bool
}

const (
	// rowsFor is how old the rows may be from which a placement is made.
	rowsFor = time.Second
	// reportsFor is the same for reports; reservations tell what is newer.
	reportsFor = 200 * time.Millisecond
	// connectWithin is how long a client takes from its spec to a session that
	// its node's report shows.
	connectWithin = 5 * time.Second
	// reservedFor is when a client that never came is given up.
	reservedFor = 30 * time.Second
)

// Best returns up to count nodes for a new session, best first, and reserves a
// session on each: a burst of clients spreads over the nodes before any report
// tells of them. Several nodes serve to stripe.
// Nodes in without, which the client could not reach just now, come last.
// With none to have the error is a *policy.Refusal with the time after which
// to try again. Any manager may answer.
func (r *Reconciler) Best(ctx context.Context, clusterID string, count int, without ...string) ([]Placement, error) {
	b, err := r.placing.round(clusterID, r.now(), func() (*round, error) { return r.look(ctx, clusterID, nil) })
	if err != nil {
		return nil, err
	}
	r.placing.mutex.Lock()
	defer r.placing.mutex.Unlock() // one at a time: each sees the others' reservations
	now := r.now()
	view := *b
	view.now, view.reports = now, r.placing.hear(now, r.config.Fleet)
	snapshot := r.snapshot(&view)
	snapshot.Nodes = reachable(&view, snapshot.Nodes)
	ranked := policy.Rank(snapshot, view.policy, now)
	if len(ranked) == 0 {
		_, err := policy.Best(snapshot, view.policy, now)
		return nil, err
	}
	if len(without) > 0 {
		slices.SortStableFunc(ranked, func(a, b policy.Placement) int {
			return missed(without, a.NodeID) - missed(without, b.NodeID)
		})
	}
	var placements []Placement
	for _, choice := range ranked[:min(max(count, 1), len(ranked))] {
		r.reserved.add(choice.NodeID, now)
		placements = append(placements, view.place(choice))
	}
	return placements, nil
}

func missed(without []string, nodeID string) int {
	if slices.Contains(without, nodeID) {
		return 1
	}
	return 0
}

// reachable leaves out running nodes that did not say yet where they listen.
func reachable(b *round, nodes []policy.Node) []policy.Node {
	var kept []policy.Node
	for i, node := range nodes {
		report, _ := b.reports.of(node.ID)
		row := b.nodes[i]
		known := (report.Port != 0 || row.TransferPort != 0) && (row.PublicAddress != "" || row.PrivateAddress != "")
		if node.State != policy.Running || known && !report.Draining {
			kept = append(kept, node)
		}
	}
	return kept
}

func (b *round) place(choice policy.Placement) Placement {
	p := Placement{NodeID: choice.NodeID, Pool: choice.Pool, Overflow: choice.Overflow}
	for _, n := range b.nodes {
		if n.ID != choice.NodeID {
			continue
		}
		p.Name, p.Address, p.Port, p.CertSHA256 = n.Name, n.PublicAddress, n.TransferPort, n.CertSHA256
		if p.Address == "" {
			p.Address = n.PrivateAddress
		}
	}
	if report, _ := b.reports.of(choice.NodeID); report.Port != 0 {
		p.Port = report.Port
		if report.CertSHA256 != "" {
			p.CertSHA256 = report.CertSHA256
		}
	}
	return p
}

// placing keeps rows and reports for a moment: clients come by the hundred.
type placing struct {
	mutex   sync.Mutex
	cache   map[string]*round
	reports heard
	heardAt time.Time
}

// hear returns the reports of all nodes, with the mutex held.
func (p *placing) hear(now time.Time, fleet Fleet) heard {
	if p.reports == nil || now.Sub(p.heardAt) > reportsFor {
		p.reports, p.heardAt = hear(fleet), now
	}
	return p.reports
}

func (p *placing) round(clusterID string, now time.Time, look func() (*round, error)) (*round, error) {
	p.mutex.Lock()
	b := p.cache[clusterID]
	p.mutex.Unlock()
	if b != nil && now.Sub(b.now) < rowsFor {
		return b, nil
	}
	b, err := look()
	if err != nil {
		return nil, err
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.cache == nil {
		p.cache = map[string]*round{}
	}
	p.cache[clusterID] = b
	return b, nil
}

// reservations are sessions that clients were sent to and no report shows yet.
type reservations struct {
	mutex sync.Mutex
	times map[string][]time.Time // by node, oldest first
}

func newReservations() *reservations { return &reservations{times: map[string][]time.Time{}} }

func (r *reservations) add(nodeID string, at time.Time) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.times[nodeID] = append(r.times[nodeID], at)
}

func (r *reservations) drop(nodeID string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	delete(r.times, nodeID)
}

// expected counts the reservations that a report of that time can't show yet,
// and forgets the others.
func (r *reservations) expected(nodeID string, reported, now time.Time) int {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	times := r.times[nodeID]
	gone := 0
	for gone < len(times) && (reported.After(times[gone].Add(connectWithin)) || now.Sub(times[gone]) > reservedFor) {
		gone++
	}
	if gone == len(times) {
		delete(r.times, nodeID)
		return 0
	}
	r.times[nodeID] = times[gone:]
	return len(times) - gone
}
