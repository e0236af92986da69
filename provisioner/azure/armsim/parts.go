package armsim

import (
	"context"
	"net/http"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/compute/armcompute/v7"
	computefake "github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/compute/armcompute/v7/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/network/armnetwork/v7"
	networkfake "github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/network/armnetwork/v7/fake"
)

// card is an interface, or a public address.
type card struct {
	name    string
	tags    map[string]*string
	machine string // empty: nobody's
	private string // the address
	public  string // the public address's name
	prefix  string // of which a public address comes
}

type disk struct {
	machine string
	made    time.Time
}

// sizes and their processors. The scarce one is not in zone 3.
var sizes = map[string]int{"Standard_D4s_v5": 4, "Standard_D8s_v5": 8, scarce: 8}

const (
	scarce = "Standard_F8s_v2"
	family = "standardDSv5Family"
	image0 = "Debian:debian-12:12-gen2"
)

func (c *Cloud) address(k *card) *armnetwork.PublicIPAddress {
	out := &armnetwork.PublicIPAddress{
		ID: to(id("Microsoft.Network/publicIPAddresses", k.name)), Name: &k.name, Tags: k.tags,
		Properties: &armnetwork.PublicIPAddressPropertiesFormat{IPAddress: &k.private},
	}
	if k.machine != "" {
		out.Properties.IPConfiguration = &armnetwork.IPConfiguration{ID: to("nodes")}
	}
	return out
}

func (c *Cloud) nic(k *card, expand bool) *armnetwork.Interface {
	out := &armnetwork.Interface{
		ID: to(id("Microsoft.Network/networkInterfaces", k.name)), Name: &k.name, Tags: k.tags,
		Properties: &armnetwork.InterfacePropertiesFormat{IPConfigurations: []*armnetwork.InterfaceIPConfiguration{{
			Properties: &armnetwork.InterfaceIPConfigurationPropertiesFormat{PrivateIPAddress: &k.private},
		}}},
	}
	if k.machine != "" {
		out.Properties.VirtualMachine = &armnetwork.SubResource{ID: to(id("Microsoft.Compute/virtualMachines", k.machine))}
	}
	if a := c.addresses[k.public]; a != nil {
		shown := c.address(a)
		if !expand {
			shown = &armnetwork.PublicIPAddress{ID: shown.ID}
		}
		out.Properties.IPConfigurations[0].Properties.PublicIPAddress = shown
	}
	return out
}

func (c *Cloud) cardServer() networkfake.InterfacesServer {
	return networkfake.InterfacesServer{
		Get: func(_ context.Context, _, name string, o *armnetwork.InterfacesClientGetOptions) (out azfake.Responder[armnetwork.InterfacesClientGetResponse], no azfake.ErrorResponder) {
			c.mutex.Lock()
			defer c.mutex.Unlock()
			c.advance()
			k, r := c.cards[name], c.need("Microsoft.Network/networkInterfaces/read", "Microsoft.Network/publicIPAddresses/read")
			switch {
			case r != nil:
				no.SetResponseError(r.status, r.code)
			case k == nil:
				no.SetResponseError(http.StatusNotFound, "ResourceNotFound")
			default:
				out.SetResponse(http.StatusOK, armnetwork.InterfacesClientGetResponse{Interface: *c.nic(k, o != nil && o.Expand != nil)}, nil)
			}
			return out, no
		},
		NewListPager: func(string, *armnetwork.InterfacesClientListOptions) (out azfake.PagerResponder[armnetwork.InterfacesClientListResponse]) {
			c.mutex.Lock()
			defer c.mutex.Unlock()
			c.advance()
			if r := c.need("Microsoft.Network/networkInterfaces/read"); r != nil {
				out.AddResponseError(r.status, r.code)
				return out
			}
			var list []*armnetwork.Interface
			for _, k := range c.cards {
				list = append(list, c.nic(k, false))
			}
			out.AddPage(http.StatusOK, armnetwork.InterfacesClientListResponse{InterfaceListResult: armnetwork.InterfaceListResult{Value: list}}, nil)
			return out
		},
		BeginDelete: func(_ context.Context, _, name string, _ *armnetwork.InterfacesClientBeginDeleteOptions) (out azfake.PollerResponder[armnetwork.InterfacesClientDeleteResponse], no azfake.ErrorResponder) {
			if r := c.drop(c.cards, name, "Microsoft.Network/networkInterfaces/delete"); r != nil {
				no.SetResponseError(r.status, r.code)
				return out, no
			}
			out.SetTerminalResponse(http.StatusNoContent, armnetwork.InterfacesClientDeleteResponse{}, nil)
			return out, no
		},
	}
}

