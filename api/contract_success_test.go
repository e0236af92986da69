package api_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/godwit/godwit/statestore"
)

// succeeds makes the call, and compares the answer and the audit with what was promised.
func (c *contract) succeeds() {
	c.t.Helper()
	before := c.newestAudit()
	if c.ask.stream {
		c.streams()
		return
	}
	r := c.call(c.ask.at, c.ask.body, c.ask.as)
	if want := c.status(); r.StatusCode != want {
		c.t.Fatalf("the example: %d, want %d: %s", r.StatusCode, want, r.body)
	}
	c.isAsDescribed(r)
	after := c.newestAudit()
	switch changed := after.ID != before.ID; {
	case changed && c.pure():
		c.t.Errorf("it is said to change nothing and left an audit row: %s %s", after.Action, after.Object)
	case !changed && !c.pure():
		c.t.Error("it left no audit row; if it changes nothing, register it as pure")
	case changed && (after.Actor == "" || after.RequestID == "" || after.Address == ""):
		c.t.Errorf("the audit does not say who: %+v", after)
	}
}

// status is the success that the example or the document names.
func (c *contract) status() int {
	if c.ask.wants != 0 {
		return c.ask.wants
	}
	for _, code := range slices.Sorted(maps.Keys(c.op.Responses)) {
		if n, err := strconv.Atoi(code); err == nil && n < 400 {
			return n
		}
	}
	c.t.Fatal("the document names no success")
	return 0
}

// isAsDescribed checks the answer's headers and body against the document.
func (c *contract) isAsDescribed(r reply) {
	c.t.Helper()
	described := c.op.Responses[fmt.Sprint(r.StatusCode)]
	if described == nil {
		c.t.Fatalf("the document does not say that it answers %d", r.StatusCode)
	}
	for name := range described.Headers {
		if name != "Set-Cookie" && r.Header.Get(name) == "" {
			c.t.Errorf("the answer has no %s", name)
		}
	}
	media := described.Content["application/json"]
	if media == nil {
		if len(described.Content) == 0 && len(r.body) > 0 {
			c.t.Errorf("a body that the document does not know: %s", r.body)
		}
		return
	}
	var v any
	if err := json.Unmarshal(r.body, &v); err != nil {
		c.t.Fatalf("%v: %s", err, r.body)
	}
	res := &huma.ValidateResult{}
	huma.Validate(c.s.schemas, media.Schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, v, res)
	for _, err := range res.Errors {
		c.t.Errorf("the answer is not as described: %v: %s", err, r.body)
	}
}

// streams asks for a stream and leaves.
func (c *contract) streams() {
	req, err := http.NewRequestWithContext(c.t.Context(), c.op.Method, c.s.url+c.path(c.ask.at), http.NoBody)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, h := range append([]header{c.ask.as}, c.ask.headers...) {
		h(req.Header)
	}
	res, err := c.s.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != c.status() || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		c.t.Errorf("%d %s", res.StatusCode, res.Header.Get("Content-Type"))
	}
	if _, err := io.ReadFull(res.Body, make([]byte, 1)); err != nil {
		c.t.Errorf("nothing came: %v", err)
	}
}

func (c *contract) newestAudit() statestore.AuditEntry {
	c.t.Helper()
	l, err := c.s.store.Audit.List(c.t.Context(), statestore.AuditFilter{}, statestore.Page{Limit: 1})
	if err != nil {
		c.t.Fatal(err)
	}
	if len(l.Items) == 0 {
		return statestore.AuditEntry{}
	}
	return l.Items[0]
}
