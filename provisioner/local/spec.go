package local

import (
	"encoding/json"
	"net"
	"strings"

	"github.com/godwit/godwit/provisioner"
)

// Spec is the part of a template that this provider reads.
type Spec struct {
	Provider string `json:"provider"`
	// Node is what a node runs with until its configuration says otherwise.
	Node provisioner.NodeSpec `json:"node"`
	// Program is the node program, a file in the directory that the manager was
	// given for them (--local-programs): another version of it, for instance. The
	// manager's own if absent.
	Program string `json:"program"`
	// ReportIntervalS is how often a node reports, in seconds; 2 if absent.
	ReportIntervalS int `json:"report_interval_s"`
	// ListenHost is the address that nodes bind; 127.0.0.1 if absent.
	ListenHost string `json:"listen_host"`
	// AdvertiseHost is the address that clients are told; ListenHost if absent.
	AdvertiseHost string `json:"advertise_host"`
	// Tags are marks of nodes, for people.
	Tags map[string]string `json:"tags"`
}

// parse reads a spec strictly: a field that we don't know is refused, since a
// misspelt cap is a node without one.
func parse(raw json.RawMessage) (Spec, []provisioner.FieldError) {
	s := Spec{}
	if faults := provisioner.DecodeTemplate(raw, &s, "a local template"); faults != nil {
		return s, faults
	}
	if s.ReportIntervalS == 0 {
		s.ReportIntervalS = 2
	}
	if s.ListenHost == "" {
		s.ListenHost = "127.0.0.1"
	}
	if s.AdvertiseHost == "" {
		s.AdvertiseHost = s.ListenHost
	}
	return s, s.faults()
}

func (s Spec) faults() []provisioner.FieldError {
	var f provisioner.Faults
	f.Provider(s.Provider, Name)
	f.Node(s.Node, s.ReportIntervalS)
	if net.ParseIP(s.ListenHost) == nil {
		f.Add("listen_host", "is %q; want an IP address of this computer", s.ListenHost)
	}
	if s.AdvertiseHost == "" || strings.ContainsAny(s.AdvertiseHost, " /\t\n") {
		f.Add("advertise_host", "is %q; want a host name or an IP address", s.AdvertiseHost)
	}
	return f
}

// bootstrapFile is the document that `godwit-node run --bootstrap` reads.
type bootstrapFile struct {
	provisioner.Bootstrap
	DataDir         string  `json:"data_dir"`
	ListenHost      string  `json:"listen_host"`
	Port            int     `json:"port"` // 0: the node picks one and reports it
	AdvertiseHost   string  `json:"advertise_host"`
	SendCapMbps     float64 `json:"send_cap_mbps"`
	ReceiveCapMbps  float64 `json:"receive_cap_mbps"`
	SessionRateMbps float64 `json:"session_rate_mbps,omitempty"`
	MaxSessions     int     `json:"max_sessions"`
	ReportIntervalS int     `json:"report_interval_s"`
	LeaseFile       string  `json:"lease_file"`
	LeaseTimeoutS   int     `json:"lease_timeout_s"`
	InstanceID      string  `json:"instance_id"`
}

// Effect implements provisioner.Effects: a node reads all but its tags when it
// starts, and never again.
func (p *Provider) Effect(field string) provisioner.Effect {
	return provisioner.EffectAmong(field, "tags")
}
