package api

import (
	"context"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

type eventsIn struct {
	Topics      []string `query:"topics" maxItems:"4" enum:"overview,nodes,transfers,decisions" doc:"What to follow; left out, all."`
	LastEventID string   `header:"Last-Event-ID" maxLength:"64" doc:"Go on after this event; browsers send it by themselves."`
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
