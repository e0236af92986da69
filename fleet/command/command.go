// Package command is what managers tell nodes and what nodes ask managers: subjects, messages and typed errors, shared by both ends.
//
// Commands go to ctl.<node>.<name>, questions to rpc.<node>.<method>. Both are request and reply in JSON within an Envelope, never persisted: what must survive
// is desired state in Postgres, and a node that missed a command is told again or reads it in its next configuration.
package command

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Names of commands, manager to node.
const (
	Ping          = "ping"           // Nothing → Pong
	Drain         = "drain"          // DrainRequest → Nothing
	Undrain       = "undrain"        // Nothing → Nothing
	Configure     = "config"         // Config → Nothing
	SetRate       = "set-rate"       // RateRequest → Nothing
	Cancel        = "cancel"         // CancelRequest → Nothing
	Revoke        = "revoke"         // RevokeRequest → Nothing: a transfer or an access key is over
	TenantChanged = "tenant-changed" // TenantRequest → Nothing: forget what is cached of an access key
	Move          = "move"           // MoveRequest → MoveAnswer
	Restart       = "restart"        // RestartRequest → Nothing: a service that the agent supervises
	Resend        = "resend"         // ResendRequest → Nothing: publish spooled events again
	Share         = "share"          // share.Grant → Nothing: the node's part of its cluster's links
)

// Methods of questions, node to manager.
const (
	MethodTenant = "tenant" // TenantRequest → Tenant
	MethodKeys   = "keys"   // Nothing → keys that verify transfer tokens, access/token's JSON form
	MethodConfig = "config" // Nothing → Config
)

// Nothing is an empty message.
type Nothing struct{}

// Pong answers Ping.
type Pong struct {
	Boot    string `json:"boot"`
	Version string `json:"version"`
}

// DrainRequest asks a node to take no new sessions and to ask those it has to move.
type DrainRequest struct {
	Reason string `json:"reason"`
}

// Config is what a node runs with; it changes live. Zero caps mean none. Rates are bits per second.
type Config struct {
	Version        uint64   `json:"version"`
	ClusterID      string   `json:"cluster_id,omitempty"` // transfer tokens of other clusters are refused
	NodeName       string   `json:"node_name,omitempty"`
	SendCapBps     int64    `json:"send_cap_bps"`
	ReceiveCapBps  int64    `json:"receive_cap_bps"`
	MaxSessions    int      `json:"max_sessions"`
	Ciphers        []string `json:"ciphers,omitempty"`
	ReportInterval float64  `json:"report_interval_s,omitempty"`
	SessionRateBps int64    `json:"session_rate_bps,omitempty"` // target of sessions whose client asks for none
	SessionCapBps  int64    `json:"session_cap_bps,omitempty"`  // most that one session gets
	SessionMemory  int64    `json:"session_memory,omitempty"`   // bytes; 0 = the default
	LogLevel       string   `json:"log_level,omitempty"`        // debug, info, warn, error; "" = as started
	// LogOverride takes LogLevel's place for LogOverrideFor seconds from when it is heard: the node's clock may be
	// wrong, its manager away when the time is over.
	LogOverride    string          `json:"log_override,omitempty"`
	LogOverrideFor float64         `json:"log_override_for_s,omitempty"`
	TokenKeys      json.RawMessage `json:"token_keys,omitempty"` // access/token's JSON form
	Links          []Link          `json:"links,omitempty"`      // that sessions of the cluster share
	// NamedCert and NamedKey, in PEM, are shown to clients that look for one of the certificate's names. They come with
	// the command only and are kept in memory only.
	NamedCert string `json:"named_cert_pem,omitempty"`
	NamedKey  string `json:"named_key_pem,omitempty"`
	// Proofs are what an authority that orders are under way at is to find at this node, by token (HTTP-01, RFC 8555,
	// section 8.3), on TCP port ProofPort. They come and are kept as NamedCert is.
	Proofs    map[string]string `json:"proofs,omitempty"`
	ProofPort int               `json:"proof_port,omitempty"`
}

// Link is a virtual link that sessions of all nodes of a cluster share. What a node may let through of it comes with
// Share; nothing until that has come.
type Link struct {
	Name       string   `json:"name"`
	AccessKeys []string `json:"access_keys,omitempty"` // whose sessions are on it
	Default    bool     `json:"default,omitempty"`     // also those of access keys that no link names
	In         bool     `json:"in,omitempty"`          // limited towards the nodes
	Out        bool     `json:"out,omitempty"`         // limited away from them
}

// RateRequest changes a live session. Nil fields stay as they are; bits per second.
type RateRequest struct {
	Session string `json:"session"`
	Target  *int64 `json:"target_bps,omitempty"`
	Min     *int64 `json:"min_bps,omitempty"`
	Policy  string `json:"policy,omitempty"`
}

