package ec2sim

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// elastic is an Elastic IP address of the account.
type elastic struct {
	id, ip string
	tags   map[string]string
	has    holder
	// before is who is still shown to have it until then.
	before holder
	shown  time.Time
}

// holder is what an address is associated with; the zero value is nothing.
type holder struct{ association, instance, card string }

// AddAddress allocates an Elastic IP address with these tags.
func (s *Sim) AddAddress(tags map[string]string) (allocation string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	e := &elastic{id: s.id("eipalloc"), tags: tags}
	e.ip = fmt.Sprintf("192.0.2.%d", len(s.elastics)+1)
	s.elastics[e.id] = e
	return e.id
}

// Occupy gives an address to something that is no instance, such as a NAT gateway.
func (s *Sim) Occupy(allocation string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.elastics[allocation].has = holder{association: s.id("eipassoc"), card: s.id("eni")}
}

// Address is an Elastic IP address as it is, whatever is shown of it.
type Address struct {
	Allocation, PublicIP string
	// Instance that has it, with its region; empty: none.
	Instance string
	// Associated says that something has it, an instance or else.
	Associated bool
}

// Addresses are all that are allocated, in order.
func (s *Sim) Addresses() []Address {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.advance()
	var all []Address
	for _, id := range slices.Sorted(maps.Keys(s.elastics)) {
		e := s.elastics[id]
		a := Address{Allocation: id, PublicIP: e.ip, Associated: e.has.association != ""}
		if e.has.instance != "" {
			a.Instance = Region + "/" + e.has.instance
		}
		all = append(all, a)
	}
	return all
}

// give associates an address, or frees it; that is shown only later.
func (s *Sim) give(e *elastic, to holder) {
	if i := s.instances[e.has.instance]; i != nil && i.elastic == e.ip {
		i.elastic = ""
	}
	e.before, e.shown = e.has, s.now()
	if s.options.Lag > 0 {
		e.shown = e.shown.Add(time.Duration(s.rng.Int64N(int64(s.options.Lag))))
	}
	if e.has = to; to.instance != "" {
		s.instances[to.instance].elastic, s.instances[to.instance].public = e.ip, ""
	}
}

// of is the address that an instance has.
func (s *Sim) of(instance string) *elastic {
	for _, e := range s.elastics {
		if e.has.instance == instance {
			return e
		}
	}
	return nil
}

func (c *call) describeAddresses() (any, *fault) {
	filters, f := c.filters("allocation-id", "association-id", "instance-id", "public-ip", "tag:")
	if f != nil {
		return nil, f
	}
	type view struct {
		ID          string `xml:"allocationId"`
		IP          string `xml:"publicIp"`
		Domain      string `xml:"domain"`
		Association string `xml:"associationId,omitempty"`
		Instance    string `xml:"instanceId,omitempty"`
		Card        string `xml:"networkInterfaceId,omitempty"`
		Tags        []tag  `xml:"tagSet>item"`
	}
	out := struct {
		Request   string `xml:"requestId"`
		Addresses []view `xml:"addressesSet>item"`
	}{Request: "sim"}
	for _, id := range slices.Sorted(maps.Keys(c.sim.elastics)) {
		e := c.sim.elastics[id]
		has := e.has
		if c.sim.now().Before(e.shown) {
			has = e.before
		}
		if passes(filters, func(name string) []string {
			switch name {
			case "allocation-id":
				return []string{e.id}
			case "association-id":
				return []string{has.association}
			case "instance-id":
				return []string{has.instance}
			case "public-ip":
				return []string{e.ip}
			}
			if value, ok := e.tags[name[len("tag:"):]]; ok {
				return []string{value}
			}
			return nil
		}) {
			out.Addresses = append(out.Addresses, view{e.id, e.ip, "vpc", has.association, has.instance, has.card, tagList(e.tags)})
		}
	}
	return out, nil
}

func (c *call) associateAddress() (any, *fault) {
	e := c.sim.elastics[c.form.Get("AllocationId")]
	if e == nil {
		return nil, refuse("InvalidAllocationID.NotFound", "The allocation ID '%s' does not exist", c.form.Get("AllocationId"))
	}
	all, f := c.named([]string{c.form.Get("InstanceId")})
	if f != nil {
		return nil, f
	}
	i := all[0]
	answer := func() any {
		return struct {
			Request     string `xml:"requestId"`
			Return      bool   `xml:"return"`
			Association string `xml:"associationId"`
		}{"sim", true, e.has.association}
	}
	switch {
	case i.state == "pending" && c.sim.rng.IntN(2) == 0:
		return nil, refuse("IncorrectInstanceState", "The pending-instance-creation instance to which 'eni' is attached is not in a valid state for this operation")
	case i.state != "running" && i.state != "stopped":
		return nil, refuse("InvalidInstanceID", "The %s instance '%s' is not in a valid state for this operation.", i.state, i.id)
	case e.has.instance == i.id:
		return answer(), nil
	case e.has.association != "" && c.form.Get("AllowReassociation") == "false":
		return nil, refuse("Resource.AlreadyAssociated", "resource %s is already associated with associate-id %s", e.id, e.has.association)
	}
	if old := c.sim.of(i.id); old != nil {
		c.sim.give(old, holder{})
	}
	c.sim.give(e, holder{association: c.sim.id("eipassoc"), instance: i.id, card: "eni-of-" + i.id})
	return answer(), nil
}
