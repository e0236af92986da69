package api

import "net/http"

type nodesIn struct {
	Cluster string   `query:"cluster" maxLength:"64" doc:"Id or name; left out, all."`
	State   []string `query:"state" maxItems:"12" doc:"Only these states; left out, all that are not ended."`
	Pool    []string `query:"pool" maxItems:"4" doc:"Only these pools."`
	Search  string   `query:"q" maxLength:"100" doc:"In name, id, instance id or address."`
	Ended   bool     `query:"ended" doc:"Ended nodes too."`
	History bool     `query:"history" doc:"With each node's rates of the last 15 minutes."`
	Paging
}

type nodeIn struct {
	ID string `path:"node" maxLength:"64" doc:"Id or name."`
}

type nodeEventsIn struct {
	ID string `path:"node" maxLength:"64" doc:"Id or name."`
	Paging
}

type drainIn struct {
	ID   string        `path:"node" maxLength:"64" doc:"Id or name."`
	Body *DrainRequest `required:"false"`
}

type terminateIn struct {
	ID   string            `path:"node" maxLength:"64" doc:"Id or name."`
	Body *TerminateRequest `required:"false"`
}

func (s *Server) nodeRoutes() {
	const tag = "Nodes"
	conflict := []int{http.StatusNotFound, http.StatusConflict}
	register(s, operation{id: "list-nodes", method: get, path: "/nodes", tag: tag, role: RoleViewer,
		summary: "List nodes as stored and as last reported", errors: []int{http.StatusNotFound}}, s.listNodes)
	register(s, operation{id: "get-node", method: get, path: "/nodes/{node}", tag: tag, role: RoleViewer,
		summary: "Get a node with its services and recent rates", errors: []int{http.StatusNotFound}}, s.getNode)
	register(s, operation{id: "list-node-events", method: get, path: "/nodes/{node}/events", tag: tag, role: RoleViewer,
		summary: "A node's life as a time line, oldest first", errors: []int{http.StatusNotFound}}, s.listNodeEvents)
	register(s, operation{id: "drain-node", method: post, path: "/nodes/{node}/drain", tag: tag, role: RoleOperator, status: http.StatusAccepted,
		summary: "Let a node finish, take no more, and end it", errors: conflict}, s.drainNode)
	register(s, operation{id: "undrain-node", method: post, path: "/nodes/{node}/undrain", tag: tag, role: RoleOperator, status: http.StatusAccepted,
		summary: "Let a draining node serve again", errors: conflict}, s.undrainNode)
	register(s, operation{id: "terminate-node", method: post, path: "/nodes/{node}/terminate", tag: tag, role: RoleOperator, status: http.StatusAccepted,
		summary: "End a node; refused while it serves sessions unless forced", errors: conflict}, s.terminateNode)
}
