package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/godwit/godwit/statestore"
)

// Overtaking is one change that was made since the version that a caller edits.
type Overtaking struct {
	At     time.Time `json:"at"`
	Actor  string    `json:"actor" doc:"Who made it."`
	Action string    `json:"action"`
	Fields []string  `json:"fields" doc:"What it changed."`
}

// overtakings is how many of them a refusal names.
const overtakings = 10

// overtaken tells somebody whose edit came too late what was changed meanwhile, and by whom: the audit knows.
func (s *Server) overtaken(ctx context.Context, object string, a *trail, err error) error {
	var p *Problem
	if !errors.Is(err, statestore.ErrStale) && (!errors.As(err, &p) || p.Status != http.StatusPreconditionFailed) {
		return err
	}
	what := strings.ReplaceAll(object, "_", " ")
	if a.current > 0 {
		what += fmt.Sprintf(" is at version %d, the change was made from %d", a.current, a.base)
	} else {
		what += fmt.Sprintf(" is no longer at version %d, from which the change was made", a.base)
	}
	out := newProblem(http.StatusPreconditionFailed, "", "the "+what+": read it again and repeat the change")
	l, listErr := s.store.Audit.List(ctx, statestore.AuditFilter{Object: object, ObjectID: a.id, Since: a.base}, statestore.Page{Limit: overtakings})
	if listErr != nil {
		return errors.Join(err, listErr)
	}
	var told []string
	for _, e := range l.Items {
		o := Overtaking{At: e.At, Actor: e.Actor, Action: e.Action, Fields: changedFields(e.Before, e.After)}
		out.Since = append(out.Since, o)
		told = append(told, o.Actor+" "+o.Action+" "+strings.Join(o.Fields, ", "))
	}
	if p != nil { // it says better what the version is of
		p.Since = out.Since
		return p
	}
	if len(told) > 0 {
		out.Detail = "the " + what + " (since then: " + strings.Join(told, "; ") + "): read it again and repeat the change"
	}
	return out
}

// changedFields are the names at the top of two objects whose values differ, in order.
func changedFields(before, after []byte) []string {
	var old, now map[string]json.RawMessage
	_ = json.Unmarshal(before, &old) // nothing before is an object without fields
	_ = json.Unmarshal(after, &now)
	names := map[string]bool{}
	for name, v := range now {
		if !bytes.Equal(old[name], v) {
			names[name] = true
		}
	}
	for name := range old {
		if _, still := now[name]; !still {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}
