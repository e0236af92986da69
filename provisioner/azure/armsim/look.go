package armsim

import "slices"

// Machine is a virtual machine as it is, whatever lists say of it.
type Machine struct {
	Name, Zone string
	Tags       map[string]*string
	// Running says so of its power state, Ending that it is being deleted, and
	// Failed that it could not be placed.
	Running, Ending, Failed, Spot bool
}

// Machines are all that exist, in order.
func (c *Cloud) Machines() []Machine {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.advance()
	var all []Machine
	for _, name := range c.names() {
		m := c.machines[name]
		all = append(all, Machine{name, m.offering().Zone, m.vm.Tags, m.power == "running" && m.doing == "", m.doing == "deleting", m.failure != "", m.spot()})
	}
	return all
}

// Unused names the interfaces, addresses and disks that no machine has.
func (c *Cloud) Unused() []string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.advance()
	var names []string
	for name, k := range c.cards {
		if c.machines[k.machine] == nil {
			names = append(names, name)
		}
	}
	for name, k := range c.addresses {
		if c.machines[k.machine] == nil {
			names = append(names, name)
		}
	}
	for name, d := range c.disks {
		if c.machines[d.machine] == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// abandon frees the parts of a machine that is gone, with the mutex held.
func (c *Cloud) abandon(name string) {
	for _, parts := range []map[string]*card{c.cards, c.addresses} {
		for _, k := range parts {
			if k.machine == name {
				k.machine = ""
			}
		}
	}
	for _, d := range c.disks {
		if d.machine == name {
			d.machine = ""
		}
	}
}
