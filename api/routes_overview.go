package api

import (
	"net/http"
	"time"
)

type overviewIn struct {
	Cluster string `query:"cluster" maxLength:"64" doc:"Id or name; left out, all together."`
	Nodes   bool   `query:"nodes" default:"true" doc:"False leaves the list of nodes empty: of thousands it is all but a fraction of the answer."`
}

type settingsIn struct {
	IfMatch string `header:"If-Match" required:"true" maxLength:"64" doc:"ETag of the version that the change was made from."`
	Body    SettingsUpdate
}

type auditIn struct {
	Actor    string    `query:"actor" maxLength:"100" doc:"Who: user:NAME, by whatever means; token:NAME; key:ID."`
	Action   string    `query:"action" maxLength:"64" doc:"What was done, such as create."`
	Object   string    `query:"object" maxLength:"64" doc:"Kind of thing, such as cluster."`
	ObjectID string    `query:"object_id" maxLength:"64"`
	Search   string    `query:"q" maxLength:"100" doc:"In actor, action, object, id, and what was before and after."`
	From     time.Time `query:"from" doc:"Not older than this."`
	To       time.Time `query:"to" doc:"Older than this."`
	Paging
}

func (s *Server) overviewRoutes() {
	const overview, settings = "Overview", "Settings"
	register(s, operation{id: "get-overview", method: get, path: "/overview", tag: overview, role: RoleViewer,
		summary: "Is it healthy, does it keep up, what is it doing about it, and why?", errors: []int{http.StatusNotFound}}, s.getOverview)
	s.eventRoutes()
	register(s, operation{id: "get-settings", method: get, path: "/settings", tag: settings, role: RoleViewer,
		summary: "Get settings and the manager's facts"}, s.getSettings)
	register(s, operation{id: "update-settings", method: patch, path: "/settings", tag: settings, role: RoleAdmin,
		summary: "Change settings"}, s.updateSettings)
	register(s, operation{id: "rotate-signing-key", method: post, path: "/settings/signing-key/rotate", tag: settings, role: RoleAdmin,
		summary: "Sign transfer tokens with a new key; those signed before stay valid"}, s.rotateSigningKey)
	register(s, operation{id: "list-audit", method: get, path: "/audit", tag: settings, role: RoleAdmin,
		summary: "List what was changed, by whom, before and after, newest first"}, s.listAudit)
}
