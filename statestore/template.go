package statestore

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// Template says what to launch. Spec belongs to the provider; the store keeps
// it as it is. Version counts changes, from 1.
type Template struct {
	ID        string
	Name      string
	Provider  string // "local", …
	Spec      json.RawMessage
	Version   int64
	Author    string // of this version
	CreatedAt time.Time
	UpdatedAt time.Time
}

// TemplateVersion is what a template said or says. Rows never change, so that a
// node can be compared with what it was launched from.
type TemplateVersion struct {
	TemplateID string
	Version    int64
	Spec       json.RawMessage
	Author     string
	CreatedAt  time.Time
}

// Templates are the rows of Template.
type Templates struct{ *handle }

const (
	templateColumns        = "id, name, provider, spec, version, author, created_at, updated_at"
	templateVersionColumns = "template_id, version, spec, author, created_at"
)

// Create stores a new template. ID may be empty; Version and times are set.
// ErrConflict: the name is taken.
func (t Templates) Create(ctx context.Context, r Template) (Template, error) {
	now := t.now()
	if r.ID == "" {
		r.ID = NewIDAt(now)
	}
	return t.keep(ctx, func(h *handle) (Template, error) {
		return one[Template](ctx, h, "template "+r.Name,
			`INSERT INTO templates (`+templateColumns+`) VALUES ($1, $2, $3, $4, 1, $5, $6, $6) RETURNING `+templateColumns,
			r.ID, r.Name, r.Provider, orObject(r.Spec), r.Author, now)
	})
}

// Update replaces name and spec and raises the version. r.Version is the one
// that the caller read: ErrStale when the row has another.
func (t Templates) Update(ctx context.Context, r Template) (Template, error) {
	return t.keep(ctx, func(h *handle) (Template, error) {
		rows, err := all[Template](ctx, h, "template "+r.Name,
			`UPDATE templates SET name = $2, spec = $3, author = $4, version = version + 1, updated_at = $5
			 WHERE id = $1 AND version = $6 RETURNING `+templateColumns,
			r.ID, r.Name, orObject(r.Spec), r.Author, h.now(), r.Version)
		if err != nil {
			return Template{}, err
		}
		if len(rows) == 0 {
			if _, err := (Templates{h}).Get(ctx, r.ID); err != nil {
				return Template{}, err
			}
			return Template{}, fmt.Errorf("template %s: %w", r.Name, ErrStale)
		}
		return rows[0], nil
	})
}

// keep writes a template and, with it, the version that it became.
func (t Templates) keep(ctx context.Context, write func(*handle) (Template, error)) (Template, error) {
	var out Template
	err := t.tx(ctx, func(h *handle) error {
		var err error
		if out, err = write(h); err != nil {
			return err
		}
		_, err = h.exec(ctx, "template "+out.Name,
			`INSERT INTO template_versions (`+templateVersionColumns+`) VALUES ($1, $2, $3, $4, $5)`,
			out.ID, out.Version, out.Spec, out.Author, out.UpdatedAt)
		return err
	})
	return out, err
}

// Version returns what a template said.
func (t Templates) Version(ctx context.Context, id string, version int64) (TemplateVersion, error) {
	return one[TemplateVersion](ctx, t.handle, fmt.Sprintf("version %d of template %s", version, id),
		`SELECT `+templateVersionColumns+` FROM template_versions WHERE template_id = $1 AND version = $2`, id, version)
}

// Versions pages through a template's versions, newest first.
func (t Templates) Versions(ctx context.Context, id string, p Page) (List[TemplateVersion], error) {
	below, err := p.below("template versions")
	if err != nil {
		return List[TemplateVersion]{}, err
	}
	rows, err := all[TemplateVersion](ctx, t.handle, "versions of template "+id,
		`SELECT `+templateVersionColumns+` FROM template_versions WHERE template_id = $1 AND version < $2
		 ORDER BY version DESC LIMIT $3`, id, below, p.limit()+1)
	return paged("template versions", rows, p.limit(), func(r TemplateVersion) string {
		return strconv.FormatInt(r.Version, 10)
	}), err
}

// Get returns the template with the id.
func (t Templates) Get(ctx context.Context, id string) (Template, error) {
	return one[Template](ctx, t.handle, "template "+id,
		`SELECT `+templateColumns+` FROM templates WHERE id = $1`, id)
}

// ByName returns the template with the name.
func (t Templates) ByName(ctx context.Context, name string) (Template, error) {
	return one[Template](ctx, t.handle, "template "+name,
		`SELECT `+templateColumns+` FROM templates WHERE name = $1`, name)
}

// List pages through templates, oldest first.
func (t Templates) List(ctx context.Context, p Page) (List[Template], error) {
	after, err := p.after("templates")
	if err != nil {
		return List[Template]{}, err
	}
	rows, err := all[Template](ctx, t.handle, "templates",
		`SELECT `+templateColumns+` FROM templates WHERE id > $1 ORDER BY id LIMIT $2`, after, p.limit()+1)
	return paged("templates", rows, p.limit(), func(r Template) string { return r.ID }), err
}

// Delete removes a template. ErrConflict: a cluster uses it.
func (t Templates) Delete(ctx context.Context, id string) error {
	return t.touch(ctx, "template "+id, `DELETE FROM templates WHERE id = $1`, id)
}
