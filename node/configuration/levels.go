package configuration

import (
	"fmt"
	"slices"
	"time"

	"github.com/godwit/godwit/fleet/command"
)

// LevelsKey is where LogLevels are stored among the settings.
const LevelsKey = "log_levels"

// LogLevels say how much the installation's programs log. A node follows, in this order: an override of its own that has
// not ended, its cluster's configuration, Nodes.
type LogLevels struct {
	Version   int64      `json:"version"` // counts changes
	Manager   string     `json:"manager"`
	Nodes     string     `json:"nodes"`
	Overrides []Override `json:"overrides"`
}

// Override gives one node another level until a time.
type Override struct {
	Node  string    `json:"node"` // id
	Level string    `json:"level"`
	Until time.Time `json:"until"`
}

// maxOverrides bounds the list: every node's configuration is made from it.
const maxOverrides = 100

// Check refuses what is no level. Empty levels stand for info.
func (l LogLevels) Check() error {
	var faults Faults
	check := func(field, level string) {
		if !slices.Contains(levels, level) {
			faults = append(faults, Fault{field, fmt.Sprintf("is %q; want debug, info, warn or error", level)})
		}
	}
	check("manager", l.Manager)
	check("nodes", l.Nodes)
	if len(l.Overrides) > maxOverrides {
		faults = append(faults, Fault{"overrides", fmt.Sprintf("are %d; at most %d at a time", len(l.Overrides), maxOverrides)})
	}
	for i, o := range l.Overrides {
		field := fmt.Sprintf("overrides[%d]", i)
		check(field+".level", o.Level)
		if o.Level == "" {
			faults = append(faults, Fault{field + ".level", "is missing"})
		}
		if o.Until.IsZero() {
			faults = append(faults, Fault{field + ".until", "is missing: an override ends by itself"})
		}
		if slices.ContainsFunc(l.Overrides[:i], func(before Override) bool { return before.Node == o.Node }) {
			faults = append(faults, Fault{field + ".node", "has an override already"})
		}
	}
	if faults != nil {
		return faults
	}
	return nil
}

// Current is l without the overrides that have ended.
func (l LogLevels) Current(now time.Time) LogLevels {
	l.Overrides = slices.DeleteFunc(slices.Clone(l.Overrides), func(o Override) bool { return !now.Before(o.Until) })
	if l.Overrides == nil {
		l.Overrides = []Override{}
	}
	return l
}

// Fill writes what a node is to log into what it is told, before the cluster's Document does.
func (l LogLevels) Fill(c *command.Config, node string, now time.Time) {
	c.LogLevel = l.Nodes
	for _, o := range l.Overrides {
		if left := o.Until.Sub(now); o.Node == node && left > 0 {
			c.LogOverride, c.LogOverrideFor = o.Level, left.Seconds()
		}
	}
}
