package api

import (
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/statestore"
)

// picture is the nodes and clusters as stored, read as a whole every second or two so that lists, overview, events and
// metrics ask Postgres once. It is never changed after it is made.
type picture struct {
	at         time.Time
	clusters   []statestore.Cluster
	templates  map[string]statestore.Template
	conditions []statestore.Condition
	rollouts   map[string]statestore.Rollout // by cluster: the newest
	nodes      []statestore.Node             // that are not terminated, by id
	byID       map[string]*statestore.Node
	pools      map[string]policy.Assignment // by node: what the last decision said of it
	names      func(cluster string) *ClusterNames
}

// flock holds the newest picture.
type flock struct {
	p     atomic.Pointer[picture]
	names func(cluster string) *ClusterNames // none when nil
}

func (f *flock) current() *picture {
	if p := f.p.Load(); p != nil {
		return p
	}
	return &picture{names: f.names}
}

// refresh reads the picture anew.
func (f *flock) refresh(ctx context.Context, t *statestore.Tables, now time.Time) error {
	p := &picture{at: now, rollouts: map[string]statestore.Rollout{}, templates: map[string]statestore.Template{}, byID: map[string]*statestore.Node{}, pools: map[string]policy.Assignment{}, names: f.names}
	var err error
	if p.clusters, err = everything(func(page statestore.Page) (statestore.List[statestore.Cluster], error) {
		return t.Clusters.List(ctx, page)
	}); err != nil {
		return err
	}
	templates, err := everything(func(page statestore.Page) (statestore.List[statestore.Template], error) {
		return t.Templates.List(ctx, page)
	})
	if err != nil {
		return err
	}
	for _, tpl := range templates {
		p.templates[tpl.ID] = tpl
	}
	if p.conditions, err = t.Conditions.Open(ctx, ""); err != nil {
		return err
	}
	rollouts, err := t.Rollouts.AllNewest(ctx)
	if err != nil {
		return err
	}
	for _, r := range rollouts {
		p.rollouts[r.ClusterID] = r
	}
	if p.nodes, err = t.Nodes.Alive(ctx, ""); err != nil {
		return err
	}
	for i := range p.nodes {
		p.byID[p.nodes[i].ID] = &p.nodes[i]
	}
	for _, c := range p.clusters {
		memory, err := t.Clusters.State(ctx, c.ID)
		if errors.Is(err, statestore.ErrNotFound) {
			continue // deleted meanwhile
		}
		if err != nil {
			return err
		}
		for _, a := range assignments(memory) {
			p.pools[a.NodeID] = a
		}
	}
	f.p.Store(p)
	return nil
}

// assignments reads what the reconciler keeps of its last plan in the cluster's row. What it cannot read is nothing:
// the row's own pool still tells.
func assignments(memory json.RawMessage) []policy.Assignment {
	var m struct {
		Pools []policy.Assignment `json:"pools"`
	}
	if json.Unmarshal(memory, &m) != nil {
		return nil
	}
	return m.Pools
}

func (p *picture) clusterName(id string) string {
	for i := range p.clusters {
		if p.clusters[i].ID == id {
			return p.clusters[i].Name
		}
	}
	return id
}

func (p *picture) clusterRef(id string) Ref { return Ref{ID: id, Name: p.clusterName(id)} }

func (p *picture) nodeRef(id string) Ref {
	if n := p.byID[id]; n != nil {
		return Ref{ID: id, Name: n.Name}
	}
	return Ref{ID: id, Name: id}
}

// everything reads all pages of a list.
func everything[T any](list func(statestore.Page) (statestore.List[T], error)) ([]T, error) {
	var out []T
	page := statestore.Page{Limit: 1000}
	for {
		l, err := list(page)
		if err != nil {
			return nil, err
		}
		out = append(out, l.Items...)
		if l.Next == "" {
			return out, nil
		}
		page.Cursor = l.Next
	}
}
