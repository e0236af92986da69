package statestore

import (
	"context"
	"encoding/json"
	"fmt"
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
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Templates are the rows of Template.
type Templates struct{ *handle }

const templateColumns = "id, name, provider, spec, version, created_at, updated_at"

// Create stores a new template. ID may be empty; Version and times are set.
// ErrConflict: the name is taken.
func (t Templates) Create(ctx context.Context, r Template) (Template, error) {
	now := t.now()
	if r.ID == "" {
		r.ID = NewIDAt(now)
	}
	return one[Template](ctx, t.handle, "template "+r.Name,
		`INSERT INTO templates (`+templateColumns+`) VALUES ($1, $2, $3, $4, 1, $5, $5) RETURNING `+templateColumns,
		r.ID, r.Name, r.Provider, orObject(r.Spec), now)
}

// Update replaces name and spec and raises the version. r.Version is the one
// that the caller read: ErrStale when the row has another.
func (t Templates) Update(ctx context.Context, r Template) (Template, error) {
	rows, err := all[Template](ctx, t.handle, "template "+r.Name,
		`UPDATE templates SET name = $2, spec = $3, version = version + 1, updated_at = $4
		 WHERE id = $1 AND version = $5 RETURNING `+templateColumns,
		r.ID, r.Name, orObject(r.Spec), t.now(), r.Version)
	if err != nil {
		return Template{}, err
	}
	if len(rows) == 0 {
		if _, err := t.Get(ctx, r.ID); err != nil {
			return Template{}, err
		}
		return Template{}, fmt.Errorf("template %s: %w", r.Name, ErrStale)
	}
	return rows[0], nil
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
