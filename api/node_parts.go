package api

import (
	"net/http"
	"time"
)

// NodeService is a service of a node, with what its process is.
type NodeService struct {
	Service
	PID   int        `json:"pid,omitempty" doc:"Of the process; absent while there is none."`
	Since *time.Time `json:"since,omitempty" doc:"Since when it is in this state."`
}

// NodeServices are a node's services.
type NodeServices struct {
	Items []NodeService `json:"items"`
}

// RestartService asks for a fresh process.
type RestartService struct {
	Reason string `json:"reason,omitempty" maxLength:"500"`
}

// NodeSession is one session that a node serves now.
type NodeSession struct {
	ID         string    `json:"id"`
	Transfer   string    `json:"transfer,omitempty"`
	AccessKey  string    `json:"access_key,omitempty"`
	Direction  string    `json:"direction" enum:"push,pull"`
	State      string    `json:"state" enum:"running,moving"`
	RateBps    int64     `json:"rate_bps"`
	WantedBps  int64     `json:"wanted_bps" doc:"What the client could use; 0: as much as there is."`
	ShareBps   int64     `json:"share_bps" doc:"What the node's cap leaves it; 0: uncapped."`
	Capped     bool      `json:"capped" doc:"Held back by the node's cap."`
	Bytes      int64     `json:"bytes"`
	BytesTotal int64     `json:"bytes_total"`
	Files      int64     `json:"files"`
	FilesTotal int64     `json:"files_total"`
	RTTMillis  float64   `json:"rtt_ms"`
	Loss       float64   `json:"loss"`
	Peer       string    `json:"peer"`
	Policy     string    `json:"policy"`
	Cipher     string    `json:"cipher"`
	Movable    bool      `json:"movable" doc:"Asked to move, it can go on elsewhere."`
	Paths      []string  `json:"paths"`
	StartedAt  time.Time `json:"started_at"`
}

// ConsoleOutput is what a node's machine wrote to its console, as its provider has it.
type ConsoleOutput struct {
	At   time.Time `json:"at" doc:"When the provider was asked."`
	Text string    `json:"text" doc:"The last part, at most 64 KiB; what is no text is replaced."`
}

type nodeSessionsIn struct {
	ID string `path:"node" maxLength:"64" doc:"Id or name."`
	Paging
}

type restartServiceIn struct {
	ID      string          `path:"node" maxLength:"64" doc:"Id or name."`
	Service string          `path:"service" maxLength:"64" doc:"As list-node-services names it."`
	Body    *RestartService `required:"false"`
}

func (s *Server) nodePartRoutes() {
	const tag = "Nodes"
	notFound := []int{http.StatusNotFound}
	register(s, operation{id: "list-node-services", method: get, path: "/nodes/{node}/services", tag: tag, role: RoleViewer,
		summary: "List what a node's agent supervises, as last reported", errors: notFound}, s.listNodeServices)
	register(s, operation{id: "restart-node-service", method: post, path: "/nodes/{node}/services/{service}/restart", tag: tag, role: RoleOperator, status: http.StatusAccepted,
		summary: "Give a service a fresh process; its sessions are told to go on, and resume",
		errors:  []int{http.StatusNotFound, http.StatusConflict}}, s.restartNodeService)
	register(s, operation{id: "list-node-sessions", method: get, path: "/nodes/{node}/sessions", tag: tag, role: RoleViewer,
		summary: "List the sessions that a node serves now", errors: notFound}, s.listNodeSessions)
	register(s, operation{id: "get-node-console", method: get, path: "/nodes/{node}/console", tag: tag, role: RoleOperator,
		summary: "Get what a node's machine wrote to its console: the place to look when it does not join",
		errors:  []int{http.StatusNotFound, http.StatusConflict}}, s.getNodeConsole)
}
