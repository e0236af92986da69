package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/godwit/godwit/api"
)

// hostileTexts are what no name is, and some of it Postgres takes for no text.
var hostileTexts = map[string]string{
	"a NUL":                   "a\x00b",
	"bytes that are no UTF-8": "a\xff\xfe",
	"half a surrogate":        "a\xed\xa0\x80",
	"very long text":          strings.Repeat("long", 5_000),
	"a pattern":               `(a*)*[%_\`,
	"control characters":      "a\x1b[2J\r\nb",
}

// hostileNumbers are out of any range.
var hostileNumbers = []string{"99999999999999999999999999", "9223372036854775807", "-9223372036854775808", "1e400", "1.5", "NaN", "0x10", ""}

// slips are words of the database and of validators' internals, none of which tells a caller anything.
var slips = []string{"SQLSTATE", "byte sequence", "null character", "constraint", "regular expression", "match pattern", "strconv", "unmarshal", "json:", "pgx", "invalid value:", "Key ("}

// The same walk of the document as TestEveryOperationKeepsItsContract, in a world of its own: some of what is tried is
// taken, and changes it.
func TestNoInputMakesTheManagerFail(t *testing.T) {
	t.Parallel()
	s := newScene(newWorld(t))
	for _, op := range operations(api.Document()) {
		t.Run(op.OperationID, func(t *testing.T) {
			c := contract{t: t, s: s.in(t), op: op}
			c.ask = examples[op.OperationID](c.s)
			c.prepare()
			c.survivesHostileInput()
		})
	}
}

// survivesHostileInput: whatever stands in a path, a query or a field, the answer is the caller's fault in words, never
// the manager's.
func (c *contract) survivesHostileInput() {
	if c.ask.stream {
		return
	}
	for _, p := range c.op.Parameters {
		switch schema := c.resolve(p.Schema); {
		case p.In == "path":
			for what, text := range hostileTexts {
				values := maps.Clone(c.ask.at)
				values[p.Name] = url.PathEscape(text)
				c.survives(p.Name+" of the path is "+what, c.call(values, c.ask.body, c.ask.as))
			}
		case p.In == "query" && schema.Type == huma.TypeString:
			for what, text := range hostileTexts {
				c.survives(p.Name+" of the query is "+what, c.queried(p.Name, text))
			}
		case p.In == "query":
			for _, number := range hostileNumbers {
				c.survives(p.Name+" of the query is "+number, c.queried(p.Name, number))
			}
		}
	}
	schema := c.body()
	if schema == nil || schema.Type != huma.TypeObject {
		return
	}
	good := c.object(c.ask.body)
	c.hostileFields(schema, "body", 0, func(field any) reply {
		bad := maps.Clone(good)
		maps.Copy(bad, field.(map[string]any))
		return c.call(c.ask.at, bad, c.ask.as)
	})
}

// queried is the example's call with one more parameter in its query.
func (c *contract) queried(name, value string) reply {
	c.t.Helper()
	was := c.ask.query
	defer func() { c.ask.query = was }()
	q, err := url.ParseQuery(was)
	if err != nil {
		c.t.Fatal(err)
	}
	q.Set(name, value)
	c.ask.query = q.Encode()
	return c.call(c.ask.at, c.ask.body, c.ask.as)
}

// hostileFields tries each field of a schema; send puts an object in its place in the body.
func (c *contract) hostileFields(schema *huma.Schema, at string, depth int, send func(any) reply) {
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		field := c.resolve(schema.Properties[name])
		where := at + "." + name
		try := func(what string, v any) { c.survives(where+" is "+what, send(map[string]any{name: v})) }
		if field.Type == huma.TypeArray && field.Items != nil {
			outer := try
			try = func(what string, v any) { outer(what, []any{v}) }
			field = c.resolve(field.Items)
		}
		switch field.Type {
		case huma.TypeString:
			for what, text := range hostileTexts {
				try(what, text)
			}
		case huma.TypeInteger, huma.TypeNumber:
			for _, number := range hostileNumbers[:5] {
				try(number, json.Number(number))
			}
		case huma.TypeObject:
			if depth < 2 {
				c.hostileFields(field, where, depth+1, func(v any) reply { return send(map[string]any{name: v}) })
			}
		}
	}
}

// survives demands that the call was refused in words, or meant something.
func (c *contract) survives(what string, r reply) {
	c.t.Helper()
	if r.StatusCode >= http.StatusInternalServerError && r.StatusCode != http.StatusServiceUnavailable {
		c.t.Errorf("%s: %d %s", what, r.StatusCode, r.body)
		return
	}
	if r.StatusCode < http.StatusBadRequest {
		return
	}
	if c.op.Responses[fmt.Sprint(r.StatusCode)] == nil {
		c.t.Errorf("%s: the document does not say that it answers %d", what, r.StatusCode)
	}
	p := r.problem(c.t)
	said := p.Detail
	for _, e := range p.Errors {
		said += fmt.Sprintf(" %s %s", e.Location, e.Message)
	}
	for _, slip := range slips {
		if strings.Contains(said, slip) {
			c.t.Errorf("%s: %d says %q", what, r.StatusCode, said)
			return
		}
	}
}
