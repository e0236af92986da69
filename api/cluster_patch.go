package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/godwit/godwit/statestore"
)

// ClusterPatch changes what a cluster is; fields left out stay.
type ClusterPatch struct {
	Name     *string `json:"name,omitempty" minLength:"1" maxLength:"63" pattern:"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$" patternDescription:"small letters, digits and hyphens, with a hyphen at neither end" doc:"Clients that name the cluster must use the new name."`
	Template *string `json:"template,omitempty" minLength:"1" maxLength:"64" doc:"Id or name. Nodes that run keep theirs; new ones are launched from it. Only while all its nodes are of providers that this one offers."`
}

func (s *Server) patchCluster(ctx context.Context, in *clusterPatchIn) (*tagged[Cluster], error) {
	return s.alter(ctx, "update", in.Cluster, func(tx *statestore.Tables, c statestore.Cluster, a *trail) (statestore.Cluster, error) {
		if err := a.edits(in.IfMatch, c.Version); err != nil {
			return c, err
		}
		old, err := findTemplate(ctx, tx, c.TemplateID)
		if err != nil {
			return c, err
		}
		a.before = map[string]any{"name": c.Name, "template": old.Name}
		next := old
		if in.Body.Template != nil {
			if next, err = s.otherTemplate(ctx, tx, c, old, *in.Body.Template); err != nil {
				return c, err
			}
		}
		if in.Body.Name != nil {
			c.Name = *in.Body.Name
		}
		c.TemplateID = next.ID
		a.after = map[string]any{"name": c.Name, "template": next.Name}
		return tx.Clusters.Update(ctx, c)
	})
}

func (s *Server) otherTemplate(ctx context.Context, tx *statestore.Tables, c statestore.Cluster, old statestore.Template, name string) (statestore.Template, error) {
	next, err := findTemplate(ctx, tx, name)
	if err != nil || next.Provider == old.Provider {
		return next, err
	}
	nodes, err := tx.Nodes.Alive(ctx, c.ID)
	if err != nil {
		return next, err
	}
	var offered []string
	for _, p := range s.config.Clusters.Parts(next.Provider, next.Spec) {
		if !slices.Contains(offered, p.Provider) {
			offered = append(offered, p.Provider)
		}
	}
	if i := slices.IndexFunc(nodes, func(n statestore.Node) bool { return !slices.Contains(offered, n.Provider) }); i >= 0 {
		return next, conflict("cluster %s has nodes of provider %s and template %s is of %s; drain them first, or make another cluster",
			c.Name, nodes[i].Provider, next.Name, strings.Join(offered, " and "))
	}
	return next, nil
}

func noVersion(what, name string, v int64) error {
	return newProblem(http.StatusNotFound, "", fmt.Sprintf("%s %s has no version %d", what, name, v))
}
