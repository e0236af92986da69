package azure

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/compute/armcompute/v7"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/network/armnetwork/v7"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/azure/template"
	"github.com/godwit/godwit/provisioner/cloudinit"
)

// Validate implements provisioner.Provider. Beside the form it asks Azure whether
// region, sizes, zones, image and subnet exist, what the subscription may not
// have, and what the quota is. It does not see whether there is room.
func (p *Provider) Validate(ctx context.Context, raw json.RawMessage) ([]provisioner.FieldError, error) {
	s, found := template.Parse(raw)
	if len(found) > 0 {
		return found, nil
	}
	c, err := p.client()
	if err != nil {
		return nil, err
	}
	v := &validation{p: p, c: c, s: s}
	for _, check := range []func(context.Context) error{v.sizes, v.image, v.subnet, v.pool, v.quota} {
		if err := check(ctx); err != nil {
			return nil, cloud.Failure("validate", "", err)
		}
	}
	v.faults = append(v.faults, cloudinit.Check(cloudinit.Azure, s.Spec)...)
	return v.faults, nil
}

// validation is one check of a template against the cloud.
type validation struct {
	p      *Provider
	c      *clients
	s      template.Spec
	faults provisioner.Faults
	// families and processors of the sizes that can be had.
	families map[string]int
}

// sizes reads what the region has; a region without anything does not exist.
func (v *validation) sizes(ctx context.Context) error {
	list, err := all(ctx, v.c.sizes.NewListPager(&armcompute.ResourceSKUsClientListOptions{Filter: to(fmt.Sprintf("location eq '%s'", v.s.Region))}),
		func(page armcompute.ResourceSKUsClientListResponse) []*armcompute.ResourceSKU { return page.Value })
	if err != nil {
		return err
	}
	known := map[string]*armcompute.ResourceSKU{}
	for _, sku := range list {
		if value(sku.ResourceType) == "virtualMachines" {
			known[value(sku.Name)] = sku
		}
	}
	if len(known) == 0 {
		v.faults.Add("region", "is %q, which has no machines; want one such as westeurope", v.s.Region)
		return nil
	}
	v.families = map[string]int{}
	if v.zones(known); len(v.faults) > 0 {
		return nil // no size is there either
	}
	for i, size := range v.s.InstanceTypes {
		field := fmt.Sprintf("instance_types[%d]", i)
		sku := known[size]
		if sku == nil {
			v.faults.Add(field, "is %q, which region %s does not have", size, v.s.Region)
			continue
		}
		if why := restricted(sku, v.s.Zones); why != "" {
			v.faults.Add(field, "is %q, which %s", size, why)
			continue
		}
		family, processors := value(sku.Family), 0
		for _, c := range sku.Capabilities {
			if value(c.Name) == "vCPUs" {
				processors, _ = strconv.Atoi(value(c.Value)) // 0: not told
			}
		}
		if least, seen := v.families[family]; !seen || processors < least {
			v.families[family] = processors
		}
	}
	return nil
}

// zones holds the template's against those in which the region has anything.
func (v *validation) zones(known map[string]*armcompute.ResourceSKU) {
	var there []string
	for _, sku := range known {
		for _, info := range sku.LocationInfo {
			for _, zone := range info.Zones {
				if !slices.Contains(there, value(zone)) {
					there = append(there, value(zone))
				}
			}
		}
	}
	slices.Sort(there)
	for i, zone := range v.s.Zones {
		switch {
		case len(there) == 0:
			v.faults.Add(fmt.Sprintf("zones[%d]", i), "is %q, and region %s has no zones: leave them out", zone, v.s.Region)
		case !slices.Contains(there, zone):
			v.faults.Add(fmt.Sprintf("zones[%d]", i), "is %q, which region %s does not have; it has %s", zone, v.s.Region, strings.Join(there, ", "))
		}
	}
}

