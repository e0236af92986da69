package attached

import (
	"encoding/json"

	"github.com/godwit/godwit/internal/slot"
	"github.com/godwit/godwit/provisioner"
)

// Spec is the part of a template that this provider reads.
type Spec struct {
	Provider string `json:"provider"`
	// Slots that nodes of this template may take; empty: any.
	Slots []string `json:"slots"`
	// Node is what a node runs with until its configuration says otherwise.
	Node provisioner.NodeSpec `json:"node"`
	// ReportIntervalS is how often a node reports, in seconds; 5 if absent.
	ReportIntervalS int `json:"report_interval_s"`
	// Tags are marks of nodes, for people.
	Tags map[string]string `json:"tags"`
}

// reportS is how often a node reports, in seconds, unless the template says.
const reportS = 5

// parse reads a spec strictly: a misspelt cap would be a node without one.
func parse(raw json.RawMessage) (Spec, []provisioner.FieldError) {
	var s Spec
	if faults := provisioner.DecodeTemplate(raw, &s, "an attached template"); faults != nil {
		return s, faults
	}
	if s.ReportIntervalS == 0 {
		s.ReportIntervalS = reportS
	}
	return s, s.faults()
}

func (s Spec) faults() []provisioner.FieldError {
	var f provisioner.Faults
	f.Provider(s.Provider, Name)
	f.Names("slots", s.Slots, provisioner.Names{Example: "rack4-left: lower-case letters, digits and hyphens"}, slot.ValidName)
	f.Node(s.Node, s.ReportIntervalS)
	return f
}

// Effect implements provisioner.Effects: which machines may be taken, and their
// tags, matter while one is taken; the rest a node reads when it starts.
func (p *Provider) Effect(field string) provisioner.Effect {
	return provisioner.EffectAmong(field, "slots", "tags")
}
