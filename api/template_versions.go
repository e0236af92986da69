package api

import (
	"context"
	"errors"
	"time"

	"github.com/godwit/godwit/statestore"
)

// TemplateVersion is one version of a template.
type TemplateVersion struct {
	Version   int64          `json:"version"`
	Spec      map[string]any `json:"spec"`
	Author    string         `json:"author,omitempty"`
	CreatedAt time.Time      `json:"created_at"`
}

func templateVersionView(v statestore.TemplateVersion) TemplateVersion {
	return TemplateVersion{Version: v.Version, Spec: raw(v.Spec), Author: v.Author, CreatedAt: v.CreatedAt}
}

func (s *Server) listTemplateVersions(ctx context.Context, in *templateVersionsIn) (*body[Page[TemplateVersion]], error) {
	t, err := findTemplate(ctx, s.store.Tables, in.Template)
	if err != nil {
		return nil, err
	}
	l, err := s.store.Templates.Versions(ctx, t.ID, in.page())
	return paged(l, err, templateVersionView)
}

func (s *Server) getTemplateVersion(ctx context.Context, in *templateVersionIn) (*body[TemplateVersion], error) {
	t, err := findTemplate(ctx, s.store.Tables, in.Template)
	if err != nil {
		return nil, err
	}
	v, err := s.store.Templates.Version(ctx, t.ID, in.Version)
	if errors.Is(err, statestore.ErrNotFound) {
		return nil, noVersion("template", t.Name, in.Version)
	}
	if err != nil {
		return nil, err
	}
	return ok(templateVersionView(v)), nil
}

// TemplateDuplicate names a copy.
type TemplateDuplicate struct {
	Name string `json:"name" minLength:"1" maxLength:"63" pattern:"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$" patternDescription:"small letters, digits and hyphens, with a hyphen at neither end"`
}

func (s *Server) duplicateTemplate(ctx context.Context, in *templateDuplicateIn) (*tagged[Template], error) {
	var t statestore.Template
	err := s.change(ctx, "duplicate", "template", func(tx *statestore.Tables, a *trail) error {
		old, err := findTemplate(ctx, tx, in.Template)
		if err != nil {
			return err
		}
		t, err = tx.Templates.Create(ctx, statestore.Template{Name: in.Body.Name, Provider: old.Provider, Spec: old.Spec, Author: a.by.actor()})
		a.id, a.after = t.ID, map[string]any{"name": t.Name, "provider": t.Provider, "copy_of": old.Name, "version": old.Version, "spec": raw(t.Spec)}
		return err
	})
	if err != nil {
		return nil, err
	}
	s.Changed()
	return s.flock.current().taggedTemplate(t), nil
}

// TemplateLaunch makes a cluster from a template.
type TemplateLaunch struct {
	Name   string        `json:"name" minLength:"1" maxLength:"63" pattern:"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$" patternDescription:"small letters, digits and hyphens, with a hyphen at neither end" doc:"Of the new cluster."`
	Policy *PolicyChange `json:"policy,omitempty" doc:"Left out fields take their defaults."`
}

func (s *Server) launchTemplate(ctx context.Context, in *templateLaunchIn) (*tagged[Cluster], error) {
	return s.createCluster(ctx, &clusterCreateIn{Body: ClusterCreate{Name: in.Body.Name, Template: in.Template, Policy: in.Body.Policy}})
}
