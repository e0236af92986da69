package api_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/godwit/godwit/api"
)

// refusesStrangers: no credential, a lesser role, a token of another scope, an access key.
func (c *contract) refusesStrangers() {
	role := c.role()
	if role == api.RolePublic {
		return
	}
	r := c.call(c.ask.at, c.ask.body)
	c.refused("without a credential", "", r, http.StatusUnauthorized)
	if r.Header.Get("Www-Authenticate") == "" {
		c.t.Error("without a credential: no challenge")
	}
	for _, lesser := range []api.Role{api.RoleViewer, api.RoleOperator} {
		if !lesser.Includes(role) {
			c.refused("as "+string(lesser), "", c.call(c.ask.at, c.ask.body, c.s.byRole[lesser]), http.StatusForbidden)
		}
	}
	if scope, _ := c.op.Extensions["x-godwit-scope"].(string); scope != "" {
		c.refused("with a token of another scope", "", c.call(c.ask.at, c.ask.body, c.s.scoped("elsewhere:write")), http.StatusForbidden)
		if area, writes := strings.CutSuffix(scope, ":write"); writes {
			c.refused("with a token that may only read", "", c.call(c.ask.at, c.ask.body, c.s.scoped(area+":read")), http.StatusForbidden)
		}
	}
	if open, _ := c.op.Extensions["x-godwit-access-key"].(bool); !open {
		c.refused("with an access key", "", c.call(c.ask.at, c.ask.body, c.s.tenant), http.StatusForbidden)
	}
}

// refusesBadBodies: an unknown field, each field in another type, each required field left out.
func (c *contract) refusesBadBodies() {
	schema := c.body()
	if schema == nil || schema.Type != huma.TypeObject {
		return
	}
	good := c.object(c.ask.body)
	try := func(what, field string, change func(map[string]any)) {
		bad := maps.Clone(good)
		change(bad)
		c.refused(what, field, c.call(c.ask.at, bad, c.ask.as), http.StatusUnprocessableEntity, http.StatusBadRequest)
	}
	if schema.AdditionalProperties == false {
		try("unknown field", "no_such_field", func(m map[string]any) { m["no_such_field"] = 1 })
	}
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		if wrong, ok := ofAnotherType(c.resolve(schema.Properties[name])); ok {
			try(name+" of another type", name, func(m map[string]any) { m[name] = wrong })
		}
	}
	for _, name := range schema.Required {
		try("without "+name, name, func(m map[string]any) { delete(m, name) })
	}
	if required := c.op.RequestBody.Required; required {
		c.refused("without a body", "", c.call(c.ask.at, nil, c.ask.as), http.StatusUnprocessableEntity, http.StatusBadRequest)
	}
	c.refused("a body that is not JSON", "", c.call(c.ask.at, `{"`, c.ask.as), http.StatusUnprocessableEntity, http.StatusBadRequest)
}

// body is the schema of the operation's request, nil when it takes none.
func (c *contract) body() *huma.Schema {
	if c.op.RequestBody == nil || c.op.RequestBody.Content["application/json"] == nil {
		return nil
	}
	return c.resolve(c.op.RequestBody.Content["application/json"].Schema)
}

func (c *contract) resolve(s *huma.Schema) *huma.Schema {
	for s.Ref != "" {
		s = c.s.schemas.SchemaFromRef(s.Ref)
	}
	return s
}

// object is an example's body as the fields of a JSON object.
func (c *contract) object(body any) map[string]any {
	c.t.Helper()
	raw, isText := body.(string)
	if !isText && body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		raw = string(b)
	}
	m := map[string]any{}
	if raw == "" {
		return m
	}
	if err := json.Unmarshal([]byte(raw), &m); err != nil {
		c.t.Fatalf("the example's body is no JSON object: %v", err)
	}
	return m
}

// ofAnotherType is a value that the schema does not allow; not ok where it allows all.
func ofAnotherType(s *huma.Schema) (any, bool) {
	switch s.Type {
	case huma.TypeObject:
		return "a word", true
	case huma.TypeString, huma.TypeInteger, huma.TypeNumber, huma.TypeBoolean, huma.TypeArray:
		return map[string]any{"strange": true}, true
	}
	return nil, false
}

// refusesOldVersions: no If-Match, and one of a version that is not there.
func (c *contract) refusesOldVersions() {
	if !c.asksMatch() {
		return
	}
	fresh := c.match
	c.match = ""
	c.refused("without If-Match", "", c.call(c.ask.at, c.ask.body, c.ask.as), http.StatusPreconditionRequired)
	c.match = `"987654321"`
	c.refused("with a stale If-Match", "", c.call(c.ask.at, c.ask.body, c.ask.as), http.StatusPreconditionFailed)
	c.match = fresh
}

// refusesUnknownThings: each part of the path in turn names what is not there.
func (c *contract) refusesUnknownThings() {
	for _, p := range c.op.Parameters {
		if p.In != "path" {
			continue
		}
		values := maps.Clone(c.ask.at)
		if values[p.Name] = "nothing-of-that-name"; c.resolve(p.Schema).Type == huma.TypeInteger {
			values[p.Name] = "987654321"
		}
		c.refused("an unknown "+p.Name, "", c.call(values, c.ask.body, c.ask.as), http.StatusNotFound)
	}
}
