package cloudinit

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/godwit/godwit/provisioner"
)

// Spec is the part of a cloud's template about what happens on the machine.
// Every cloud embeds it in its own, so that these fields mean the same in all.
type Spec struct {
	Node NodeSpec `json:"node"`
	// ReportIntervalS is how often a node reports, in seconds; 5 if absent.
	ReportIntervalS int `json:"report_interval_s,omitempty"`
	// TransferPort is where the node serves, TCP and UDP; DefaultPort if absent.
	TransferPort int `json:"transfer_port,omitempty"`
	// Advertise is the address that clients are told: "public", the default, which
	// is the private one where there is no public one, or "private".
	Advertise string `json:"advertise,omitempty"`
	// Binary is where the node's program comes from: "manager", the default, or
	// "image", which then has it as /usr/bin/godwit-node.
	Binary string `json:"binary,omitempty"`
	// FirstBootScript runs as root once, before the node serves. It begins with #!.
	FirstBootScript string `json:"first_boot_script,omitempty"`
	// SwapFileMB is the size of a swap file on the root disk; 0: none.
	SwapFileMB int `json:"swap_file_mb,omitempty"`
	// SwapVolumeGB is the size of an empty disk that is swap alone; 0: none. The
	// cloud's template attaches the disk, the node finds it by its size.
	SwapVolumeGB int `json:"swap_volume_gb,omitempty"`
	// Sysctl are kernel settings besides, or in place of, Godwit's own.
	Sysctl map[string]string `json:"sysctl,omitempty"`
	// JournalMB is the most that the machine's logs take on disk; 500 if absent.
	JournalMB int `json:"journal_mb,omitempty"`
}

// NodeSpec is what every node of the template runs with. Zero means without
// limit of its own.
type NodeSpec struct {
	SendCapMbps     float64 `json:"send_cap_mbps,omitempty"`
	ReceiveCapMbps  float64 `json:"receive_cap_mbps,omitempty"`
	SessionRateMbps float64 `json:"session_rate_mbps,omitempty"`
	MaxSessions     int     `json:"max_sessions,omitempty"`
}

// Fields lists the fields of a Spec, for the "known" of provisioner.DecodeTemplate.
const Fields = "node, report_interval_s, transfer_port, advertise, binary, first_boot_script, swap_file_mb, swap_volume_gb, sysctl, journal_mb"

// DefaultPort is where nodes serve transfers unless the template says otherwise.
const DefaultPort = 33001

// Values of Spec.Advertise and Spec.Binary.
const (
	Public      = "public"
	Private     = "private"
	FromManager = "manager"
	FromImage   = "image"
)

// Bounds of a spec: beyond them is a slip of the keyboard.
const (
	maxMbps     = 1_000_000 // a terabit per second
	maxSessions = 100_000
	maxReportS  = 60
	maxSwapMB   = 1 << 20
	maxSwapGB   = 16 << 10
	minJournal  = 16
	maxJournal  = 100 << 10
)

// WithDefaults returns the spec with what is absent filled in.
func (s Spec) WithDefaults() Spec {
	fill(&s.ReportIntervalS, 5)
	fill(&s.TransferPort, DefaultPort)
	fill(&s.Advertise, Public)
	fill(&s.Binary, FromManager)
	fill(&s.JournalMB, 500)
	return s
}

func fill[T comparable](value *T, fallback T) {
	var zero T
	if *value == zero {
		*value = fallback
	}
}

var (
	sysctlName  = regexp.MustCompile(`^[a-z0-9_-]+([./][a-zA-Z0-9_-]+)+$`)
	sysctlValue = regexp.MustCompile(`^[A-Za-z0-9_.,:/-]+( [A-Za-z0-9_.,:/-]+)*$`)
)

// Faults are what is wrong with a spec, as Validate tells it; none is nil.
func (s Spec) Faults() []provisioner.FieldError {
	s = s.WithDefaults()
	var faults []provisioner.FieldError
	add := func(field, format string, values ...any) {
		faults = append(faults, provisioner.FieldError{Field: field, Problem: fmt.Sprintf(format, values...)})
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
	for _, number := range []struct {
		field      string
		value      int
		least, top int
		unit, zero string
	}{
		{"node.max_sessions", s.Node.MaxSessions, 0, maxSessions, "", "0 (no limit)"},
		{"report_interval_s", s.ReportIntervalS, 1, maxReportS, " s", "1"},
		{"transfer_port", s.TransferPort, 1, 65535, "", "1"},
		{"swap_file_mb", s.SwapFileMB, 0, maxSwapMB, " MB", "0 (none)"},
		{"swap_volume_gb", s.SwapVolumeGB, 0, maxSwapGB, " GB", "0 (none)"},
		{"journal_mb", s.JournalMB, minJournal, maxJournal, " MB", "16"},
	} {
		if number.value < number.least || number.value > number.top {
			add(number.field, "is %d%s; want %s to %d", number.value, number.unit, number.zero, number.top)
		}
	}
	if s.Advertise != Public && s.Advertise != Private {
		add("advertise", "is %q; want public or private", s.Advertise)
	}
	if s.Binary != FromManager && s.Binary != FromImage {
		add("binary", "is %q; want manager or image", s.Binary)
	}
	if s.FirstBootScript != "" && !strings.HasPrefix(s.FirstBootScript, "#!") {
		add("first_boot_script", "does not begin with #!; make its first line #!/bin/sh, or what else runs it")
	}
	for _, name := range slices.Sorted(maps.Keys(s.Sysctl)) {
		switch {
		case !sysctlName.MatchString(name):
			add("sysctl", "%q is no kernel setting; want a name such as net.core.rmem_max", name)
		case !sysctlValue.MatchString(s.Sysctl[name]):
			add("sysctl."+name, "is %q; want numbers or words", s.Sysctl[name])
		}
	}
	return faults
}
