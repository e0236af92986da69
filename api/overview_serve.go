package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/godwit/godwit/fleet"
	"github.com/godwit/godwit/statestore"
)

const (
	// failuresSince and failuresShown bound what counts as recent.
	failuresSince = time.Hour
	failuresShown = 10
	topTenants    = 5
	markersShown  = 100
)

// fleetStart is the beginning of the list of live sessions.
var fleetStart fleet.Cursor

func (s *Server) getOverview(ctx context.Context, in *overviewIn) (*body[Overview], error) {
	id, err := s.clusterID(ctx, in.Cluster)
	if err != nil {
		return nil, err
	}
	p := s.flock.current()
	now := s.now().UTC()
	m := measure(p, s.fleet.Snapshot(), now)[id]
	out := Overview{
		At: now, Doing: s.doing(p, id), Clusters: []Cluster{}, Nodes: []FlockNode{}, SendBps: m.send, ReceiveBps: m.receive,
		SendCap: m.sendCap, ReceiveCap: m.receiveCap, Sessions: m.sessions, Series: s.series.cluster(id), Markers: []Marker{},
		Failures: []Failure{},
	}
	if in.Nodes {
		out.Nodes = s.flockNodes(p, id)
	}
	out.Healthy = true
	for _, c := range p.clusters {
		if id != "" && c.ID != id {
			continue
		}
		v := p.clusterView(c)
		out.Clusters = append(out.Clusters, v)
		out.Healthy = out.Healthy && healthy(v)
	}
	out.Tenants, out.Transfers, err = s.tenants(ctx, p, id, now)
	if err != nil {
		return nil, err
	}
	if err := s.recent(ctx, p, id, now, &out); err != nil {
		return nil, err
	}
	return ok(out), nil
}

// healthy: nothing is known to be wrong, and if nodes run one takes clients. Where none runs it is not for this to say
// whether that is meant.
func healthy(c Cluster) bool {
	running := c.Nodes.ByState[string(statestore.NodeRunning)]
	return len(c.Conditions) == 0 && c.Nodes.ByState[string(statestore.NodeLost)] == 0 &&
		c.Nodes.ByPool[string(statestore.PoolDegraded)] == 0 && (running == 0 || c.Nodes.Available > 0)
}

func (s *Server) flockNodes(p *picture, clusterID string) []FlockNode {
	out := []FlockNode{}
	for i := range p.nodes {
		if clusterID == "" || p.nodes[i].ClusterID == clusterID {
			out = append(out, s.flockNode(p, &p.nodes[i]))
		}
	}
	return out
}

// doing says in one line what is under way and why: nodes in motion, then the reasons of the last decision.
func (s *Server) doing(p *picture, clusterID string) string {
	var lines []string
	for _, c := range p.clusters {
		if clusterID != "" && c.ID != clusterID {
			continue
		}
		line := motion(p, c)
		if d, known := s.latest.get(c.ID); known {
			line = strings.TrimPrefix(line+": "+p.decisionView(d).Summary, ": ")
		}
		if line == "" {
			line = "waiting for the first decision"
		}
		if clusterID == "" && len(p.clusters) > 1 {
			line = c.Name + ": " + line
		}
		lines = append(lines, line)
	}
	if len(lines) == 0 {
		return "no cluster yet"
	}
	return strings.Join(lines, " · ")
}

func motion(p *picture, c statestore.Cluster) string {
	counts := map[statestore.NodeState]int{}
	for i := range p.nodes {
		if p.nodes[i].ClusterID == c.ID {
			counts[p.nodes[i].State]++
		}
	}
	var parts []string
	say := func(word string, states ...statestore.NodeState) {
		n := 0
		for _, st := range states {
			n += counts[st]
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", word, n))
		}
	}
	if c.Paused {
		parts = append(parts, "paused")
	}
	if deleting(c) {
		parts = append(parts, "being deleted")
	}
	say("launching", statestore.NodeRequested, statestore.NodeLaunching, statestore.NodeBooting, statestore.NodeStarting)
	say("draining", statestore.NodeDraining)
	say("ending", statestore.NodeTerminating)
	say("lost", statestore.NodeLost)
	return strings.Join(parts, ", ")
}

