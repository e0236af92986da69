package local

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"

	"github.com/godwit/godwit/provisioner"
)

// Spec is the part of a template that this provider reads.
type Spec struct {
	Provider string   `json:"provider"`
	Node     NodeSpec `json:"node"`
	// ReportIntervalS is how often a node reports, in seconds; 2 if absent.
	ReportIntervalS int `json:"report_interval_s"`
	// ListenHost is the address that nodes bind; 127.0.0.1 if absent.
	ListenHost string `json:"listen_host"`
	// AdvertiseHost is the address that clients are told; ListenHost if absent.
	AdvertiseHost string            `json:"advertise_host"`
	Tags          map[string]string `json:"tags"`
}

// NodeSpec is what every node of the template runs with. Zero means without
// limit of its own.
type NodeSpec struct {
	SendCapMbps     float64 `json:"send_cap_mbps"`
	ReceiveCapMbps  float64 `json:"receive_cap_mbps"`
	SessionRateMbps float64 `json:"session_rate_mbps"`
	MaxSessions     int     `json:"max_sessions"`
}

// Bounds of a spec: beyond them is a slip of the keyboard.
const (
	maxMbps     = 1_000_000 // a terabit per second
	maxSessions = 100_000
	maxReportS  = 60
)

// parse reads a spec strictly: a field that we don't know is refused, since a
// misspelt cap is a node without one.
func parse(raw json.RawMessage) (Spec, []provisioner.FieldError) {
	s := Spec{}
	if faults := provisioner.DecodeTemplate(raw, &s, "a local template: provider, node, report_interval_s, listen_host, advertise_host, tags are"); faults != nil {
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
	var faults []provisioner.FieldError
	add := func(field, format string, values ...any) {
		faults = append(faults, provisioner.FieldError{Field: field, Problem: fmt.Sprintf(format, values...)})
	}
	if s.Provider != "" && s.Provider != Name {
		add("provider", "is %q; this is the provider %q", s.Provider, Name)
	}
	for _, rate := range []struct {
		field string
		mbps  float64
	}{
		{"node.send_cap_mbps", s.Node.SendCapMbps},
		{"node.receive_cap_mbps", s.Node.ReceiveCapMbps},
		{"node.session_rate_mbps", s.Node.SessionRateMbps},
	} {
		if rate.mbps < 0 || rate.mbps > maxMbps {
			add(rate.field, "is %g Mb/s; want 0 (no cap) to %d", rate.mbps, maxMbps)
		}
	}
	if s.Node.MaxSessions < 0 || s.Node.MaxSessions > maxSessions {
		add("node.max_sessions", "is %d; want 0 (no limit) to %d", s.Node.MaxSessions, maxSessions)
	}
	if s.ReportIntervalS < 1 || s.ReportIntervalS > maxReportS {
		add("report_interval_s", "is %d s; want 1 to %d", s.ReportIntervalS, maxReportS)
	}
	if net.ParseIP(s.ListenHost) == nil {
		add("listen_host", "is %q; want an IP address of this computer", s.ListenHost)
	}
	if s.AdvertiseHost == "" || strings.ContainsAny(s.AdvertiseHost, " /\t\n") {
		add("advertise_host", "is %q; want a host name or an IP address", s.AdvertiseHost)
	}
	return faults
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
	if strings.HasPrefix(field, "tags") {
		return provisioner.NewNodes
	}
	return provisioner.Replace
}
