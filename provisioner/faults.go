package provisioner

import (
	"fmt"
	"slices"
	"strings"
)

// Faults collects what is wrong with a template's specification, in the order in
// which it is found. The zero value has none. It is for one goroutine.
type Faults []FieldError

// Add notes one; format and values say what is wrong and what would be right.
func (f *Faults) Add(field, format string, values ...any) {
	*f = append(*f, FieldError{Field: field, Problem: fmt.Sprintf(format, values...)})
}

// Provider refuses the template of another provider; one that names none is its
// reader's.
func (f *Faults) Provider(given, name string) {
	if given != "" && given != name {
		f.Add("provider", "is %q; this is the provider %q", given, name)
	}
}

// Between refuses a number outside of low to high. zero says what 0 means where
// it is allowed and means something of its own, such as "no limit".
func (f *Faults) Between(field string, value, low, high int, zero string) {
	switch {
	case value == 0 && zero != "", low <= value && value <= high:
	case zero == "":
		f.Add(field, "is %d; want %d to %d", value, low, high)
	case low <= 1:
		f.Add(field, "is %d; want 0 (%s) to %d", value, zero, high)
	default:
		f.Add(field, "is %d; want 0 (%s) or %d to %d", value, zero, low, high)
	}
}

// OneOf refuses a word that is none of the allowed, of which there are two or
// more.
func (f *Faults) OneOf(field, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		last := len(allowed) - 1
		f.Add(field, "is %q; want %s or %s", value, strings.Join(allowed[:last], ", "), allowed[last])
	}
}

// Names is what a list of names may hold.
type Names struct {
	// Least and Most entries; without Most, any number.
	Least, Most int
	// Example of an entry.
	Example string
}

// Names refuses too few and too many, entries that have none of the forms, and
// repeated ones.
func (f *Faults) Names(field string, list []string, want Names, forms ...func(string) bool) {
	if len(list) < want.Least {
		f.Add(field, "has %d entries; want at least %d, such as %s", len(list), want.Least, want.Example)
	}
	if want.Most > 0 && len(list) > want.Most {
		f.Add(field, "has %d entries; want at most %d", len(list), want.Most)
	}
	for i, entry := range list {
		at := fmt.Sprintf("%s[%d]", field, i)
		switch {
		case !slices.ContainsFunc(forms, func(fits func(string) bool) bool { return fits(entry) }):
			f.Add(at, "is %q; want one such as %s", entry, want.Example)
		case slices.Contains(list[:i], entry):
			f.Add(at, "names %q a second time", entry)
		}
	}
}

// NodeSpec is what every node of a template runs with. Zero means without limit
// of its own.
type NodeSpec struct {
	// SendCapMbps is the most that a node sends, in Mb/s; 0: no cap.
	SendCapMbps float64 `json:"send_cap_mbps,omitempty"`
	// ReceiveCapMbps is the most that a node receives, in Mb/s; 0: no cap.
	ReceiveCapMbps float64 `json:"receive_cap_mbps,omitempty"`
	// SessionRateMbps is the target of sessions whose client asks for none, in Mb/s;
	// 0: none.
	SessionRateMbps float64 `json:"session_rate_mbps,omitempty"`
	// MaxSessions is how many a node serves at once; 0: no limit.
	MaxSessions int `json:"max_sessions,omitempty"`
}

// Bounds of what a node runs with: beyond them is a slip of the keyboard.
const (
	maxMbps     = 1_000_000 // a terabit per second
	maxSessions = 100_000
	maxReportS  = 60
)

// Node checks what stands in the template's field node, and how often a node
// reports, in seconds, in its field report_interval_s.
func (f *Faults) Node(s NodeSpec, reportIntervalS int) {
	for _, rate := range []struct {
		field string
		mbps  float64
	}{
		{"node.send_cap_mbps", s.SendCapMbps},
		{"node.receive_cap_mbps", s.ReceiveCapMbps},
		{"node.session_rate_mbps", s.SessionRateMbps},
	} {
		if rate.mbps < 0 || rate.mbps > maxMbps {
			f.Add(rate.field, "is %g Mb/s; want 0 (no cap) to %d", rate.mbps, maxMbps)
		}
	}
	f.Between("node.max_sessions", s.MaxSessions, 0, maxSessions, "no limit")
	f.Between("report_interval_s", reportIntervalS, 1, maxReportS, "")
}
