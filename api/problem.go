package api

import (
	"net/http"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

// Problem is an RFC 9457 problem document. It is the only form of error that /api/v1 answers with.
type Problem struct {
	Type      string    `json:"type" format:"uri-reference" doc:"Names the kind of problem; stable." example:"/problems/not-found"`
	Title     string    `json:"title" doc:"The kind of problem in words; the same for every occurrence."`
	Status    int       `json:"status" doc:"HTTP status."`
	Detail    string    `json:"detail" doc:"What happened, to what, and what to do about it."`
	Code      string    `json:"code" doc:"Short stable name for programs." example:"not_found"`
	RequestID string    `json:"request_id,omitempty" doc:"Find the request in the manager's log and audit by this id."`
	Errors    []Invalid `json:"errors,omitempty" doc:"The fields that were refused."`

	Since []Overtaking `json:"changed_since,omitempty" doc:"Of a stale edit: what was changed since the version it was made from, newest first."`

	headers http.Header
}

// Invalid is one refused field.
type Invalid struct {
	Location string `json:"location" doc:"Where: body.max_nodes, query.limit, path.id." example:"body.max_nodes"`
	Message  string `json:"message" doc:"Why."`
}

// Error returns the detail, which is written for a person.
func (p *Problem) Error() string { return p.Detail }

// GetStatus is the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders are sent with the problem, such as Retry-After.
func (p *Problem) GetHeaders() http.Header { return p.headers }

// ContentType is RFC 9457's.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

var (
	_ huma.StatusError       = (*Problem)(nil)
	_ huma.HeadersError      = (*Problem)(nil)
	_ huma.ContentTypeFilter = (*Problem)(nil)
)

// installProblems makes huma speak Problem, also for what it refuses itself. It is huma's only way, and global.
var installProblems = sync.OnceFunc(func() {
	huma.DefaultArrayNullable = false
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		p := newProblem(status, "", msg)
		for _, err := range errs {
			if d, ok := err.(huma.ErrorDetailer); ok {
				// The value stays behind: it may be a password.
				p.Errors = append(p.Errors, Invalid{Location: d.ErrorDetail().Location, Message: d.ErrorDetail().Message})
			} else if err != nil && status < http.StatusInternalServerError {
				p.Errors = append(p.Errors, Invalid{Location: "body", Message: err.Error()})
			}
		}
		if msg == "validation failed" && len(p.Errors) > 0 {
			p.Detail = "refused: " + p.Errors[0].Location + ": " + p.Errors[0].Message
		}
		return p
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, msg string, errs ...error) huma.StatusError {
		e := huma.NewError(status, msg, errs...)
		if p, ok := e.(*Problem); ok && ctx != nil {
			p.RequestID = requestID(ctx.Context())
		}
		return e
	}
})

// newProblem fills in what follows from the status.
func newProblem(status int, code, detail string) *Problem {
	title := http.StatusText(status)
	if code == "" {
		code = strings.ReplaceAll(strings.ToLower(title), " ", "_")
	}
	return &Problem{
		Type: "/problems/" + strings.ReplaceAll(code, "_", "-"), Title: title, Status: status, Detail: detail, Code: code,
	}
}
