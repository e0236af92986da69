package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/godwit/godwit/statestore"
)

func (p *picture) templateView(t statestore.Template) Template {
	out := Template{
		ID: t.ID, Name: t.Name, Provider: t.Provider, Spec: raw(t.Spec), Version: t.Version, Author: t.Author,
		Clusters: []Ref{}, CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt,
	}
	for _, c := range p.clusters {
		if c.TemplateID == t.ID {
			out.Clusters = append(out.Clusters, Ref{ID: c.ID, Name: c.Name})
		}
	}
	return out
}

func (p *picture) taggedTemplate(t statestore.Template) *tagged[Template] {
	return &tagged[Template]{ETag: etag(t.Version), Body: p.templateView(t)}
}

func findTemplate(ctx context.Context, t *statestore.Tables, name string) (statestore.Template, error) {
	tpl, err := t.Templates.Get(ctx, name)
	if errors.Is(err, statestore.ErrNotFound) {
		tpl, err = t.Templates.ByName(ctx, name)
	}
	if errors.Is(err, statestore.ErrNotFound) {
		err = notFound("template", name)
	}
	return tpl, err
}

func (s *Server) listTemplates(ctx context.Context, in *templatesIn) (*body[Page[Template]], error) {
	l, err := s.store.Templates.List(ctx, in.page())
	return paged(l, err, s.flock.current().templateView)
}

func (s *Server) getTemplate(ctx context.Context, in *templateIn) (*tagged[Template], error) {
	t, err := findTemplate(ctx, s.store.Tables, in.Template)
	if err != nil {
		return nil, err
	}
	return s.flock.current().taggedTemplate(t), nil
}

// checkSpec refuses what the provider would refuse, field by field.
func (s *Server) checkSpec(ctx context.Context, provider string, spec json.RawMessage) error {
	faults, err := s.config.Clusters.Validate(ctx, provider, spec)
	if err != nil || len(faults) == 0 {
		return err
	}
	p := newProblem(http.StatusUnprocessableEntity, "invalid", fmt.Sprintf("the template is refused: %s %s", faults[0].Location, faults[0].Message))
	for _, f := range faults {
		p.Errors = append(p.Errors, Invalid{Location: "body." + f.Location, Message: f.Message})
	}
	return p
}

func (s *Server) validateTemplate(ctx context.Context, in *templateCheckIn) (*body[TemplateVerdict], error) {
	faults, err := s.config.Clusters.Validate(ctx, in.Body.Provider, in.Body.Spec)
	if err != nil {
		return nil, err
	}
	if faults == nil {
		faults = []Invalid{}
	}
	return ok(TemplateVerdict{Valid: len(faults) == 0, Errors: faults}), nil
}

func (s *Server) createTemplate(ctx context.Context, in *templateCreateIn) (*tagged[Template], error) {
	if err := s.checkSpec(ctx, in.Body.Provider, in.Body.Spec); err != nil {
		return nil, err
	}
	var t statestore.Template
	err := s.change(ctx, "create", "template", func(tx *statestore.Tables, a *trail) error {
		var err error
		t, err = tx.Templates.Create(ctx, statestore.Template{Name: in.Body.Name, Provider: in.Body.Provider, Spec: in.Body.Spec, Author: a.by.actor()})
		a.id, a.after = t.ID, map[string]any{"name": t.Name, "provider": t.Provider, "spec": raw(t.Spec)}
		return err
	})
	if err != nil {
		return nil, err
	}
	s.Changed()
	return s.flock.current().taggedTemplate(t), nil
}

func (s *Server) putTemplate(ctx context.Context, in *templatePutIn) (*tagged[Template], error) {
	base, err := version(in.IfMatch)
	if err != nil {
		return nil, err
	}
	old, err := findTemplate(ctx, s.store.Tables, in.Template)
	if err != nil {
		return nil, err
	}
	if err := s.checkSpec(ctx, old.Provider, in.Body.Spec); err != nil {
		return nil, err
	}
	var t statestore.Template
	err = s.change(ctx, "update", "template", func(tx *statestore.Tables, a *trail) error {
		next := old
		next.Spec, next.Version, next.Author = in.Body.Spec, base, a.by.actor()
		a.id, a.base = old.ID, base
		var err error
		t, err = tx.Templates.Update(ctx, next)
		a.version, a.before, a.after = t.Version, raw(old.Spec), raw(t.Spec)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.Changed()
	return s.flock.current().taggedTemplate(t), nil
}

func (s *Server) deleteTemplate(ctx context.Context, in *templateIn) (*empty, error) {
	err := s.change(ctx, "delete", "template", func(tx *statestore.Tables, a *trail) error {
		t, err := findTemplate(ctx, tx, in.Template)
		if err != nil {
			return err
		}
		a.id, a.before = t.ID, map[string]any{"name": t.Name, "provider": t.Provider, "spec": raw(t.Spec)}
		if err := tx.Templates.Delete(ctx, t.ID); errors.Is(err, statestore.ErrConflict) {
			return conflict("template %s is used by a cluster; delete the cluster first", t.Name)
		} else if err != nil {
			return err
		}
		return nil
	})
	s.Changed()
	return &empty{}, err
}
