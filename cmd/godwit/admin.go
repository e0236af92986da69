package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/godwit/godwit/api/client"
)

// group makes a command that only holds others.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short}
	c.AddCommand(subs...)
	return c
}

// page is one page of any list.
type page struct {
	Items      []json.RawMessage `json:"items"`
	NextCursor string            `json:"next_cursor"`
}

// list fetches up to limit items of path, page by page.
func (a *app) list(ctx context.Context, path string, query url.Values, limit int) ([]json.RawMessage, error) {
	c, _, err := a.api()
	if err != nil {
		return nil, err
	}
	items := []json.RawMessage{}
	for {
		query.Set("limit", fmt.Sprint(min(max(limit-len(items), 1), 500)))
		var p page
		if _, err := c.Do(ctx, http.MethodGet, path+"?"+query.Encode(), nil, &p); err != nil {
			return nil, err
		}
		items = append(items, p.Items...)
		if p.NextCursor == "" || len(items) >= limit {
			return items, nil
		}
		query.Set("cursor", p.NextCursor)
	}
}

// printList prints items of which a table shows what cells picks of each.
func printList[T any](a *app, items []json.RawMessage, head []string, cells func(T) []string) error {
	rows := make([]T, len(items))
	for i, raw := range items {
		if err := json.Unmarshal(raw, &rows[i]); err != nil {
			return fmt.Errorf("the manager's answer: %w", err)
		}
	}
	return a.print(items, func(t *table) {
		t.row(head...)
		for _, r := range rows {
			t.row(cells(r)...)
		}
	})
}

// call does one operation and prints what came back: whole, or as said by draw.
func call[T any](ctx context.Context, a *app, method, path string, in any, draw func(*table, T), headers ...client.Header) error {
	c, _, err := a.api()
	if err != nil {
		return err
	}
	var raw []byte
	if _, err := c.Do(ctx, method, path, in, &raw, headers...); err != nil {
		return err
	}
	var v T
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &v); err != nil {
			return fmt.Errorf("the manager's answer: %w", err)
		}
	} else {
		raw = []byte("{}")
	}
	return a.print(json.RawMessage(raw), func(t *table) { draw(t, v) })
}

// say is a draw for operations whose success is one sentence.
func say(format string, args ...any) func(*table, json.RawMessage) {
	return func(t *table, _ json.RawMessage) { t.row(fmt.Sprintf(format, args...)) }
}

// at joins path elements under /api/v1, each escaped.
func at(elements ...string) string {
	p := "/api/v1"
	for _, e := range elements {
		p += "/" + url.PathEscape(e)
	}
	return p
}

// ref names a resource in answers.
type ref struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}
