package api

import "net/http"

type transfersIn struct {
	State     []string `query:"state" maxItems:"6" doc:"Only these states."`
	Live      bool     `query:"live" doc:"Only those that run now."`
	Cluster   string   `query:"cluster" maxLength:"64" doc:"Id or name."`
	AccessKey string   `query:"access_key" maxLength:"64"`
	Node      string   `query:"node" maxLength:"64" doc:"Id of a node that serves it now."`
	Direction string   `query:"direction" enum:"push,pull"`
	Search    string   `query:"q" maxLength:"100" doc:"In id or name."`
	Paging
}

type transferIn struct {
	ID string `path:"transfer" maxLength:"64"`
}

type transferCreateIn struct{ Body TransferCreate }

type specIn struct {
	ID   string `path:"transfer" maxLength:"64"`
	Body SpecRequest
}

type transferUpdateIn struct {
	ID   string `path:"transfer" maxLength:"64"`
	Body TransferUpdate
}

func (s *Server) transferRoutes() {
	const tag = "Transfers"
	notFound := []int{http.StatusNotFound}
	register(s, operation{id: "list-transfers", method: get, path: "/transfers", tag: tag, role: RoleViewer, tenant: true,
		summary: "List transfers, live and past, newest first", errors: []int{http.StatusNotFound}}, s.listTransfers)
	register(s, operation{id: "create-transfer", method: post, path: "/transfers", tag: tag, role: RoleOperator, tenant: true, status: http.StatusCreated,
		summary: "Ask where to connect: the best node, its pinned certificate, and a token bound to the client's key",
		detail:  "Beyond capacity it answers 503 with Retry-After.",
		errors:  notFound}, s.createTransfer)
	register(s, operation{id: "create-spec", method: post, path: "/transfers/{transfer}/specs", tag: tag, role: RoleOperator, tenant: true, status: http.StatusCreated,
		summary: "Ask where to go on with a transfer: to resume it, or because its node failed or drains",
		errors:  []int{http.StatusNotFound, http.StatusConflict}}, s.createSpec)
	register(s, operation{id: "get-transfer", method: get, path: "/transfers/{transfer}", tag: tag, role: RoleViewer, tenant: true,
		summary: "Get a transfer with its sessions", errors: notFound}, s.getTransfer)
	register(s, operation{id: "cancel-transfer", method: post, path: "/transfers/{transfer}/cancel", tag: tag, role: RoleOperator, tenant: true,
		summary: "End a transfer; its token is worth nothing from then on", errors: []int{http.StatusNotFound, http.StatusConflict}}, s.cancelTransfer)
	register(s, operation{id: "update-transfer", method: patch, path: "/transfers/{transfer}", tag: tag, role: RoleOperator, tenant: true,
		summary: "Change the rate or policy of a running transfer at once", errors: []int{http.StatusNotFound, http.StatusConflict}}, s.updateTransfer)
}

type keysIn struct {
	Revoked bool   `query:"revoked" doc:"Revoked keys too."`
	Search  string `query:"q" maxLength:"100" doc:"In name or id."`
	Paging
}

type keyIn struct {
	ID string `path:"key" maxLength:"64"`
}

type keyCreateIn struct{ Body AccessKeyCreate }

type keyUpdateIn struct {
	ID      string `path:"key" maxLength:"64"`
	IfMatch string `header:"If-Match" required:"true" maxLength:"64" doc:"ETag of the version that the change was made from."`
	Body    AccessKeyUpdate
}

type rotateIn struct {
	ID   string         `path:"key" maxLength:"64"`
	Body *RotateRequest `required:"false"`
}

func (s *Server) keyRoutes() {
	const tag = "Access keys"
	notFound := []int{http.StatusNotFound}
	register(s, operation{id: "list-access-keys", method: get, path: "/access-keys", tag: tag, role: RoleViewer,
		summary: "List access keys"}, s.listKeys)
	register(s, operation{id: "create-access-key", method: post, path: "/access-keys", tag: tag, role: RoleAdmin, status: http.StatusCreated,
		summary: "Add a tenant; its secret is shown once", errors: []int{http.StatusConflict}}, s.createKey)
	register(s, operation{id: "get-access-key", method: get, path: "/access-keys/{key}", tag: tag, role: RoleViewer,
		summary: "Get an access key", errors: notFound}, s.getKey)
	register(s, operation{id: "update-access-key", method: patch, path: "/access-keys/{key}", tag: tag, role: RoleAdmin,
		summary: "Change a key's name, limits or permissions", errors: []int{http.StatusNotFound, http.StatusConflict}}, s.updateKey)
	register(s, operation{id: "rotate-access-key", method: post, path: "/access-keys/{key}/rotate", tag: tag, role: RoleAdmin,
		summary: "Give a key a new secret, with an overlap in which the old one works too", errors: []int{http.StatusNotFound, http.StatusConflict}}, s.rotateKey)
	register(s, operation{id: "revoke-access-key", method: del, path: "/access-keys/{key}", tag: tag, role: RoleAdmin, status: http.StatusNoContent,
		summary: "Revoke a key: its transfers end, its history stays", errors: notFound}, s.revokeKey)
}
