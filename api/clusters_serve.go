package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/statestore"
)

func deleting(c statestore.Cluster) bool { return c.Deleting }

func (p *picture) clusterView(c statestore.Cluster) Cluster {
	tpl := Ref{ID: c.TemplateID, Name: c.TemplateID}
	if t, ok := p.templates[c.TemplateID]; ok {
		tpl.Name = t.Name
	}
	out := Cluster{
		ID: c.ID, Name: c.Name, Template: tpl, PolicyVersion: c.PolicyVersion, Paused: c.Paused, Deleting: deleting(c),
		Scale: c.DesiredOverride, Conditions: []Condition{}, CreatedAt: c.CreatedAt,
		Nodes: NodeCounts{ByState: map[string]int{}, ByPool: map[string]int{}},
	}
	if r, ok := p.rollouts[c.ID]; ok && r.State.UnderWay() {
		view := p.rolloutView(r)
		out.Rollout = &view
	}
	if p.names != nil {
		out.Names = p.names(c.Name)
	}
	for i := range p.nodes {
		n := &p.nodes[i]
		if n.ClusterID != c.ID {
			continue
		}
		out.Nodes.Total++
		out.Nodes.ByState[string(n.State)]++
		if n.State == statestore.NodeRunning && n.Pool != "" {
			out.Nodes.ByPool[string(n.Pool)]++
			if n.Pool == statestore.PoolIdle || n.Pool == statestore.PoolLow {
				out.Nodes.Available++
			}
		}
	}
	for _, cond := range p.conditions {
		if cond.ClusterID == c.ID {
			out.Conditions = append(out.Conditions, Condition{Kind: cond.Kind, Text: cond.Text, Since: cond.Since})
		}
	}
	return out
}

// findCluster takes an id or a name.
func findCluster(ctx context.Context, t *statestore.Tables, name string) (statestore.Cluster, error) {
	c, err := t.Clusters.Get(ctx, name)
	if errors.Is(err, statestore.ErrNotFound) {
		c, err = t.Clusters.ByName(ctx, name)
	}
	if errors.Is(err, statestore.ErrNotFound) {
		err = notFound("cluster", name)
	}
	return c, err
}

// clusterID is the id of a cluster that a filter names; "" stays "".
func (s *Server) clusterID(ctx context.Context, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	c, err := findCluster(ctx, s.store.Tables, name)
	if err == nil {
		return c.ID, nil
	}
	if e, gone := s.deletedCluster(ctx, name); gone {
		return "", newProblem(http.StatusNotFound, "", fmt.Sprintf("cluster %s was deleted on %s, and its nodes, decisions and conditions with it; its transfers and the audit remain",
			name, e.At.UTC().Format(time.DateTime+" MST")))
	}
	return "", err
}

// pastClusterID is clusterID for what outlives a cluster: it knows deleted ones by their last name too.
func (s *Server) pastClusterID(ctx context.Context, name string) (string, error) {
	id, err := s.clusterID(ctx, name)
	if err != nil {
		if e, gone := s.deletedCluster(ctx, name); gone {
			return e.ObjectID, nil
		}
	}
	return id, err
}

// deletedCluster is how a cluster went that is no more.
func (s *Server) deletedCluster(ctx context.Context, name string) (statestore.AuditEntry, bool) {
	e, err := s.store.Audit.Deleted(ctx, "cluster", name)
	return e, err == nil
}

func (s *Server) listClusters(ctx context.Context, in *clustersIn) (*body[Page[Cluster]], error) {
	l, err := s.store.Clusters.List(ctx, in.page())
	return paged(l, err, s.flock.current().clusterView)
}

func (p *picture) taggedCluster(c statestore.Cluster) *tagged[Cluster] {
	return &tagged[Cluster]{ETag: etag(c.Version), Body: p.clusterView(c)}
}

func (s *Server) getCluster(ctx context.Context, in *clusterIn) (*tagged[Cluster], error) {
	c, err := findCluster(ctx, s.store.Tables, in.Cluster)
	if err != nil {
		return nil, err
	}
	return s.flock.current().taggedCluster(c), nil
}

