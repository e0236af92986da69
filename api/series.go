package api

import (
	"sync"
	"time"

	"github.com/godwit/godwit/fleet"
	"github.com/godwit/godwit/statestore"
)

const (
	// seriesStep and seriesLength make the 15 minutes that the overview shows.
	seriesStep   = 5 * time.Second
	seriesLength = 180
	// nodeEvery is how many steps one point of a node's sparkline spans: ten thousand nodes must fit in memory.
	nodeEvery  = 3
	nodeLength = 60
)

// sample is one cluster's traffic at one time; rates and capacities are bits per second.
type sample struct {
	at                       time.Time
	send, receive            int64
	sendCap, receiveCap      int64
	capIdle, capLow, capHigh int64
	sessions, nodes          int
}

// series keeps the last 15 minutes of each cluster, of all together (""), and of each node. It is lost with the process:
// history is the journal's.
type series struct {
	mu       sync.Mutex
	clusters map[string][]sample
	nodes    map[string]*[2][]int64 // send, receive
	ticks    int
}

func newSeries() *series {
	return &series{clusters: map[string][]sample{}, nodes: map[string]*[2][]int64{}}
}

// measure sums up the nodes that report, by cluster and all together.
func measure(p *picture, views []*fleet.NodeView, now time.Time) map[string]sample {
	out := map[string]sample{"": {at: now}}
	for _, c := range p.clusters {
		out[c.ID] = sample{at: now}
	}
	for _, v := range views {
		n := p.byID[v.ID]
		if n == nil || v.Facts == nil || v.Stale(now) {
			continue
		}
		for _, id := range []string{"", n.ClusterID} {
			s := out[id]
			s.add(n, v)
			s.at = now
			out[id] = s
		}
	}
	return out
}

func (s *sample) add(n *statestore.Node, v *fleet.NodeView) {
	f := v.Facts
	send, receive := int64(f.GetSendCapBps()), int64(f.GetReceiveCapBps())
	s.send += int64(f.GetSendBps())
	s.receive += int64(f.GetReceiveBps())
	s.sessions += len(v.Sessions)
	if n.State != statestore.NodeRunning {
		return // it still moves bytes, but is no capacity to count on
	}
	s.nodes++
	s.sendCap += send
	s.receiveCap += receive
	switch n.Pool {
	case statestore.PoolIdle:
		s.capIdle += send + receive
	case statestore.PoolLow:
		s.capLow += send + receive
	case statestore.PoolHigh:
		s.capHigh += send + receive
	case statestore.PoolDegraded:
	}
}

// tick appends one step.
func (r *series) tick(samples map[string]sample, views []*fleet.NodeView, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, s := range samples {
		r.clusters[id] = last(append(r.clusters[id], s), seriesLength)
	}
	for id := range r.clusters {
		if _, lives := samples[id]; !lives {
			delete(r.clusters, id)
		}
	}
	if r.ticks++; r.ticks%nodeEvery != 0 {
		return
	}
	seen := map[string]bool{}
	for _, v := range views {
		if v.Facts == nil {
			continue
		}
		seen[v.ID] = true
		h := r.nodes[v.ID]
		if h == nil {
			h = &[2][]int64{}
			r.nodes[v.ID] = h
		}
		var send, receive int64
		if !v.Stale(now) {
			send, receive = int64(v.Facts.GetSendBps()), int64(v.Facts.GetReceiveBps())
		}
		h[0], h[1] = last(append(h[0], send), nodeLength), last(append(h[1], receive), nodeLength)
	}
	for id := range r.nodes {
		if !seen[id] {
			delete(r.nodes, id)
		}
	}
}

// last keeps the newest n, in the same memory as long as it is not much larger.
func last[T any](s []T, n int) []T {
	if len(s) <= n {
		return s
	}
	return append(s[:0], s[len(s)-n:]...)
}

// cluster returns the steps of a cluster, or of all for "".
func (r *series) cluster(id string) Series {
	r.mu.Lock()
	defer r.mu.Unlock()
	steps := r.clusters[id]
	n := len(steps)
	out := Series{
		Step: int(seriesStep.Seconds()), At: make([]time.Time, n), SendBps: make([]int64, n), ReceiveBps: make([]int64, n),
		SendCap: make([]int64, n), ReceiveCap: make([]int64, n), CapIdle: make([]int64, n), CapLow: make([]int64, n),
		CapHigh: make([]int64, n), Sessions: make([]int, n), Nodes: make([]int, n),
	}
	for i, s := range steps {
		out.At[i], out.SendBps[i], out.ReceiveBps[i], out.SendCap[i], out.ReceiveCap[i] = s.at.UTC(), s.send, s.receive, s.sendCap, s.receiveCap
		out.CapIdle[i], out.CapLow[i], out.CapHigh[i], out.Sessions[i], out.Nodes[i] = s.capIdle, s.capLow, s.capHigh, s.sessions, s.nodes
	}
	return out
}

// node returns a node's sparkline; nil when nothing is known.
func (r *series) node(id string) *NodeHistory {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.nodes[id]
	if h == nil {
		return nil
	}
	return &NodeHistory{
		Step:    int((nodeEvery * seriesStep).Seconds()),
		SendBps: append([]int64{}, h[0]...), ReceiveBps: append([]int64{}, h[1]...),
	}
}
