// Package service is the wire between a node's agent and its transfer service, a child process: HTTP and JSON over Unix sockets in a directory that only they can enter.
//
// The child serves Server's routes on its socket; the agent is the Client. The one question that the child asks, what a tenant's storage is, goes the other way, to the
// agent's own socket (Asker, AnswerTenants). Both ends come from one binary, so the messages need no version.
//
//	GET  /healthz               200 while the service's loops turn
//	GET  /status                Status
//	PUT  /config                Config: certificate, keys, caps; live
//	POST /drain  /undrain
//	POST /sessions/{id}/rate    command.RateRequest
//	POST /cancel                command.CancelRequest
//	PUT  /shares                Shares: the node's part of its cluster's links
//	POST /move                  command.MoveRequest → command.MoveAnswer
//	POST /revoke                command.RevokeRequest
//	POST /forget                command.TenantRequest: what is cached of an access key
//	GET  /events                stream of Event, JSON lines, from the first unacknowledged one
//	POST /events/ack            Ack
package service

import (
	"time"

	"github.com/godwit/godwit/access/token"
	"github.com/godwit/godwit/fleet/share"
	"github.com/godwit/godwit/transfer"
)

// FDTCP is the file descriptor that the child inherits: the agent opens the transfer port, so that it is the same after each restart of the child, and clients that connect
// in between wait instead of being turned away. The UDP socket of the same number is the child's own.
const FDTCP = 3

// Config is what the transfer service runs with.
type Config struct {
	NodeID      string            `json:"node_id"`
	NodeName    string            `json:"node_name"`
	ClusterID   string            `json:"cluster_id"`
	Version     uint64            `json:"version"`
	CertPEM     string            `json:"cert_pem"`
	KeyPEM      string            `json:"key_pem"`
	NamedCert   string            `json:"named_cert_pem,omitempty"` // for clients that look for one of its names
	NamedKey    string            `json:"named_key_pem,omitempty"`
	TokenKeys   token.Keys        `json:"token_keys"`
	SendCap     int64             `json:"send_cap"`    // bit/s; 0 = none
	ReceiveCap  int64             `json:"receive_cap"` // bit/s; 0 = none
	MaxSessions int               `json:"max_sessions"`
	Ciphers     []transfer.Cipher `json:"ciphers,omitempty"`
	SessionRate int64             `json:"session_rate"` // bit/s, of sessions whose client asks for none; 0 = none
	SessionCap  int64             `json:"session_cap"`  // bit/s, of any session; 0 = none
	// SessionMemory is read by the first Config of a process only; bytes, 0 = the default.
	SessionMemory int64  `json:"session_memory"`
	LogLevel      string `json:"log_level,omitempty"` // "" = as started
	Links         []Link `json:"links,omitempty"`
	Shares        Shares `json:"shares"`
	// Revoked transfers and access keys, so that a restarted child knows them too.
	RevokedTransfers []string `json:"revoked_transfers,omitempty"`
	RevokedKeys      []string `json:"revoked_keys,omitempty"`
}

// Link is a virtual link that sessions of all nodes of the cluster share.
type Link struct {
	Name    string   `json:"name"`
	Tenants []string `json:"tenants,omitempty"`
	Default bool     `json:"default,omitempty"`
	In      bool     `json:"in,omitempty"` // limited towards the node
	Out     bool     `json:"out,omitempty"`
}

// Shares are what the node may let through of links. One older than what the service has is passed over.
type Shares struct {
	Grant share.Grant   `json:"grant"`
	Left  time.Duration `json:"left"` // of its lease
	Rise  time.Duration `json:"rise"` // until the safe parts are due
}

// Status is what the child says of itself.
type Status struct {
	Started       time.Time                `json:"started"`
	Configured    bool                     `json:"configured"` // Serving waits for the first Config
	ConfigVersion uint64                   `json:"config_version"`
	SessionMemory int64                    `json:"session_memory"` // in force, as configured
	Sessions      []transfer.SessionStatus `json:"sessions"`
	Totals        transfer.Totals          `json:"totals"`
	Load          transfer.Load            `json:"load"`
	Links         []transfer.LinkLoad      `json:"links,omitempty"`
	CPU           time.Duration            `json:"cpu"`    // of the process since its start
	Memory        uint64                   `json:"memory"` // resident bytes
}

// Event is a session event under a number that grows by one.
type Event struct {
	Seq   uint64                `json:"seq"`
	Event transfer.SessionEvent `json:"event"`
}

// Ack tells that events up to Seq are safe with the agent.
type Ack struct {
	Seq uint64 `json:"seq"`
}
