package api

import (
	"context"
	"net/http"
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

type eventsIn struct {
	Topic       []string `query:"topic" maxItems:"6" enum:"overview,nodes,transfers,decisions,conditions,audit" doc:"What to follow; left out, all that the caller may see. audit is for administrators."`
	Topics      []string `query:"topics" maxItems:"6" enum:"overview,nodes,transfers,decisions,conditions,audit" doc:"The same as topic."`
	LastEventID string   `header:"Last-Event-ID" maxLength:"64" doc:"Go on after this event; browsers send it by themselves."`
}

const (
	topicConditions = "conditions"
	topicAudit      = "audit"
)

// topics are those that a caller of the role follows. What all may see is all that they get when they name none.
func (in *eventsIn) topics(role Role) ([]string, error) {
	wanted := slices.Concat(in.Topic, in.Topics)
	if len(wanted) == 0 {
		wanted = []string{"overview", "nodes", "transfers", "decisions", topicConditions}
		if role.Includes(RoleAdmin) {
			wanted = append(wanted, topicAudit)
		}
	}
	if slices.Contains(wanted, topicAudit) && !role.Includes(RoleAdmin) {
		return nil, newProblem(http.StatusForbidden, "", "the topic audit needs the role "+string(RoleAdmin))
	}
	return wanted, nil
}

// eventTypes are the kinds of events and what they carry.
var eventTypes = []struct {
	name, doc string
	data      reflect.Type
}{
	{"overview", "The overview's newest figures.", reflect.TypeFor[OverviewEvent]()},
	{"nodes", "Nodes that changed, as they are now.", reflect.TypeFor[NodesEvent]()},
	{"transfers", "Transfers that run or ended, as they are now.", reflect.TypeFor[TransfersEvent]()},
	{"decision", "A decision that was made, or made again.", reflect.TypeFor[DecisionEvent]()},
	{"condition", "A condition that began or ended.", reflect.TypeFor[ConditionEvent]()},
	{"audit", "Something that somebody did; for administrators.", reflect.TypeFor[AuditEvent]()},
	{"reset", "Events were missed: read the lists again.", reflect.TypeFor[ResetEvent]()},
}

func (s *Server) eventRoutes() {
	reg := s.huma.OpenAPI().Components.Schemas
	kinds := make([]*huma.Schema, 0, len(eventTypes))
	for _, e := range eventTypes {
		kinds = append(kinds, &huma.Schema{
			Type: huma.TypeObject, Title: e.name, Description: e.doc,
			Properties: map[string]*huma.Schema{
				"id":    {Type: huma.TypeString},
				"event": {Type: huma.TypeString, Enum: []any{e.name}},
				"data":  reg.Schema(e.data, true, e.name),
			},
			Required: []string{"event", "data"},
		})
	}
	op := operation{
		id: "stream-events", method: get, path: "/events", tag: "Overview", role: RoleViewer,
		summary: "Follow what happens, by server-sent events",
		detail: "Sends id, event and data (JSON) for each of the kinds below, and a comment every 15 seconds. " +
			"After a break the stream goes on where it ended, or sends reset when too much was missed.",
		responses: map[string]*huma.Response{"200": {
			Description: "A stream that does not end.",
			Content:     map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{OneOf: kinds}}},
		}},
	}
	register(s, op, func(ctx context.Context, in *eventsIn) (*huma.StreamResponse, error) { return s.streamEvents(ctx, in) })
}
