package attached

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/godwit/godwit/internal/slot"
	"github.com/godwit/godwit/provisioner"
)

// Spec is the part of a template that this provider reads.
type Spec struct {
	Provider string `json:"provider"`
	// Slots that nodes of this template may take; empty: any.
	Slots []string `json:"slots"`
	Node  NodeSpec `json:"node"`
	// ReportIntervalS is how often a node reports, in seconds; 5 if absent.
	ReportIntervalS int               `json:"report_interval_s"`
	Tags            map[string]string `json:"tags"`
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
	reportS     = 5
)

// parse reads a spec strictly: a misspelt cap would be a node without one.
func parse(raw json.RawMessage) (Spec, []provisioner.FieldError) {
	var s Spec
	if faults := provisioner.DecodeTemplate(raw, &s, "an attached template: provider, slots, node, report_interval_s, tags are"); faults != nil {
		return s, faults
	}
	if s.ReportIntervalS == 0 {
		s.ReportIntervalS = reportS
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
	seen := map[string]bool{}
	for i, name := range s.Slots {
		field := fmt.Sprintf("slots[%d]", i)
		switch {
		case !slot.ValidName(name):
			add(field, "is %q; want the name of a slot: lower-case letters, digits and hyphens", name)
		case seen[name]:
			add(field, "names %q a second time", name)
		}
		seen[name] = true
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
	return faults
}

// Effect implements provisioner.Effects: which machines may be taken, and their
// tags, matter while one is taken; the rest a node reads when it starts.
func (p *Provider) Effect(field string) provisioner.Effect {
	if field == "slots" || strings.HasPrefix(field, "tags") {
		return provisioner.NewNodes
	}
	return provisioner.Replace
}
