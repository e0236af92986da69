package statestore

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Cluster is the desired state of nodes that share a template and a policy.
type Cluster struct {
	ID         string
	Name       string
	TemplateID string
	// PolicyVersion names the current PolicyVersion; 0 while there is none.
	// Policies.Put moves it.
	PolicyVersion int64
	// Config is the node configuration; ConfigVersion counts its changes.
	// Configurations.Put moves both.
	Config        json.RawMessage
	ConfigVersion int64
	// Paused stops the reconciler's effects; decisions are still written.
	Paused bool
	// DesiredOverride is an operator's fixed number of nodes; nil: by policy.
	DesiredOverride *int
	// Deleting: an operator deleted the cluster; it goes when its last node has
	// ended.
	Deleting bool
	// Version counts operators' changes, from 1.
	Version   int64
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Clusters are the rows of Cluster.
type Clusters struct{ *handle }

const clusterColumns = `id, name, template_id, policy_version, config, config_version, paused,
	desired_override, deleting, version, created_at, updated_at`

// Create stores a new cluster. ID may be empty; versions and times are set.
// ErrConflict: the name is taken; ErrInvalid: no such template.
func (c Clusters) Create(ctx context.Context, r Cluster) (Cluster, error) {
	now := c.now()
	if r.ID == "" {
		r.ID = NewIDAt(now)
	}
	return one[Cluster](ctx, c.handle, "cluster "+r.Name,
		`WITH c AS (
		   INSERT INTO clusters (id, name, template_id, config, paused, desired_override, version, created_at, updated_at)
		   VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $7) RETURNING *
		 ), v AS (
		   INSERT INTO configuration_versions (cluster_id, version, config, author, created_at)
		   SELECT id, config_version, config, '', created_at FROM c
		 ) SELECT `+clusterColumns+` FROM c`,
		r.ID, r.Name, r.TemplateID, orObject(r.Config), r.Paused, r.DesiredOverride, now)
}

// Update writes name, template, paused, override and deleting. r.Version is the
// one that the caller read: ErrStale when the row has another.
func (c Clusters) Update(ctx context.Context, r Cluster) (Cluster, error) {
	rows, err := all[Cluster](ctx, c.handle, "cluster "+r.Name,
		`UPDATE clusters SET name = $2, template_id = $3, paused = $4, desired_override = $5, deleting = $6,
		   version = version + 1, updated_at = $7
		 WHERE id = $1 AND version = $8 RETURNING `+clusterColumns,
		r.ID, r.Name, r.TemplateID, r.Paused, r.DesiredOverride, r.Deleting, c.now(), r.Version)
	if err != nil {
		return Cluster{}, err
	}
	if len(rows) == 0 {
		if _, err := c.Get(ctx, r.ID); err != nil {
			return Cluster{}, err
		}
		return Cluster{}, fmt.Errorf("cluster %s: %w", r.Name, ErrStale)
	}
	return rows[0], nil
}

// SetPaused stops or resumes the reconciler's effects.
func (c Clusters) SetPaused(ctx context.Context, id string, paused bool) (Cluster, error) {
	return one[Cluster](ctx, c.handle, "cluster "+id,
		`UPDATE clusters SET paused = $2, version = version + 1, updated_at = $3
		 WHERE id = $1 RETURNING `+clusterColumns, id, paused, c.now())
}

// SetOverride fixes the number of nodes, or gives it back to the policy (nil).
func (c Clusters) SetOverride(ctx context.Context, id string, count *int) (Cluster, error) {
	return one[Cluster](ctx, c.handle, "cluster "+id,
		`UPDATE clusters SET desired_override = $2, version = version + 1, updated_at = $3
		 WHERE id = $1 RETURNING `+clusterColumns, id, count, c.now())
}

// State is the reconciler's own memory of the cluster (timers, stabilisation
// windows). It grows with the cluster, so it is no part of its row as read, and
// none of its Version.
func (c Clusters) State(ctx context.Context, id string) (json.RawMessage, error) {
	var state []byte
	err := c.q.QueryRow(ctx, `SELECT state::text FROM clusters WHERE id = $1`, id).Scan(&state)
	if err != nil {
		return nil, fault(err, "state of cluster "+id)
	}
	return state, nil
}

// SetState stores the reconciler's memory. It is the leader's write.
func (c Clusters) SetState(ctx context.Context, term Term, id string, state json.RawMessage) error {
	return c.fenced(ctx, term, func(h *handle) error {
		return h.touch(ctx, "cluster "+id, `UPDATE clusters SET state = $2 WHERE id = $1`, id, orObject(state))
	})
}

// Get returns the cluster with the id.
func (c Clusters) Get(ctx context.Context, id string) (Cluster, error) {
	return one[Cluster](ctx, c.handle, "cluster "+id,
		`SELECT `+clusterColumns+` FROM clusters WHERE id = $1`, id)
}

// ByName returns the cluster with the name.
func (c Clusters) ByName(ctx context.Context, name string) (Cluster, error) {
	return one[Cluster](ctx, c.handle, "cluster "+name,
		`SELECT `+clusterColumns+` FROM clusters WHERE name = $1`, name)
}

// List pages through clusters, oldest first.
func (c Clusters) List(ctx context.Context, p Page) (List[Cluster], error) {
	after, err := p.after("clusters")
	if err != nil {
		return List[Cluster]{}, err
	}
	rows, err := all[Cluster](ctx, c.handle, "clusters",
		`SELECT `+clusterColumns+` FROM clusters WHERE id > $1 ORDER BY id LIMIT $2`, after, p.limit()+1)
	return paged("clusters", rows, p.limit(), func(r Cluster) string { return r.ID }), err
}

// Delete removes a cluster with its policies, decisions and conditions.
// ErrConflict while it has nodes that are not terminated; terminated ones go
// with it.
func (c Clusters) Delete(ctx context.Context, id string) error {
	return c.tx(ctx, func(h *handle) error {
		if _, err := h.exec(ctx, "cluster "+id,
			`DELETE FROM nodes WHERE cluster_id = $1 AND state = 'terminated'`, id); err != nil {
			return err
		}
		return h.touch(ctx, "cluster "+id, `DELETE FROM clusters WHERE id = $1`, id)
	})
}
