package api

import (
	"encoding/json"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/transfer"
)

// The documents of other packages that the API speaks as they are.
type (
	// Policy is what an operator sets for a cluster.
	Policy = policy.Policy
	// Plan is a decision's actions and what they were made from.
	Plan = policy.Plan
	// Reason is one sentence of an explanation.
	Reason = policy.Reason
	// TransferSpec tells a client where one session goes.
	TransferSpec = transfer.Spec
)

// PolicyChange is a policy as a caller sends it: fields may be left out. Package policy parses and checks it.
type PolicyChange json.RawMessage

// UnmarshalJSON keeps the text: what a field left out means is decided by the operation.
func (p *PolicyChange) UnmarshalJSON(b []byte) error {
	*p = append((*p)[:0], b...)
	return nil
}

// MarshalJSON gives the text back.
func (p PolicyChange) MarshalJSON() ([]byte, error) { return p, nil }

// Schema is that of a policy with nothing required. Unknown fields are refused by name.
func (PolicyChange) Schema(r huma.Registry) *huma.Schema {
	const name = "PolicyChange"
	if r.Map()[name] == nil {
		r.Schema(reflect.TypeFor[Policy](), true, "Policy")
		s := optional(r, r.Map()["Policy"])
		s.Description = "A policy in which fields may be left out."
		s.PrecomputeMessages()
		r.Map()[name] = s
	}
	return &huma.Schema{Ref: "#/components/schemas/" + name}
}

// optional copies an object's schema, and those of the objects in it, also in lists, with nothing required: what is
// missing and may not be, the document's own package says better.
func optional(r huma.Registry, from *huma.Schema) *huma.Schema {
	s := &huma.Schema{
		Type:                 huma.TypeObject,
		Description:          from.Description,
		Properties:           map[string]*huma.Schema{},
		AdditionalProperties: false,
	}
	for name, p := range from.Properties {
		switch {
		case p.Ref != "":
			p = optional(r, r.SchemaFromRef(p.Ref))
		case p.Items != nil && p.Items.Ref != "":
			list := *p
			list.Items = optional(r, r.SchemaFromRef(p.Items.Ref))
			list.PrecomputeMessages()
			p = &list
		}
		s.Properties[name] = p
	}
	s.PrecomputeMessages()
	return s
}