// restricted says why a size cannot be had in any of the zones.
func restricted(sku *armcompute.ResourceSKU, zones []string) string {
	left := slices.Clone(zones)
	for _, info := range sku.LocationInfo {
		left = slices.DeleteFunc(left, func(zone string) bool {
			return !slices.ContainsFunc(info.Zones, func(z *string) bool { return value(z) == zone })
		})
	}
	for _, r := range sku.Restrictions {
		switch value(r.Type) {
		case armcompute.ResourceSKURestrictionsTypeLocation:
			return "the subscription may not have there: " + string(value(r.ReasonCode))
		case armcompute.ResourceSKURestrictionsTypeZone:
			if r.RestrictionInfo != nil {
				left = slices.DeleteFunc(left, func(zone string) bool {
					return slices.ContainsFunc(r.RestrictionInfo.Zones, func(z *string) bool { return value(z) == zone })
				})
			}
		}
	}
	if len(zones) > 0 && len(left) == 0 {
		return fmt.Sprintf("none of the zones %s has for this subscription", strings.Join(zones, ", "))
	}
	return ""
}

func (v *validation) image(ctx context.Context) error {
	if v.families == nil {
		return nil // nothing can be looked up without a region
	}
	if strings.HasPrefix(v.s.Image, "/") {
		return nil // the creation says: it may be anybody's gallery
	}
	part := strings.SplitN(v.s.Image, ":", 4)
	if part[3] == "latest" {
		answer, err := v.c.images.List(ctx, v.s.Region, part[0], part[1], part[2], &armcompute.VirtualMachineImagesClientListOptions{Top: to(int32(1))})
		if err == nil && len(answer.VirtualMachineImageResourceArray) > 0 {
			return nil
		}
		if err != nil && !missing(err) {
			return err
		}
	} else {
		_, err := v.c.images.Get(ctx, v.s.Region, part[0], part[1], part[2], part[3], nil)
		if err == nil || !missing(err) {
			return err
		}
	}
	v.faults.Add("image", "is %q, which region %s does not have", v.s.Image, v.s.Region)
	return nil
}

func (v *validation) subnet(ctx context.Context) error {
	if strings.HasPrefix(v.s.Subnets[0], "/") {
		return nil // of another group, which the creation asks for the right to use
	}
	network, subnet, _ := strings.Cut(v.s.Subnets[0], "/")
	_, err := v.c.subnets.Get(ctx, v.p.config.ResourceGroup, network, subnet, nil)
	if missing(err) {
		v.faults.Add("subnets[0]", "is %q, which resource group %s does not have", v.s.Subnets[0], v.p.config.ResourceGroup)
		return nil
	}
	return err
}

// pool looks for the prefix of the nodes' addresses. That all are in use is no
// fault: running nodes have them.
func (v *validation) pool(ctx context.Context) error {
	name := v.s.AddressPool
	if name == "" {
		return nil
	}
	prefix, err := v.p.prefix(ctx, name)
	switch {
	case missing(err):
		v.faults.Add("address_pool", "is %q, which is no public IP prefix of resource group %s", name, v.p.config.ResourceGroup)
		return nil
	case err != nil:
		return err
	case !strings.EqualFold(value(prefix.Location), v.s.Region):
		v.faults.Add("address_pool", "is %q, a prefix of region %s; nodes are in %s", name, value(prefix.Location), v.s.Region)
	case prefix.Properties != nil && value(prefix.Properties.PublicIPAddressVersion) == armnetwork.IPVersionIPv6:
		v.faults.Add("address_pool", "is %q, a prefix of IPv6; want one of IPv4", name)
	}
	return nil
}

// quota tells where not one node would fit.
func (v *validation) quota(ctx context.Context) error {
	if len(v.families) == 0 {
		return nil
	}
	list, err := all(ctx, v.c.usage.NewListPager(v.s.Region, nil),
		func(page armcompute.UsageClientListResponse) []*armcompute.Usage { return page.Value })
	if err != nil {
		return err
	}
	onlySpot := v.s.OnlySpot()
	for _, u := range list {
		if u.Name == nil || u.Limit == nil {
			continue
		}
		name := value(u.Name.Value)
		want, counts := v.families[name]
		switch {
		case onlySpot && name == "lowPriorityCores", !onlySpot && name == "cores":
			want, counts = v.smallest(), true
		case onlySpot:
			counts = false
		}
		if counts && *u.Limit < int64(want) {
			v.faults.Add("instance_types", "want %d of quota %s, and region %s grants %d: ask Azure for more, or take another region",
				want, name, v.s.Region, *u.Limit)
		}
	}
	return nil
}

func (v *validation) smallest() int {
	least := 0
	for _, n := range v.families {
		if least == 0 || n < least {
			least = n
		}
	}
	return least
}