func (c *Cloud) addressServer() networkfake.PublicIPAddressesServer {
	return networkfake.PublicIPAddressesServer{
		NewListPager: func(string, *armnetwork.PublicIPAddressesClientListOptions) (out azfake.PagerResponder[armnetwork.PublicIPAddressesClientListResponse]) {
			c.mutex.Lock()
			defer c.mutex.Unlock()
			c.advance()
			if r := c.need("Microsoft.Network/publicIPAddresses/read"); r != nil {
				out.AddResponseError(r.status, r.code)
				return out
			}
			var list []*armnetwork.PublicIPAddress
			for _, k := range c.addresses {
				list = append(list, c.address(k))
			}
			out.AddPage(http.StatusOK, armnetwork.PublicIPAddressesClientListResponse{PublicIPAddressListResult: armnetwork.PublicIPAddressListResult{Value: list}}, nil)
			return out
		},
		BeginDelete: func(_ context.Context, _, name string, _ *armnetwork.PublicIPAddressesClientBeginDeleteOptions) (out azfake.PollerResponder[armnetwork.PublicIPAddressesClientDeleteResponse], no azfake.ErrorResponder) {
			if r := c.drop(c.addresses, name, "Microsoft.Network/publicIPAddresses/delete"); r != nil {
				no.SetResponseError(r.status, r.code)
				return out, no
			}
			out.SetTerminalResponse(http.StatusNoContent, armnetwork.PublicIPAddressesClientDeleteResponse{}, nil)
			return out, no
		},
	}
}

// drop deletes a part that no machine has.
func (c *Cloud) drop(parts map[string]*card, name, action string) *refused {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.advance()
	k := parts[name]
	switch {
	case k == nil:
		return &refused{http.StatusNotFound, "ResourceNotFound"}
	case k.machine != "":
		return &refused{http.StatusConflict, "NicInUse"}
	}
	if r := c.need(action); r != nil {
		return r
	}
	delete(parts, name)
	return nil
}

func (c *Cloud) diskServer() computefake.DisksServer {
	return computefake.DisksServer{
		NewListByResourceGroupPager: func(string, *armcompute.DisksClientListByResourceGroupOptions) (out azfake.PagerResponder[armcompute.DisksClientListByResourceGroupResponse]) {
			c.mutex.Lock()
			defer c.mutex.Unlock()
			c.advance()
			if r := c.need("Microsoft.Compute/disks/read"); r != nil {
				out.AddResponseError(r.status, r.code)
				return out
			}
			var list []*armcompute.Disk
			for name, d := range c.disks {
				shown := &armcompute.Disk{Name: &name, Properties: &armcompute.DiskProperties{TimeCreated: &d.made}}
				if d.machine != "" {
					shown.ManagedBy = to(id("Microsoft.Compute/virtualMachines", d.machine))
				}
				list = append(list, shown)
			}
			out.AddPage(http.StatusOK, armcompute.DisksClientListByResourceGroupResponse{DiskList: armcompute.DiskList{Value: list}}, nil)
			return out
		},
		BeginDelete: func(_ context.Context, _, name string, _ *armcompute.DisksClientBeginDeleteOptions) (out azfake.PollerResponder[armcompute.DisksClientDeleteResponse], no azfake.ErrorResponder) {
			c.mutex.Lock()
			defer c.mutex.Unlock()
			if r := c.need("Microsoft.Compute/disks/delete"); r != nil {
				no.SetResponseError(r.status, r.code)
				return out, no
			}
			if d := c.disks[name]; d == nil || d.machine != "" {
				no.SetResponseError(http.StatusConflict, "DiskInUse")
				return out, no
			}
			delete(c.disks, name)
			out.SetTerminalResponse(http.StatusNoContent, armcompute.DisksClientDeleteResponse{}, nil)
			return out, no
		},
	}
}

// OrphanCard, OrphanAddress and OrphanDisk leave parts that no machine has.
func (c *Cloud) OrphanCard(name string, tags map[string]*string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.cards[name] = &card{name: name, tags: tags}
}

// OrphanAddress leaves a public address.
func (c *Cloud) OrphanAddress(name string, tags map[string]*string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.addresses[name] = &card{name: name, tags: tags}
}

// OrphanDisk leaves a disk that was made then.
func (c *Cloud) OrphanDisk(name string, made time.Time) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.disks[name] = &disk{made: made}
}