// tenants ranks the tenants by their live rate.
func (s *Server) tenants(ctx context.Context, p *picture, clusterID string, now time.Time) ([]TenantRate, TransferTally, error) {
	seen := s.shares.of(clusterID, now, func() traffic { return s.traffic(p, clusterID, now) })
	out := slices.Clone(seen.top)
	for i := range out {
		k, err := s.store.AccessKeys.Get(ctx, out[i].AccessKey)
		if err != nil && !errors.Is(err, statestore.ErrNotFound) {
			return nil, TransferTally{}, err
		}
		out[i].Name = k.Name
	}
	return out, TransferTally{Running: seen.running}, nil
}

// traffic is what the tenants of a cluster do together.
type traffic struct {
	at      time.Time
	top     []TenantRate // those with the highest rates, without names
	running int          // transfers
}

// shares keeps the newest look at each cluster for a moment: it takes a look at every session, of which there may be a
// hundred thousand, and each reader of an overview asks for it.
type shares struct {
	mu sync.Mutex
	by map[string]traffic
}

const shareAge = time.Second

func (c *shares) of(clusterID string, now time.Time, look func() traffic) traffic {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.by[clusterID]; ok && now.Sub(known.at).Abs() < shareAge {
		return known
	}
	if c.by == nil || len(c.by) > 1000 { // of clusters, most of them gone
		c.by = map[string]traffic{}
	}
	c.by[clusterID] = look()
	return c.by[clusterID]
}

func (s *Server) traffic(p *picture, clusterID string, now time.Time) traffic {
	byKey := map[string]*TenantRate{}
	running := map[string]bool{}
	for _, v := range s.fleet.Snapshot() {
		n := p.byID[v.ID]
		if v.Stale(s.now()) || clusterID != "" && (n == nil || n.ClusterID != clusterID) {
			continue
		}
		for _, l := range v.Sessions {
			t := byKey[l.GetTenant()]
			if t == nil {
				t = &TenantRate{AccessKey: l.GetTenant()}
				byKey[l.GetTenant()] = t
			}
			t.RateBps += int64(l.GetRateBps())
			t.Sessions++
			running[l.GetTransferId()] = true
		}
	}
	out := make([]TenantRate, 0, len(byKey))
	for _, t := range byKey {
		out = append(out, *t)
	}
	slices.SortFunc(out, func(a, b TenantRate) int {
		if a.RateBps != b.RateBps {
			return int(max(-1, min(1, b.RateBps-a.RateBps)))
		}
		return strings.Compare(a.AccessKey, b.AccessKey)
	})
	return traffic{at: now, top: out[:min(len(out), topTenants)], running: len(running)}
}

// recent adds the decisions that changed something within the series, and what failed lately.
func (s *Server) recent(ctx context.Context, p *picture, clusterID string, now time.Time, out *Overview) error {
	window := now.Add(-seriesStep * seriesLength)
	acted, err := s.store.Decisions.List(ctx, statestore.DecisionFilter{ClusterID: clusterID, Kind: statestore.DecisionAct, From: window}, statestore.Page{Limit: markersShown})
	if err != nil {
		return err
	}
	for _, d := range acted.Items {
		v := p.decisionView(d)
		out.Markers = append(out.Markers, Marker{DecisionID: d.ID, At: d.At, Kind: v.Kind, Text: v.Summary})
	}
	// From the store: a node that failed is replaced and ended within seconds, and has failed all the same.
	nodes, err := s.store.Nodes.Failed(ctx, clusterID, now.Add(-failuresSince), failuresShown)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		text := n.FailureReason
		if text == "" {
			text = "node is " + string(n.State)
		}
		out.Failures = append(out.Failures, Failure{At: n.StateSince, Kind: "node", Object: Ref{ID: n.ID, Name: n.Name}, Text: text})
	}
	failed, err := s.store.Transfers.List(ctx, statestore.TransferFilter{
		ClusterID: clusterID, States: []statestore.TransferState{statestore.TransferFailed}, From: now.Add(-failuresSince),
	}, statestore.Page{Limit: failuresShown})
	if err != nil {
		return err
	}
	for _, t := range failed.Items {
		at := t.UpdatedAt
		if t.EndedAt != nil {
			at = *t.EndedAt
		}
		name := t.Name
		if name == "" {
			name = t.ID
		}
		out.Failures = append(out.Failures, Failure{At: at, Kind: "transfer", Object: Ref{ID: t.ID, Name: name}, Text: t.ErrorText})
	}
	slices.SortFunc(out.Failures, func(a, b Failure) int { return b.At.Compare(a.At) })
	out.Failures = out.Failures[:min(len(out.Failures), failuresShown)]
	return nil
}
