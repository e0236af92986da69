package api

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/godwit/godwit/statestore"
)

// Metadata keys under which an operation carries its access rule to the middleware.
const (
	metaRole   = "role"
	metaTenant = "tenant"
	metaScope  = "scope"
	metaMatch  = "match"
	metaOnce   = "once"
)

// operation describes one operation of /api/v1.
type operation struct {
	id      string
	method  string
	path    string // below /api/v1
	tag     string
	summary string
	detail  string
	role    Role
	tenant  bool // access keys may call it too, for what is theirs
	pure    bool // asks and changes nothing, though it is no GET
	status  int  // of success; 0 means 200, or 204 without a body
	errors  []int
	// responses are those that the types do not say.
	responses map[string]*huma.Response
}

// register adds an operation with its access rule. A rule left out is a programming error and panics at start.
func register[I, O any](s *Server, o operation, h func(context.Context, *I) (*O, error)) {
	if o.role.rank() < 0 {
		panic("api: operation " + o.id + " names no role")
	}
	errs := append([]int{}, o.errors...)
	security := []map[string][]string{}
	if o.role != RolePublic || o.tenant {
		errs = append(errs, http.StatusUnauthorized, http.StatusForbidden)
		security = append(security, map[string][]string{"session": {}}, map[string][]string{"token": {}})
	}
	if _, takes := reflect.TypeFor[I]().FieldByName("Body"); takes {
		errs = append(errs, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	match := asksMatch(reflect.TypeFor[I]())
	if match {
		errs = append(errs, http.StatusPreconditionFailed, http.StatusPreconditionRequired)
	}
	var params []*huma.Param
	if o.idempotent() {
		errs = append(errs, http.StatusConflict)
		params = append(params, idempotencyParam())
	}
	scope := o.scopeOf()
	s.learnScope(scope)
	if o.tenant {
		security = append(security, map[string][]string{"accessKey": {}})
	}
	huma.Register(s.huma, huma.Operation{
		OperationID:   o.id,
		Method:        o.method,
		Path:          "/api/v1" + o.path,
		Tags:          []string{o.tag},
		Summary:       o.summary,
		Description:   o.detail,
		DefaultStatus: o.status,
		MaxBodyBytes:  maxBody,
		Parameters:    params,
		Responses:     o.responses,
		Errors:        distinct(append(errs, http.StatusServiceUnavailable)),
		Metadata:      map[string]any{metaRole: o.role, metaTenant: o.tenant, metaScope: scope, metaMatch: match, metaOnce: o.idempotent()},
		Security:      security,
		Extensions:    extensions(o, scope),
	}, func(ctx context.Context, in *I) (*O, error) {
		if at := unstorable(in); at != "" {
			return nil, s.problem(ctx, invalid(at, "holds a NUL character or bytes that are not UTF-8, which no text has"))
		}
		out, err := h(ctx, in)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		return out, nil
	})
}

// extensions are the access rule as the document tells it.
func extensions(o operation, scope string) map[string]any {
	x := map[string]any{"x-godwit-role": string(o.role), "x-godwit-access-key": o.tenant}
	if scope != "" {
		x["x-godwit-scope"] = scope
	}
	if o.pure {
		x["x-godwit-pure"] = true
	}
	return x
}

// asksMatch reports whether an input has a required If-Match: the operation edits what somebody else may edit, too.
func asksMatch(in reflect.Type) bool {
	for f := range in.Fields() {
		if f.Tag.Get("header") == "If-Match" && f.Tag.Get("required") == "true" {
			return true
		}
	}
	return false
}

func distinct(statuses []int) []int {
	slices.Sort(statuses)
	return slices.Compact(statuses)
}

// maxBody bounds a request's body: the largest thing anybody sends is a template or a list of paths.
const maxBody = 256 << 10

// body is a response with a body and no headers of its own.
type body[T any] struct{ Body T }

// tagged is a response with a version for If-Match.
type tagged[T any] struct {
	ETag string `header:"ETag" doc:"Version of the resource, to be sent back as If-Match."`
	Body T
}

// empty is the response of an operation that answers 204.
type empty struct{}

// Page is one page of a list, newest first unless said otherwise.
type Page[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor,omitempty" doc:"Give it back as cursor to get the next page; absent on the last one."`
}

// Paging are the query parameters of every list.
type Paging struct {
	Cursor string `query:"cursor" maxLength:"512" doc:"Where to go on: next_cursor of the page before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"Most items to return."`
}

func (p Paging) page() statestore.Page { return statestore.Page{Cursor: p.Cursor, Limit: p.Limit} }

// paged turns a page of rows into one of views. Lists are never null.
func paged[R, V any](l statestore.List[R], err error, view func(R) V) (*body[Page[V]], error) {
	if err != nil {
		return nil, cursorError(err)
	}
	out := Page[V]{Items: make([]V, 0, len(l.Items)), NextCursor: l.Next}
	for _, r := range l.Items {
		out.Items = append(out.Items, view(r))
	}
	return ok(out), nil
}

// cursorError names the field at fault: of what a list is given, only the cursor can be invalid.
func cursorError(err error) error {
	if errors.Is(err, statestore.ErrInvalid) {
		return invalid("query.cursor", "is not one that this list gave")
	}
	return err
}

func ok[T any](v T) *body[T] { return &body[T]{Body: v} }
