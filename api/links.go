package api

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/godwit/godwit/fleet"
	"github.com/godwit/godwit/node/configuration"
	"github.com/godwit/godwit/statestore"
)

// ClusterLinks are the virtual links of a cluster and how they are divided now.
type ClusterLinks struct {
	Items    []ClusterLink `json:"items" doc:"As the node configuration has them."`
	Outdated []Ref         `json:"outdated" doc:"Nodes of a release that knows no links: their sessions are not limited by them."`
}

// ClusterLink is a virtual link and what becomes of it.
type ClusterLink struct {
	Name       string   `json:"name"`
	AccessKeys []string `json:"access_keys" doc:"Ids of the access keys whose sessions are on it."`
	Default    bool     `json:"default" doc:"Sessions of access keys that no link names are on it, too."`
	// In and Out are absent where the link limits nothing.
	In    *LinkWay   `json:"in,omitempty" doc:"Towards the nodes; absent without a limit."`
	Out   *LinkWay   `json:"out,omitempty" doc:"Away from the nodes; absent without a limit."`
	Nodes []LinkNode `json:"nodes" doc:"Nodes that report, those with the highest rate first; at most 500."`
}

// LinkWay is one direction of a link.
type LinkWay struct {
	CapacityBps int64 `json:"capacity_bps"`
	ShareBps    int64 `json:"share_bps" doc:"What the nodes that report may let through now, together."`
	RateBps     int64 `json:"rate_bps" doc:"What they do, of file data."`
	Sessions    int   `json:"sessions"`
}

// LinkNode is one node's part of a link.
type LinkNode struct {
	ID   string    `json:"id"`
	Name string    `json:"name"`
	In   *LinkPart `json:"in,omitempty"`
	Out  *LinkPart `json:"out,omitempty"`
}

// LinkPart is one direction of a node's part.
type LinkPart struct {
	ShareBps int64 `json:"share_bps" doc:"What the node may let through now."`
	RateBps  int64 `json:"rate_bps"`
	Sessions int   `json:"sessions"`
	Greedy   int   `json:"greedy" doc:"Of these, sessions that use all they are left."`
}

func (s *Server) linkRoutes() {
	register(s, operation{id: "list-links", method: get, path: "/clusters/{cluster}/links", tag: "Configuration", role: RoleViewer,
		summary: "How are the cluster's virtual links divided among its nodes now? The node configuration has their capacity", errors: []int{404}}, s.listLinks)
}

func (s *Server) listLinks(ctx context.Context, in *clusterIn) (*body[ClusterLinks], error) {
	c, err := findCluster(ctx, s.store.Tables, in.Cluster)
	if err != nil {
		return nil, err
	}
	out := ClusterLinks{Items: []ClusterLink{}, Outdated: []Ref{}}
	for _, l := range configuration.Read(c.Config).Links {
		out.Items = append(out.Items, ClusterLink{
			Name: l.Name, AccessKeys: l.AccessKeys, Default: l.Default, In: wayOf(l.InMbps), Out: wayOf(l.OutMbps), Nodes: []LinkNode{},
		})
	}
	if len(out.Items) == 0 {
		return ok(out), nil
	}
	now, p := s.now(), s.flock.current()
	for i := range p.nodes {
		row := &p.nodes[i]
		if row.ClusterID != c.ID {
			continue
		}
		v, heard := s.fleet.Node(row.ID)
		if !heard || v.Stale(now) {
			continue
		}
		if v.Facts.GetLinks() == nil {
			out.Outdated = append(out.Outdated, Ref{row.ID, row.Name})
			continue
		}
		out.add(row, v)
	}
	for i := range out.Items {
		l := &out.Items[i]
		slices.SortStableFunc(l.Nodes, func(a, b LinkNode) int {
			if d := b.rate() - a.rate(); d != 0 {
				return int(max(min(d, 1), -1))
			}
			return strings.Compare(a.Name, b.Name)
		})
		l.Nodes = l.Nodes[:min(len(l.Nodes), maxRollout)]
	}
	return ok(out), nil
}

// knownKeys refuses access keys that come to links and do not exist: a slip of the keyboard is a link without effect.
// Those that were there before may have gone meanwhile.
func knownKeys(ctx context.Context, tx *statestore.Tables, next, before NodeConfiguration) error {
	had := map[string]bool{}
	for _, l := range before.Links {
		for _, k := range l.AccessKeys {
			had[k] = true
		}
	}
	var faults configuration.Faults
	for i, l := range next.Links {
		for _, k := range l.AccessKeys {
			if had[k] {
				continue
			}
			_, err := tx.AccessKeys.Get(ctx, k)
			if errors.Is(err, statestore.ErrNotFound) {
				faults = append(faults, configuration.Fault{Field: fmt.Sprintf("links[%d].access_keys", i), Problem: "has " + k + ", which is the id of no access key; see godwit key list"})
			} else if err != nil {
				return err
			}
		}
	}
	if faults != nil {
		return faults
	}
	return nil
}

func wayOf(mbps float64) *LinkWay {
	if mbps <= 0 {
		return nil
	}
	return &LinkWay{CapacityBps: int64(math.Round(mbps * 1e6))}
}

// add counts what one node reports.
func (c *ClusterLinks) add(row *statestore.Node, v *fleet.NodeView) {
	for i := range c.Items {
		l := &c.Items[i]
		n := LinkNode{ID: row.ID, Name: row.Name}
		for _, u := range v.Facts.GetLinks().GetUses() {
			way, part := l.Out, &n.Out
			if u.GetIn() {
				way, part = l.In, &n.In
			}
			if u.GetLink() != l.Name || way == nil || u.GetCapBps() == 0 {
				continue
			}
			*part = &LinkPart{
				ShareBps: int64(u.GetCapBps()), RateBps: int64(u.GetRateBps()),
				Sessions: int(u.GetGreedy() + u.GetModest()), Greedy: int(u.GetGreedy()),
			}
			way.ShareBps += (*part).ShareBps
			way.RateBps += (*part).RateBps
			way.Sessions += (*part).Sessions
		}
		if n.In != nil || n.Out != nil {
			l.Nodes = append(l.Nodes, n)
		}
	}
}

func (n LinkNode) rate() (sum int64) {
	for _, p := range []*LinkPart{n.In, n.Out} {
		if p != nil {
			sum += p.RateBps
		}
	}
	return sum
}
