package armsim

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/compute/armcompute/v7"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/network/armnetwork/v7"
	networkfake "github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/network/armnetwork/v7/fake"
)

// prefix is a public IP prefix: a range of addresses.
type prefix struct {
	length int32
	base   string // "192.0.2."
	region string
}

// outOf are what Azure says when a prefix has no more addresses. The reference names
// no code; the one is what creations of scale sets report.
const outOf = "PublicIpPrefixOutOfIpAddressesForVMScaleSet"

// Prefix makes a public IP prefix of 2, 4, 8 or 16 addresses in a region.
func (c *Cloud) Prefix(name, region string, addresses int) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	length := int32(32)
	for n := addresses; n > 1; n /= 2 {
		length--
	}
	c.prefixes[name] = &prefix{length, fmt.Sprintf("192.0.%d.", 2+len(c.prefixes)), region}
}

// Held are the addresses of a prefix that there are, and the machine that has each.
func (c *Cloud) Held(name string) map[string]string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.advance()
	by := map[string]string{}
	for _, k := range c.addresses {
		if k.prefix == name {
			by[k.private] = k.machine
		}
	}
	return by
}

// OccupyPrefix takes an address of a prefix for something that is no machine.
func (c *Cloud) OccupyPrefix(name string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.addresses["gateway-"+name] = &card{name: "gateway-" + name, prefix: name, machine: "gateway", private: c.next(name)}
}

// next is the lowest address of a prefix that nothing has; empty: there is none.
// With the mutex held.
func (c *Cloud) next(name string) string {
	p := c.prefixes[name]
	taken := map[string]bool{}
	for _, k := range c.addresses {
		taken[k.private] = true
	}
	for n := range 1 << (32 - p.length) {
		if at := fmt.Sprintf("%s%d", p.base, n); !taken[at] {
			return at
		}
	}
	return ""
}

// prefixOf is the prefix from which a machine's address is to come; empty: none.
func prefixOf(vm armcompute.VirtualMachine) string {
	for _, n := range vm.Properties.NetworkProfile.NetworkInterfaceConfigurations {
		for _, a := range n.Properties.IPConfigurations {
			if public := a.Properties.PublicIPAddressConfiguration; public != nil && public.Properties != nil && public.Properties.PublicIPPrefix != nil {
				return last(value(public.Properties.PublicIPPrefix.ID))
			}
		}
	}
	return ""
}

func (c *Cloud) prefixServer() networkfake.PublicIPPrefixesServer {
	return networkfake.PublicIPPrefixesServer{
		Get: func(_ context.Context, _, name string, _ *armnetwork.PublicIPPrefixesClientGetOptions) (out azfake.Responder[armnetwork.PublicIPPrefixesClientGetResponse], no azfake.ErrorResponder) {
			c.mutex.Lock()
			defer c.mutex.Unlock()
			c.advance()
			p, r := c.prefixes[name], c.need("Microsoft.Network/publicIPPrefixes/read")
			switch {
			case r != nil:
				no.SetResponseError(r.status, r.code)
				return out, no
			case p == nil:
				no.SetResponseError(http.StatusNotFound, "ResourceNotFound")
				return out, no
			}
			shown := armnetwork.PublicIPPrefix{
				ID: to(id("Microsoft.Network/publicIPPrefixes", name)), Name: &name, Location: &p.region,
				Properties: &armnetwork.PublicIPPrefixPropertiesFormat{PrefixLength: &p.length, PublicIPAddressVersion: to(armnetwork.IPVersionIPv4)},
			}
			for _, k := range c.addresses {
				if k.prefix == name {
					shown.Properties.PublicIPAddresses = append(shown.Properties.PublicIPAddresses, &armnetwork.ReferencedPublicIPAddress{ID: to(id("Microsoft.Network/publicIPAddresses", k.name))})
				}
			}
			out.SetResponse(http.StatusOK, armnetwork.PublicIPPrefixesClientGetResponse{PublicIPPrefix: shown}, nil)
			return out, no
		},
	}
}

// Strangers are the public addresses that are not of a machine's making, in order.
func (c *Cloud) Strangers() []string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	var names []string
	for name, k := range c.addresses {
		if !strings.HasPrefix(name, "godwit-") {
			names = append(names, name+" "+k.private+" "+k.machine)
		}
	}
	slices.Sort(names)
	return names
}
