package gcesim

import (
	"maps"
	"slices"
)

// Machine is an instance as it is, whatever lists say of it.
type Machine struct {
	Zone, Name string
	Labels     map[string]string
	// Running says so of its status, and Ending that it is about to be no more.
	Running, Ending, Spot bool
}

// Machines are all instances that exist, in order.
func (c *Cloud) Machines() []Machine {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.advance()
	var all []Machine
	for _, at := range slices.Sorted(maps.Keys(c.instances)) {
		m := c.instances[at]
		all = append(all, Machine{last(m.Zone), m.Name, m.Labels, m.Status == "RUNNING", c.ending(m), m.spot()})
	}
	return all
}

// ending says that an operation deletes the instance, with the mutex held.
func (c *Cloud) ending(m *machine) bool {
	for _, op := range c.operations {
		if op.Status != "DONE" && (op.OperationType == "delete" || op.OperationType == "compute.instances.preempted") &&
			op.TargetLink == selfLink("zones/%s/instances/%s", last(m.Zone), m.Name) {
			return true
		}
	}
	return false
}

// Unused names the disks that no instance has.
func (c *Cloud) Unused() []string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.advance()
	var names []string
	for name, d := range c.disks {
		if len(d.Users) == 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
