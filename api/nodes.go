package api

import "time"

// Node is one transfer node, as stored and as last reported.
type Node struct {
	ID              string       `json:"id"`
	Name            string       `json:"name"`
	Cluster         Ref          `json:"cluster"`
	State           string       `json:"state" enum:"requested,launching,booting,running,draining,terminating,terminated,stopping,stopped,starting,failed,lost"`
	Pool            string       `json:"pool,omitempty" enum:"idle,low,high,degraded" doc:"Of a running node, from its utilization."`
	Since           time.Time    `json:"state_since"`
	Utilization     *Utilization `json:"utilization,omitempty" doc:"Absent until the first report."`
	SendBps         int64        `json:"send_bps"`
	ReceiveBps      int64        `json:"receive_bps"`
	SendCapBps      int64        `json:"send_cap_bps"`
	ReceiveCapBps   int64        `json:"receive_cap_bps"`
	Sessions        int          `json:"sessions"`
	MaxSessions     int          `json:"max_sessions"`
	Provider        string       `json:"provider"`
	Offering        string       `json:"offering,omitempty" doc:"Which of its template's offerings it is, where the template has several."`
	InstanceID      string       `json:"instance_id,omitempty"`
	Region          string       `json:"region,omitempty"`
	Zone            string       `json:"zone,omitempty"`
	InstanceType    string       `json:"instance_type,omitempty" doc:"In the provider's words."`
	Spot            bool         `json:"spot" doc:"The provider may take it back at short notice."`
	TemplateVersion int64        `json:"template_version,omitempty" doc:"Of the template that it was launched from."`
	ConfigVersion   int64        `json:"config_version,omitempty" doc:"Of the node configuration that it runs with."`
	Address         string       `json:"address,omitempty" doc:"Where clients reach it."`
	Port            int          `json:"port,omitempty" doc:"TCP and UDP."`
	CertSHA256      string       `json:"cert_sha256,omitempty" doc:"Pin of the certificate it serves clients with."`
	Version         string       `json:"version,omitempty"`
	DrainReason     string       `json:"drain_reason,omitempty"`
	DrainDeadline   *time.Time   `json:"drain_deadline,omitempty"`
	FailureReason   string       `json:"failure_reason,omitempty"`
	RequestedAt     time.Time    `json:"requested_at"`
	RunningAt       *time.Time   `json:"running_at,omitempty"`
	EndedAt         *time.Time   `json:"ended_at,omitempty"`
	ReportedAt      *time.Time   `json:"reported_at,omitempty"`
	Services        []Service    `json:"services"`
	History         *NodeHistory `json:"history,omitempty" doc:"Rates of the last 15 minutes, for sparklines."`
}

// Utilization is the largest of the enabled signals and which one it was; every value is 0 to 1 of its cap.
type Utilization struct {
	Value    float64 `json:"value"`
	Signal   string  `json:"signal" doc:"The signal that decided." example:"bandwidth"`
	Send     float64 `json:"send"`
	Receive  float64 `json:"receive"`
	CPU      float64 `json:"cpu"`
	Buffer   float64 `json:"buffer"`
	Sessions float64 `json:"sessions"`
}

// Service is something that the node's agent supervises.
type Service struct {
	Name      string     `json:"name"`
	State     string     `json:"state"`
	Healthy   bool       `json:"healthy"`
	Restarts  int        `json:"restarts"`
	LastError string     `json:"last_error,omitempty"`
	StartedAt *time.Time `json:"started_at,omitempty"`
}

// NodeHistory holds equal steps, oldest first.
type NodeHistory struct {
	Step       int     `json:"step_s"`
	SendBps    []int64 `json:"send_bps"`
	ReceiveBps []int64 `json:"receive_bps"`
}

// NodeEvent is one step of a node's life.
type NodeEvent struct {
	ID    string    `json:"id"`
	At    time.Time `json:"at"`
	From  string    `json:"from,omitempty"`
	To    string    `json:"to,omitempty"`
	Text  string    `json:"text"`
	Actor string    `json:"actor,omitempty" doc:"Who caused it, when it was a person."`
}

// DrainRequest asks a node to finish what it serves and take no more.
type DrainRequest struct {
	Reason string `json:"reason,omitempty" maxLength:"500"`
}

// TerminateRequest ends a node.
type TerminateRequest struct {
	Reason string `json:"reason,omitempty" maxLength:"500"`
	Force  bool   `json:"force,omitempty" doc:"End it although it serves sessions; they resume on another node."`
}
