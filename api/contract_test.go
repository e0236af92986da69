package api_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/godwit/godwit/api"
)

// Every operation of the document is held to the same promises, so that none is forgotten: it refuses who is not signed
// in, who has not the role, whose token has not the scope, every body that is not as described, a version that is not
// the newest, and what does not exist; and it does what it is for once, answers as the document says, and leaves an audit
// row when it changes something.
//
// The refusals follow from the document. What a test cannot guess is one call that succeeds, and each operation has that
// in contract_*_examples_test.go. To add one:
//
//	"drain-node": func(s *scene) ask {
//		return ask{at: at{"node": s.node().ID}, body: `{"reason":"tidy up"}`}
//	},
//
// A scene makes what an example needs (s.cluster(), s.node(), s.key() …), each time a new one; see contract_scene_test.go.
func TestEveryOperationKeepsItsContract(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newScene(w)
	known := map[string]bool{}
	for _, op := range operations(api.Document()) {
		known[op.OperationID] = true
		t.Run(op.OperationID, func(t *testing.T) {
			example, found := examples[op.OperationID]
			if !found {
				t.Fatalf("operation %s (%s %s) has no example: add one to a file contract_*_examples_test.go", op.OperationID, op.Method, op.Path)
			}
			c := contract{t: t, s: s.in(t), op: op}
			c.ask = example(c.s)
			c.prepare()
			c.refusesStrangers()
			c.refusesBadBodies()
			c.refusesOldVersions()
			c.refusesUnknownThings()
			c.succeeds()
		})
	}
	for id := range examples {
		if !known[id] {
			t.Errorf("there is an example of %s, which is no operation", id)
		}
	}
}

// operations are all of a document's, in order of their ids.
func operations(doc *huma.OpenAPI) []*huma.Operation {
	by := map[string]*huma.Operation{}
	for _, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op != nil {
				by[op.OperationID] = op
			}
		}
	}
	var all []*huma.Operation
	for _, id := range slices.Sorted(maps.Keys(by)) {
		all = append(all, by[id])
	}
	return all
}

// ask is one call that succeeds.
type ask struct {
	at      at       // path parameters
	query   string   // without "?"
	body    any      // as world.call takes it
	as      header   // an administrator's token when nil
	headers []header // further ones
	tag     string   // path whose ETag the call needs, when it is not the call's own
	stream  bool     // the answer does not end
	// wants is the status, where it is not the first of success that the document names.
	wants int
	// audited: though it is a GET, since a browser makes it on its way.
	audited bool
}

type at map[string]string

// contract is one operation on trial.
type contract struct {
	t     *testing.T
	s     *scene
	op    *huma.Operation
	ask   ask
	match string // ETag of what the call changes
}

func (c *contract) role() api.Role { return api.Role(c.op.Extensions["x-godwit-role"].(string)) }

func (c *contract) pure() bool {
	return c.op.Method == http.MethodGet && !c.ask.audited || c.op.Extensions["x-godwit-pure"] == true
}

// asksMatch: the document requires If-Match.
func (c *contract) asksMatch() bool {
	return slices.ContainsFunc(c.op.Parameters, func(p *huma.Param) bool { return p.In == "header" && p.Name == "If-Match" && p.Required })
}

// prepare brings the server's picture up to date with what the example made, and reads the version to be changed.
func (c *contract) prepare() {
	c.t.Helper()
	if c.ask.as == nil {
		c.ask.as = c.s.admin
	}
	if err := c.s.api.Prepare(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
	if !c.asksMatch() {
		return
	}
	path := c.ask.tag
	if path == "" {
		path = c.path(c.ask.at)
	}
	r := c.s.must(http.StatusOK, http.MethodGet, path, nil, c.s.admin)
	if c.match = r.Header.Get("ETag"); c.match == "" {
		c.t.Fatalf("GET %s gives no ETag, which %s needs", path, c.op.OperationID)
	}
}

// path fills in the operation's path, in which the example must name every part.
func (c *contract) path(values at) string {
	path := c.op.Path
	for _, name := range pathParameters(c.op) {
		v, found := values[name]
		if !found {
			c.t.Fatalf("the example of %s does not say {%s} of %s", c.op.OperationID, name, c.op.Path)
		}
		path = strings.ReplaceAll(path, "{"+name+"}", v)
	}
	return path
}

func pathParameters(op *huma.Operation) []string {
	var names []string
	for _, p := range op.Parameters {
		if p.In == "path" {
			names = append(names, p.Name)
		}
	}
	return names
}

// call makes the example's call, changed as the arguments say.
func (c *contract) call(values at, body any, headers ...header) reply {
	c.t.Helper()
	path := c.path(values)
	if c.ask.query != "" {
		path += "?" + c.ask.query
	}
	all := append([]header{}, c.ask.headers...)
	if c.match != "" {
		all = append(all, with("If-Match", c.match))
	}
	return c.s.call(c.op.Method, path, body, append(all, headers...)...)
}

// refused demands a problem document with one of the statuses that names the word.
func (c *contract) refused(what, word string, r reply, statuses ...int) {
	c.t.Helper()
	if !slices.Contains(statuses, r.StatusCode) {
		c.t.Errorf("%s: %d, want %v: %s", what, r.StatusCode, statuses, r.body)
		return
	}
	p := r.problem(c.t)
	if p.Status != r.StatusCode || p.Code == "" || p.Title == "" || p.Detail == "" || p.RequestID == "" {
		c.t.Errorf("%s: the problem does not say all: %s", what, r.body)
	}
	named := word == ""
	for _, e := range p.Errors {
		named = named || strings.Contains(e.Location, word) || strings.Contains(e.Message, word)
	}
	if !named {
		c.t.Errorf("%s: the problem does not name %q: %s", what, word, r.body)
	}
	if c.op.Responses[fmt.Sprint(r.StatusCode)] == nil && c.op.Responses["default"] == nil {
		c.t.Errorf("%s: the document does not say that it answers %d", what, r.StatusCode)
	}
}