func (s *Server) createCluster(ctx context.Context, in *clusterCreateIn) (*tagged[Cluster], error) {
	change := []byte("{}")
	if in.Body.Policy != nil {
		change = *in.Body.Policy
	}
	p, err := policy.Parse(change)
	if err != nil {
		return nil, under("policy", err)
	}
	doc, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	var row statestore.Cluster
	var template statestore.Template
	err = s.change(ctx, "create", "cluster", func(tx *statestore.Tables, a *trail) error {
		tpl, err := findTemplate(ctx, tx, in.Body.Template)
		if err != nil {
			return err
		}
		template = tpl
		if row, err = tx.Clusters.Create(ctx, statestore.Cluster{Name: in.Body.Name, TemplateID: tpl.ID}); err != nil {
			return err
		}
		v, err := tx.Policies.Put(ctx, row.ID, 0, doc, callerOf(ctx).actor())
		if err != nil {
			return err
		}
		row.PolicyVersion = v.Version
		a.id, a.after = row.ID, map[string]any{"name": row.Name, "template": tpl.Name, "policy": p}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.Changed()
	view := s.flock.current().taggedCluster(row)
	view.Body.Template.Name = template.Name
	return view, nil
}

// deleteCluster lowers every floor, orders every node to drain and marks the cluster; sweep removes it with the last
// node. It can be repeated.
func (s *Server) deleteCluster(ctx context.Context, in *clusterIn) (*tagged[Cluster], error) {
	var row statestore.Cluster
	err := s.change(ctx, "delete", "cluster", func(tx *statestore.Tables, a *trail) error {
		c, err := findCluster(ctx, tx, in.Cluster)
		if err != nil {
			return err
		}
		a.id, a.before = c.ID, map[string]any{"name": c.Name, "paused": c.Paused, "scale": c.DesiredOverride}
		if err := lowerFloors(ctx, tx, c, a.by.actor()); err != nil {
			return err
		}
		none := 0
		c.Paused, c.DesiredOverride, c.Deleting = false, &none, true
		if row, err = tx.Clusters.Update(ctx, c); err != nil {
			return err
		}
		nodes, err := tx.Nodes.Alive(ctx, c.ID)
		if err != nil {
			return err
		}
		for _, n := range nodes {
			if _, err := tx.Nodes.Order(ctx, n.ID, statestore.OrderTerminate, a.by.actor()); err != nil && !errors.Is(err, statestore.ErrState) {
				return err
			}
		}
		a.after = map[string]any{"deleting": true, "nodes_ordered_to_end": len(nodes)}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.Changed()
	return s.flock.current().taggedCluster(row), nil
}

// lowerFloors writes a policy version that asks for nothing, so that no decision launches for a cluster that goes.
func lowerFloors(ctx context.Context, tx *statestore.Tables, c statestore.Cluster, author string) error {
	v, err := tx.Policies.Current(ctx, c.ID)
	if errors.Is(err, statestore.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	p, err := policy.Parse(v.Policy)
	if err != nil {
		p = policy.Default()
	}
	if p.MinAvailable == 0 && p.MinIdle == 0 && len(p.Schedules) == 0 {
		return nil
	}
	p.MinAvailable, p.MinIdle, p.Schedules = 0, 0, []policy.Schedule{}
	doc, err := json.Marshal(p)
	if err != nil {
		return err
	}
	_, err = tx.Policies.Put(ctx, c.ID, v.Version, doc, author)
	return err
}

func (s *Server) pauseCluster(ctx context.Context, in *clusterIn) (*tagged[Cluster], error) {
	return s.setPaused(ctx, in.Cluster, true, "pause")
}

func (s *Server) resumeCluster(ctx context.Context, in *clusterIn) (*tagged[Cluster], error) {
	return s.setPaused(ctx, in.Cluster, false, "resume")
}

func (s *Server) setPaused(ctx context.Context, name string, paused bool, action string) (*tagged[Cluster], error) {
	return s.alter(ctx, action, name, func(tx *statestore.Tables, c statestore.Cluster, a *trail) (statestore.Cluster, error) {
		a.before, a.after = map[string]any{"paused": c.Paused}, map[string]any{"paused": paused}
		return tx.Clusters.SetPaused(ctx, c.ID, paused)
	})
}

func (s *Server) scaleCluster(ctx context.Context, in *scaleIn) (*tagged[Cluster], error) {
	return s.alter(ctx, "scale", in.Cluster, func(tx *statestore.Tables, c statestore.Cluster, a *trail) (statestore.Cluster, error) {
		a.before, a.after = map[string]any{"scale": c.DesiredOverride}, map[string]any{"scale": in.Body.Nodes}
		return tx.Clusters.SetOverride(ctx, c.ID, in.Body.Nodes)
	})
}

// alter changes one cluster that is not being deleted.
func (s *Server) alter(ctx context.Context, action, name string, f func(*statestore.Tables, statestore.Cluster, *trail) (statestore.Cluster, error)) (*tagged[Cluster], error) {
	var row statestore.Cluster
	err := s.change(ctx, action, "cluster", func(tx *statestore.Tables, a *trail) error {
		c, err := findCluster(ctx, tx, name)
		if err != nil {
			return err
		}
		if deleting(c) {
			return conflict("cluster %s is being deleted", c.Name)
		}
		a.id = c.ID
		row, err = f(tx, c, a)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.Changed()
	return s.flock.current().taggedCluster(row), nil
}

// sweepClusters removes clusters that were deleted and whose last node has ended.
func (s *Server) sweepClusters(ctx context.Context) error {
	p := s.flock.current()
	for _, c := range p.clusters {
		if !deleting(c) || slices.ContainsFunc(p.nodes, func(n statestore.Node) bool { return n.ClusterID == c.ID }) {
			continue
		}
		err := s.store.Clusters.Delete(ctx, c.ID)
		// A node that came meanwhile, or another manager that was first, are no faults.
		if err != nil && !errors.Is(err, statestore.ErrConflict) && !errors.Is(err, statestore.ErrNotFound) {
			return err
		}
		if err == nil {
			s.Changed()
		}
	}
	return nil
}

// under puts the fields of a policy's faults below the field that held it.
func under(field string, err error) error {
	var faults policy.FieldErrors
	if !errors.As(err, &faults) {
		return invalid("body."+field, "%s", err.Error())
	}
	p := invalid("body."+field, "%s", err.Error()).(*Problem) //nolint:errorlint // invalid makes nothing else
	p.Detail, p.Errors = faults.Error(), nil
	for _, f := range faults {
		p.Errors = append(p.Errors, Invalid{Location: "body." + field + "." + f.Field, Message: f.Problem})
	}
	return p
}
