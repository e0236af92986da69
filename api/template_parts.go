package api

import (
	"encoding/json"
	"slices"
)

// TemplatePart is one of a template's offerings.
type TemplatePart struct {
	// Name is the offering's; empty where the template has one provider.
	Name     string
	Provider string
	// Spec is the provider's; Terms are other fields, which matter while nodes are launched.
	Spec, Terms json.RawMessage
}

func (s *Server) effects(provider string, changes []FieldChange) []TemplateChange {
	out := make([]TemplateChange, 0, len(changes))
	for _, c := range changes {
		out = append(out, TemplateChange{FieldChange: c, Effect: s.config.Clusters.Effect(provider, c.Field)})
	}
	return out
}

// templateChanges compares two specifications of a template, offering by offering of the same name.
func (s *Server) templateChanges(provider string, was, is json.RawMessage) ([]TemplateChange, error) {
	before, after := s.config.Clusters.Parts(provider, was), s.config.Clusters.Parts(provider, is)
	if !named(before) || !named(after) {
		changes, err := fieldChanges(was, is)
		return s.effects(provider, changes), err
	}
	a, err := object(was)
	if err != nil {
		return nil, err
	}
	b, err := object(is)
	if err != nil {
		return nil, err
	}
	delete(a, "offerings")
	delete(b, "offerings")
	out := []TemplateChange{}
	whileLaunched := func(changes []FieldChange) {
		for _, c := range changes {
			out = append(out, TemplateChange{FieldChange: c, Effect: effectNewNodes})
		}
	}
	whileLaunched(compareObjects(nil, "", a, b))
	for _, p := range before {
		next, there := ofName(after, p.Name)
		if !there {
			out = append(out, TemplateChange{FieldChange: FieldChange{Field: "offerings." + p.Name, Before: p.Provider}, Effect: effectReplace})
			continue
		}
		changes, err := s.partChanges(p, next)
		if err != nil {
			return nil, err
		}
		out = append(out, changes...)
		terms, err := fieldChanges(p.Terms, next.Terms)
		if err != nil {
			return nil, err
		}
		whileLaunched(beneath("offerings."+p.Name, terms))
	}
	for _, p := range after {
		if _, there := ofName(before, p.Name); !there {
			whileLaunched([]FieldChange{{Field: "offerings." + p.Name, After: p.Provider}})
		}
	}
	if order, next := namesOf(before, after), namesOf(after, before); !slices.Equal(order, next) {
		whileLaunched([]FieldChange{{Field: "offerings", Before: order, After: next}})
	}
	return out, nil
}

// nodeChanges is where a node's part of a template differs from the nearest that is offered now: of the same name, else of the
// same provider with the fewest changes that only another node can have.
func (s *Server) nodeChanges(was TemplatePart, offered []TemplatePart) ([]TemplateChange, error) {
	var nearest []TemplateChange
	best := -1
	for _, p := range offered {
		if p.Provider != was.Provider {
			continue
		}
		changes, err := s.partChanges(was, p)
		if err != nil {
			return nil, err
		}
		keeps := 0
		for _, c := range changes {
			if c.Effect == effectReplace {
				keeps++
			}
		}
		if p.Name == was.Name {
			return changes, nil
		}
		if best < 0 || keeps < best {
			best, nearest = keeps, changes
		}
	}
	if best < 0 {
		return []TemplateChange{{FieldChange: FieldChange{Field: "provider", Before: was.Provider}, Effect: effectReplace}}, nil
	}
	return nearest, nil
}

func (s *Server) partChanges(was, is TemplatePart) ([]TemplateChange, error) {
	changes, err := fieldChanges(was.Spec, is.Spec)
	if err != nil {
		return nil, err
	}
	// Both are of one provider, whether the specification repeats it or not.
	changes = slices.DeleteFunc(changes, func(c FieldChange) bool { return c.Field == "provider" })
	out := s.effects(is.Provider, changes)
	if is.Name != "" {
		for i := range out {
			out[i].Field = "offerings." + is.Name + "." + out[i].Field
		}
	}
	return out, nil
}

func beneath(path string, changes []FieldChange) []FieldChange {
	for i := range changes {
		changes[i].Field = join(path, changes[i].Field)
	}
	return changes
}

func named(parts []TemplatePart) bool {
	return len(parts) > 0 && !slices.ContainsFunc(parts, func(p TemplatePart) bool { return p.Name == "" })
}

func ofName(parts []TemplatePart, name string) (TemplatePart, bool) {
	i := slices.IndexFunc(parts, func(p TemplatePart) bool { return p.Name == name })
	if i < 0 {
		return TemplatePart{}, false
	}
	return parts[i], true
}

// namesOf are the names of offerings that others have too, in order.
func namesOf(parts, others []TemplatePart) []string {
	var names []string
	for _, p := range parts {
		if _, both := ofName(others, p.Name); both {
			names = append(names, p.Name)
		}
	}
	return names
}
