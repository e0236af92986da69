package gcesim

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"
)

// address is a reserved one.
type address struct {
	Name        string            `json:"name"`
	Region      string            `json:"region"`
	Address     string            `json:"address"`
	AddressType string            `json:"addressType"`
	NetworkTier string            `json:"networkTier"`
	Status      string            `json:"status"`
	Users       []string          `json:"users,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`

	// shown are the users that lists still tell of until then.
	shown []string
	until time.Time
}

// Reserve makes an address of Region, with labels; an internal one is of no use to
// the world.
func (c *Cloud) Reserve(name string, labels map[string]string, internal bool) (ip string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	a := &address{Name: name, Region: selfLink("regions/%s", Region), AddressType: "EXTERNAL", NetworkTier: "STANDARD", Labels: labels}
	if a.Address = fmt.Sprintf("192.0.2.%d", len(c.addresses)+1); internal {
		a.Address, a.AddressType = fmt.Sprintf("10.132.255.%d", len(c.addresses)+1), "INTERNAL"
	}
	c.addresses[name] = a
	return a.Address
}

// Occupy gives an address to something that is no instance, such as a router.
func (c *Cloud) Occupy(name string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.use(c.addresses[name], selfLink("regions/%s/routers/nat", Region))
}

// Address is a reserved address as it is, whatever lists say of it.
type Address struct {
	Name, Address string
	// User that has it, ZONE/NAME of an instance; empty: nothing.
	User string
}

// Addresses are all that are reserved, in order of name.
func (c *Cloud) Addresses() []Address {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.advance()
	var all []Address
	for _, name := range slices.Sorted(maps.Keys(c.addresses)) {
		a := Address{Name: name, Address: c.addresses[name].Address}
		for _, user := range c.addresses[name].Users {
			a.User = key(after(user, "zones"), last(user))
		}
		all = append(all, a)
	}
	return all
}

// use gives an address to its users, or frees it; lists tell later. With the mutex
// held.
func (c *Cloud) use(a *address, users ...string) {
	a.shown, a.until = a.Users, c.options.Now().Add(c.options.ListLag)
	a.Users = users
}

// give lets an instance have the reserved addresses that it is made with, and free
// takes them from one that is no more. With the mutex held.
func (c *Cloud) give(m *machine) {
	for _, a := range c.reserved(&m.instance) {
		c.use(a, selfLink("zones/%s/instances/%s", last(m.Zone), m.Name))
	}
}

func (c *Cloud) free(m *machine) {
	for _, a := range c.reserved(&m.instance) {
		c.use(a)
	}
}

func (c *Cloud) reserved(in *instance) (list []*address) {
	for _, n := range in.NetworkInterfaces {
		for _, config := range n.AccessConfigs {
			for _, name := range slices.Sorted(maps.Keys(c.addresses)) {
				if a := c.addresses[name]; a.Address == config.NatIP && a.AddressType == "EXTERNAL" {
					list = append(list, a)
				}
			}
		}
	}
	return list
}

// checkAddresses refuses external addresses that are not the project's, and says of
// what is in use so, at once or, as insert may, with the operation.
func (c *Cloud) checkAddresses(zone string, in *instance) (*refusal, *failure) {
	for i, n := range in.NetworkInterfaces {
		for j, config := range n.AccessConfigs {
			if config.NatIP == "" {
				continue
			}
			field := fmt.Sprintf("resource.networkInterfaces[%d].accessConfigs[%d]", i, j)
			found := c.reserved(&instance{NetworkInterfaces: []networkInterface{{AccessConfigs: []accessConfig{config}}}})
			switch {
			case len(found) == 0 || after(found[0].Region, "regions") != regionOf(zone):
				return invalid(field+".natIP", config.NatIP, fmt.Sprintf("The specified external IP address '%s' was not found in region '%s'.", config.NatIP, regionOf(zone))), nil
			case found[0].NetworkTier != config.NetworkTier:
				return invalid(field+".networkTier", config.NetworkTier, "The network tier of external IP address is "+found[0].NetworkTier+"."), nil
			case len(found[0].Users) == 0:
			case c.serial%2 == 0:
				return invalid(field+".natIP", config.NatIP, fmt.Sprintf("External IP address: %s is already in-use.", config.NatIP)), nil
			default:
				return nil, &failure{"IP_IN_USE_BY_ANOTHER_RESOURCE", http.StatusBadRequest, fmt.Sprintf("IP '%s' is already being used by another resource.", config.NatIP)}
			}
		}
	}
	return nil, nil
}

func (c *Cloud) listAddresses(r *http.Request) (any, *refusal) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.advance()
	names, next, no := listed(c, r, c.addresses, func(a *address) (string, map[string]string, bool) {
		return a.Name, a.Labels, after(a.Region, "regions") == r.PathValue("region")
	})
	if no != nil {
		return nil, no
	}
	items := []address{}
	for _, name := range names {
		a := *c.addresses[name]
		if c.options.Now().Before(a.until) {
			a.Users = a.shown
		}
		a.Status = "RESERVED"
		if len(a.Users) > 0 {
			a.Status = "IN_USE"
		}
		items = append(items, a)
	}
	return map[string]any{"items": items, "nextPageToken": next}, nil
}