// CancelRequest ends a session, or all sessions of a transfer.
type CancelRequest struct {
	Session  string `json:"session,omitempty"`
	Transfer string `json:"transfer,omitempty"`
	Reason   string `json:"reason"`
}

// RestartRequest asks for a fresh process of a service. Its sessions are told to go on, and resume.
type RestartRequest struct {
	Service string `json:"service"`
	Reason  string `json:"reason"`
}

// MoveRequest asks the clients of some sessions to go on elsewhere, as a drain asks all. Sessions that are not there are passed over.
type MoveRequest struct {
	Sessions []string `json:"sessions"`
	Reason   string   `json:"reason"`
}

// MoveAnswer counts the sessions that were there and have been asked.
type MoveAnswer struct {
	Asked int `json:"asked"`
}

// RevokeRequest makes tokens of a transfer, or everything of an access key, worthless at once and ends their sessions.
type RevokeRequest struct {
	Transfer  string `json:"transfer,omitempty"`
	AccessKey string `json:"access_key,omitempty"`
	Reason    string `json:"reason"`
}

// ResendRequest asks for spooled events again, from SinceUnixMs on.
type ResendRequest struct {
	SinceUnixMs int64 `json:"since_unix_ms"`
}

// TenantRequest asks what a node needs to serve an access key, and, with Transfer set, whether that transfer is still on.
type TenantRequest struct {
	AccessKey string `json:"access_key"`
	Transfer  string `json:"transfer,omitempty"`
}

// Tenant is the answer, kept in memory only. A verifier is SHA-256("godwit access key" ‖ secret), which checks a direct sign-in and never travels further; there are two
// while a rotation overlaps.
type Tenant struct {
	AccessKey     string          `json:"access_key"`
	Storage       json.RawMessage `json:"storage"`               // Storage
	Permissions   []string        `json:"permissions,omitempty"` // read, write, delete, list
	Limits        Limits          `json:"limits"`
	Verifiers     [][]byte        `json:"verifiers,omitempty"`
	Revoked       bool            `json:"revoked,omitempty"`
	TransferEnded bool            `json:"transfer_ended,omitempty"`
}

// Storage says where a tenant's files are.
type Storage struct {
	Type string `json:"type"` // local
	Path string `json:"path"` // absolute, of a directory that all nodes of the cluster see
	// Preserve is what pushes may set of files there beyond times and modes:
	// owners, acls, xattrs.
	Preserve []string `json:"preserve,omitempty"`
}

// Limits bound a tenant; zero means none.
type Limits struct {
	MaxRateBps  int64 `json:"max_rate_bps,omitempty"` // of one session
	MaxSessions int   `json:"max_sessions,omitempty"` // on one node
}

// Codes of errors that cross the fleet.
const (
	CodeNotFound    = "not_found"
	CodeInvalid     = "invalid"
	CodeRefused     = "refused"
	CodeUnavailable = "unavailable" // try again
	CodeInternal    = "internal"
	CodeUnsupported = "unsupported" // the other end is older and does not know the name
)

// Error is what the other end answered.
type Error struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (e *Error) Error() string { return e.Message }

// Errorf makes an Error to answer with.
func Errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Errors of delivery, as opposed to the other end's answers.
var (
	// ErrNotConnected: nobody listens there now. Nothing was done.
	ErrNotConnected = errors.New("node is not connected")
	// ErrTimeout: no answer in time. It may or may not have been done; all commands are safe to repeat.
	ErrTimeout = errors.New("no answer in time")
)

// Envelope frames every answer.
type Envelope struct {
	Error  *Error          `json:"error,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
}

// Seal frames a handler's outcome. Errors that are not *Error become CodeInternal with their text: both ends are ours.
func Seal(result any, err error) []byte {
	var env Envelope
	if err == nil {
		env.Result, err = json.Marshal(result)
	}
	if err != nil {
		var known *Error
		if !errors.As(err, &known) {
			known = &Error{Code: CodeInternal, Message: err.Error()}
		}
		env = Envelope{Error: known}
	}
	out, err := json.Marshal(env)
	if err != nil { // a RawMessage result that is no JSON
		out = []byte(`{"error":{"code":"internal","message":"answer cannot be encoded"}}`)
	}
	return out
}

// Open reads an answer into result, which may be nil.
func Open(data []byte, result any) error {
	var env Envelope
	if err := json.Unmarshal(data, &env); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	if env.Error != nil {
		return env.Error
	}
	if result == nil || len(env.Result) == 0 {
		return nil
	}
	if err := json.Unmarshal(env.Result, result); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	return nil
}