func sizeServer(c *Cloud) computefake.ResourceSKUsServer {
	return computefake.ResourceSKUsServer{
		NewListPager: func(o *armcompute.ResourceSKUsClientListOptions) (out azfake.PagerResponder[armcompute.ResourceSKUsClientListResponse]) {
			c.mutex.Lock()
			defer c.mutex.Unlock()
			if r := c.need("Microsoft.Compute/skus/read"); r != nil {
				out.AddResponseError(r.status, r.code)
				return out
			}
			var list []*armcompute.ResourceSKU
			for name := range sizes {
				if o == nil || value(o.Filter) != "location eq '"+Region+"'" {
					break
				}
				sku := &armcompute.ResourceSKU{
					Name: &name, ResourceType: to("virtualMachines"), Family: to(family),
					Capabilities: []*armcompute.ResourceSKUCapabilities{{Name: to("vCPUs"), Value: to(map[int]string{4: "4", 8: "8"}[sizes[name]])}},
					LocationInfo: []*armcompute.ResourceSKULocationInfo{{Location: to(Region), Zones: []*string{to("1"), to("2"), to("3")}}},
				}
				if name == scarce {
					sku.Restrictions = []*armcompute.ResourceSKURestrictions{{
						Type: to(armcompute.ResourceSKURestrictionsTypeZone), ReasonCode: to(armcompute.ResourceSKURestrictionsReasonCodeNotAvailableForSubscription),
						RestrictionInfo: &armcompute.ResourceSKURestrictionInfo{Zones: []*string{to("3")}},
					}}
				}
				list = append(list, sku)
			}
			out.AddPage(http.StatusOK, armcompute.ResourceSKUsClientListResponse{ResourceSKUsResult: armcompute.ResourceSKUsResult{Value: list}}, nil)
			return out
		},
	}
}

func (c *Cloud) usageServer() computefake.UsageServer {
	return computefake.UsageServer{
		NewListPager: func(string, *armcompute.UsageClientListOptions) (out azfake.PagerResponder[armcompute.UsageClientListResponse]) {
			c.mutex.Lock()
			defer c.mutex.Unlock()
			if r := c.need("Microsoft.Compute/locations/usages/read"); r != nil {
				out.AddResponseError(r.status, r.code)
				return out
			}
			var list []*armcompute.Usage
			for name, limit := range c.quota {
				list = append(list, &armcompute.Usage{Name: &armcompute.UsageName{Value: &name}, Limit: &limit, CurrentValue: to(int32(0)), Unit: to("Count")})
			}
			out.AddPage(http.StatusOK, armcompute.UsageClientListResponse{ListUsagesResult: armcompute.ListUsagesResult{Value: list}}, nil)
			return out
		},
	}
}

func imageServer(c *Cloud) computefake.VirtualMachineImagesServer {
	known := func(publisher, offer, sku string) bool { return publisher+":"+offer+":"+sku == image0 }
	return computefake.VirtualMachineImagesServer{
		Get: func(_ context.Context, _, publisher, offer, sku, version string, _ *armcompute.VirtualMachineImagesClientGetOptions) (out azfake.Responder[armcompute.VirtualMachineImagesClientGetResponse], no azfake.ErrorResponder) {
			c.mutex.Lock()
			defer c.mutex.Unlock()
			r := c.need("Microsoft.Compute/locations/publishers/artifacttypes/offers/skus/versions/read")
			switch {
			case r != nil:
				no.SetResponseError(r.status, r.code)
			case !known(publisher, offer, sku) || version != "0.20260901.1":
				no.SetResponseError(http.StatusNotFound, "NotFound")
			default:
				out.SetResponse(http.StatusOK, armcompute.VirtualMachineImagesClientGetResponse{}, nil)
			}
			return out, no
		},
		List: func(_ context.Context, _, publisher, offer, sku string, _ *armcompute.VirtualMachineImagesClientListOptions) (out azfake.Responder[armcompute.VirtualMachineImagesClientListResponse], no azfake.ErrorResponder) {
			c.mutex.Lock()
			defer c.mutex.Unlock()
			if r := c.need("Microsoft.Compute/locations/publishers/artifacttypes/offers/skus/versions/read"); r != nil {
				no.SetResponseError(r.status, r.code)
				return out, no
			}
			answer := armcompute.VirtualMachineImagesClientListResponse{}
			if known(publisher, offer, sku) {
				answer.VirtualMachineImageResourceArray = []*armcompute.VirtualMachineImageResource{{Name: to("0.20260901.1"), Location: to(Region)}}
			}
			out.SetResponse(http.StatusOK, answer, nil)
			return out, no
		},
	}
}

func subnetServer(c *Cloud) networkfake.SubnetsServer {
	return networkfake.SubnetsServer{
		Get: func(_ context.Context, _, network, name string, _ *armnetwork.SubnetsClientGetOptions) (out azfake.Responder[armnetwork.SubnetsClientGetResponse], no azfake.ErrorResponder) {
			c.mutex.Lock()
			defer c.mutex.Unlock()
			r := c.need("Microsoft.Network/virtualNetworks/subnets/read")
			switch {
			case r != nil:
				no.SetResponseError(r.status, r.code)
			case network != "network" || name != "nodes":
				no.SetResponseError(http.StatusNotFound, "ResourceNotFound")
			default:
				out.SetResponse(http.StatusOK, armnetwork.SubnetsClientGetResponse{Subnet: armnetwork.Subnet{Name: &name}}, nil)
			}
			return out, no
		},
	}
}
