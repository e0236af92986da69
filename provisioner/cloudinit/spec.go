package cloudinit

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/godwit/godwit/provisioner"
)

// Spec is the part of a cloud's template about what happens on the machine.
// Every cloud embeds it in its own, so that these fields mean the same in all.
type Spec struct {
	// Node is what a node runs with until its configuration says otherwise.
	Node provisioner.NodeSpec `json:"node"`
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

	// PublicLater is the provider's word, not the template's: the machine gets its
	// public address when it runs already, and the node waits for it.
	PublicLater bool `json:"-"`
}

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
	maxSwapMB  = 1 << 20
	maxSwapGB  = 16 << 10
	minJournal = 16
	maxJournal = 100 << 10
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
func (s Spec) Faults() provisioner.Faults {
	s = s.WithDefaults()
	var f provisioner.Faults
	f.Node(s.Node, s.ReportIntervalS)
	f.Between("transfer_port", s.TransferPort, 1, 65535, "")
	f.Between("swap_file_mb", s.SwapFileMB, 0, maxSwapMB, "none")
	f.Between("swap_volume_gb", s.SwapVolumeGB, 0, maxSwapGB, "none")
	f.Between("journal_mb", s.JournalMB, minJournal, maxJournal, "")
	f.OneOf("advertise", s.Advertise, Public, Private)
	f.OneOf("binary", s.Binary, FromManager, FromImage)
	if s.FirstBootScript != "" && !strings.HasPrefix(s.FirstBootScript, "#!") {
		f.Add("first_boot_script", "does not begin with #!; make its first line #!/bin/sh, or what else runs it")
	}
	for _, name := range slices.Sorted(maps.Keys(s.Sysctl)) {
		switch {
		case !sysctlName.MatchString(name):
			f.Add("sysctl", "%q is no kernel setting; want a name such as net.core.rmem_max", name)
		case !sysctlValue.MatchString(s.Sysctl[name]):
			f.Add("sysctl."+name, "is %q; want numbers or words", s.Sysctl[name])
		}
	}
	return f
}
