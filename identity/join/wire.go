package join

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/godwit/godwit/identity/pin"
)

// Paths of the operations, below the manager's base URL.
const (
	JoinPath   = "/node/v1/join"
	RenewPath  = "/node/v1/renew"
	FailedPath = "/node/v1/failed"
	// BinaryPath is followed by architecture and SHA-256. The answer is open to everybody: it is the program, which has no secrets.
	BinaryPath = "/node/v1/binary/linux/"
)

// Bootstrap is all that a node is born with. Only the token is secret, and it serves once.
type Bootstrap struct {
	ManagerURLs   []string `json:"manager_urls"`
	CASHA256      string   `json:"ca_sha256"`
	NodeID        string   `json:"node_id"`
	Cluster       string   `json:"cluster"`
	JoinToken     string   `json:"join_token"`
	DataDir       string   `json:"data_dir"`
	ListenHost    string   `json:"listen_host"`
	Port          int      `json:"port"` // transfer port, TCP and UDP; 0 lets the node choose
	AdvertiseHost string   `json:"advertise_host"`
	// Advertise has the node find out its addresses by itself: "public" tells clients the public one where there is one, "private" the private one. AdvertiseHost goes before.
	Advertise string `json:"advertise,omitempty"`
	// PublicLater: the public address comes to the machine once it runs, and the node waits for it before it joins.
	PublicLater bool `json:"public_later,omitempty"`
	// Metadata is the cloud's service that knows the addresses (package node/metadata); empty: the machine's routes tell.
	Metadata        string  `json:"metadata,omitempty"`
	SendCapMbps     float64 `json:"send_cap_mbps"`
	ReceiveCapMbps  float64 `json:"receive_cap_mbps"`
	SessionRateMbps float64 `json:"session_rate_mbps,omitempty"` // service level of one session; 0 = none
	MaxSessions     int     `json:"max_sessions"`
	ReportIntervalS float64 `json:"report_interval_s"`
	// LeaseFile, when set, is touched by the manager; a node whose lease is older than LeaseTimeoutS (default 60) leaves by itself.
	LeaseFile     string  `json:"lease_file,omitempty"`
	LeaseTimeoutS float64 `json:"lease_timeout_s,omitempty"`
	// InstanceID is the provider's name of the machine, checked by the manager where the provider can tell.
	InstanceID string `json:"instance_id,omitempty"`
	// JoinTimeoutS is how long the manager waits for the node to join; after that it has launched another. 0: the node asks for ever.
	JoinTimeoutS float64 `json:"join_timeout_s,omitempty"`
}

// ReadBootstrap reads and checks a bootstrap file. Unknown fields are kept out of the way of newer managers: they are ignored.
func ReadBootstrap(path string) (Bootstrap, error) {
	var b Bootstrap
	data, err := os.ReadFile(path)
	if err != nil {
		return b, fmt.Errorf("bootstrap file: %w", err)
	}
	if err := json.Unmarshal(data, &b); err != nil {
		return b, fmt.Errorf("bootstrap file %s: %w", path, err)
	}
	return b, b.Check()
}

// Check names the first thing that keeps a node from starting.
func (b Bootstrap) Check() error {
	switch {
	case len(b.ManagerURLs) == 0:
		return errors.New("bootstrap: manager_urls is empty; give at least one https:// address")
	case b.NodeID == "":
		return errors.New("bootstrap: node_id is missing")
	case b.DataDir == "":
		return errors.New("bootstrap: data_dir is missing")
	case b.Port < 0 || b.Port > 65535:
		return fmt.Errorf("bootstrap: port %d is out of range 0-65535", b.Port)
	case b.Advertise != "" && b.Advertise != "public" && b.Advertise != "private":
		return fmt.Errorf("bootstrap: advertise %q is neither public nor private", b.Advertise)
	case b.SendCapMbps < 0 || b.JoinTimeoutS < 0 || b.ReceiveCapMbps < 0 || b.MaxSessions < 0 || b.ReportIntervalS < 0:
		return errors.New("bootstrap: caps and intervals cannot be negative")
	}
	for _, u := range b.ManagerURLs {
		if _, _, err := pin.ParseURL(u); err != nil {
			return fmt.Errorf("bootstrap: %w", err)
		}
	}
	if _, err := pin.Parse(b.CASHA256); err != nil {
		return fmt.Errorf("bootstrap: ca_sha256: %w", err)
	}
	return nil
}

// Request asks to join (with Token) or to renew (with the old certificate on the TLS connection instead).
type Request struct {
	NodeID     string   `json:"node_id"`
	Token      string   `json:"token,omitempty"`
	CSR        string   `json:"csr_pem"`
	ServingCSR string   `json:"serving_csr_pem"`
	Version    string   `json:"version"`
	Addresses  []string `json:"addresses"` // where clients reach the node; host names or IP addresses
	Port       int      `json:"port"`      // transfer port, TCP and UDP
	InstanceID string   `json:"instance_id,omitempty"`
}

// Failure tells the manager that this node will never serve, since it could not be set up. It spends the token.
type Failure struct {
	NodeID string `json:"node_id"`
	Token  string `json:"token"`
	Reason string `json:"reason"`
	// Output is the end of what the step that failed wrote, at most OutputLimit bytes.
	Output string `json:"output,omitempty"`
}

// OutputLimit bounds Failure.Output, in bytes.
const OutputLimit = 8 << 10

// Response carries certificates and what the node needs to start serving.
type Response struct {
	ControlCert string   `json:"control_cert_pem"`
	CA          string   `json:"ca_pem"`
	ServingCert string   `json:"serving_cert_pem"`
	ServingCA   string   `json:"serving_ca_pem"`
	FleetURLs   []string `json:"fleet_urls"`
	// TokenKeys is access/token's JSON form of the keys that verify transfer tokens.
	TokenKeys       json.RawMessage `json:"token_keys,omitempty"`
	Config          json.RawMessage `json:"config,omitempty"`
	ReportIntervalS float64         `json:"report_interval_s"`
	NotAfter        time.Time       `json:"not_after"`
}

// Refusal codes: the manager's closed set of answers to a node that may not join. A node gives up on all but CodeUnavailable.
const (
	CodeTokenUnknown = "token_unknown" // 401: no such token, or not for this node
	CodeTokenExpired = "token_expired" // 401
	CodeTokenUsed    = "token_used"    // 409: somebody joined with it before; raises an alert
	CodeNodeState    = "node_state"    // 409: the node's row does not expect it (unknown, ended, revoked)
	CodeRevoked      = "revoked"       // 401: the old certificate is revoked
	CodeBadRequest   = "bad_request"   // 400: CSR or fields malformed
	CodeCaller       = "caller"        // 403: the caller's address or instance is not the node's
	CodeUnavailable  = "unavailable"   // 503: try again
)

// Refusal is a typed answer of the manager, an RFC 9457 problem on the wire.
type Refusal struct { //nolint:errname // it is an answer on the wire first, and an error to its reader
	Status int    `json:"status"`
	Code   string `json:"code"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
}

func (r *Refusal) Error() string { return r.Title + ": " + r.Detail }

// Final tells that asking again cannot help.
func (r *Refusal) Final() bool { return r.Code != CodeUnavailable && r.Status < 500 }
