package gcp

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"cloud.google.com/go/compute/apiv1/computepb"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/cloudinit"
	"github.com/godwit/godwit/provisioner/gcp/template"
)

// regionZones remembers which zones regions have.
type regionZones struct {
	mutex sync.Mutex
	known map[string]zonesAt
}

type zonesAt struct {
	zones []string
	at    time.Time
}

// zonesKept is how long: Google adds a zone every few years.
const zonesKept = time.Hour

func (p *Provider) zonesOf(ctx context.Context, region string) ([]string, error) {
	p.zones.mutex.Lock()
	known, ok := p.zones.known[region]
	p.zones.mutex.Unlock()
	if ok && p.now().Sub(known.at) < zonesKept {
		return known.zones, nil
	}
	r, err := p.region(ctx, region)
	if err != nil {
		return nil, err
	}
	p.zones.mutex.Lock()
	defer p.zones.mutex.Unlock()
	if p.zones.known == nil {
		p.zones.known = map[string]zonesAt{}
	}
	zones := zonesIn(r)
	p.zones.known[region] = zonesAt{zones, p.now()}
	return zones, nil
}

func zonesIn(r *computepb.Region) []string {
	var zones []string
	for _, link := range r.GetZones() {
		zones = append(zones, last(link))
	}
	slices.Sort(zones)
	return zones
}

func (p *Provider) region(ctx context.Context, region string) (*computepb.Region, error) {
	return read(ctx, p, func(ctx context.Context, c *clients) (*computepb.Region, error) {
		return c.regions.Get(ctx, &computepb.GetRegionRequest{Project: p.project, Region: region}, once)
	})
}

// Validate implements provisioner.Provider. Beside the form it asks Google
// whether region, zones, types, image and subnetwork exist and what the quota
// is. It does not see whether there is room, nor the rights of a service account.
func (p *Provider) Validate(ctx context.Context, raw json.RawMessage) ([]provisioner.FieldError, error) {
	s, found := template.Parse(raw)
	if len(found) > 0 {
		return found, nil
	}
	v := &validation{p: p, s: s}
	for _, check := range []func(context.Context) error{v.place, v.types, v.image, v.subnet, v.addresses, v.quota} {
		if err := check(ctx); err != nil {
			return nil, cloud.Failure("validate", "", err)
		}
		if v.region == nil {
			break // nothing else can be looked up
		}
	}
	v.faults = append(v.faults, cloudinit.Check(cloudinit.GCE, s.Spec)...)
	return v.faults, nil
}

// validation is one check of a template against the cloud.
type validation struct {
	p      *Provider
	s      template.Spec
	faults provisioner.Faults
	region *computepb.Region
	zones  []string
	// vcpus of the smallest type that exists.
	vcpus int32
}

func (v *validation) place(ctx context.Context) error {
	region, err := v.p.region(ctx, v.s.Region)
	if missing(err) {
		v.faults.Add("region", "is %q, which project %s does not have; want one such as europe-west1", v.s.Region, v.p.project)
		return nil
	}
	if err != nil {
		return err
	}
	v.region = region
	v.zones = zonesIn(region)
	for i, zone := range v.s.Zones {
		if !slices.Contains(v.zones, zone) {
			v.faults.Add(fmt.Sprintf("zones[%d]", i), "is %q, which does not exist; there are %v", zone, v.zones)
		}
	}
	if len(v.s.Zones) > 0 {
		v.zones = slices.DeleteFunc(v.zones, func(zone string) bool { return !slices.Contains(v.s.Zones, zone) })
	}
	return nil
}

// types asks for each type until a zone has it: one that some zones lack is
// launched in the others.
func (v *validation) types(ctx context.Context) error {
	if len(v.zones) == 0 {
		return nil // said already
	}
	for i, size := range v.s.InstanceTypes {
		found, err := v.find(ctx, size)
		if err != nil {
			return err
		}
		if found == nil {
			v.faults.Add(fmt.Sprintf("instance_types[%d]", i), "is %q, which no zone of %v has", size, v.zones)
			continue
		}
		if n := found.GetGuestCpus(); v.vcpus == 0 || n < v.vcpus {
			v.vcpus = n
		}
	}
	return nil
}

func (v *validation) find(ctx context.Context, size string) (*computepb.MachineType, error) {
	for _, zone := range v.zones {
		found, err := read(ctx, v.p, func(ctx context.Context, c *clients) (*computepb.MachineType, error) {
			return c.machineTypes.Get(ctx, &computepb.GetMachineTypeRequest{Project: v.p.project, Zone: zone, MachineType: size}, once)
		})
		if err == nil || !missing(err) {
			return found, err
		}
	}
	return nil, nil //nolint:nilnil // absence is an answer
}

func (v *validation) image(ctx context.Context) error {
	project, field, what := v.s.ImageProject, "image", v.s.Image
	if project == "" {
		project = v.p.project
	}
	_, err := read(ctx, v.p, func(ctx context.Context, c *clients) (*computepb.Image, error) {
		if v.s.ImageFamily != "" {
			return c.images.GetFromFamily(ctx, &computepb.GetFromFamilyImageRequest{Project: project, Family: v.s.ImageFamily}, once)
		}
		return c.images.Get(ctx, &computepb.GetImageRequest{Project: project, Image: v.s.Image}, once)
	})
	if v.s.ImageFamily != "" {
		field, what = "image_family", v.s.ImageFamily
	}
	switch {
	case missing(err):
		v.faults.Add(field, "is %q, which project %s does not have", what, project)
	case err != nil && cloud.Class(err) == provisioner.Unauthorized && v.s.ImageProject != "":
		v.faults.Add("image_project", "is %q, which does not let this project use its images: %v", project, cloud.Text(err))
	case err != nil:
		return err
	}
	return nil
}

func (v *validation) subnet(ctx context.Context) error {
	subnet := v.s.Subnets[0]
	if !template.Name.MatchString(subnet) {
		return nil // of a shared network: another project's, which insert asks for the right to use
	}
	_, err := read(ctx, v.p, func(ctx context.Context, c *clients) (*computepb.Subnetwork, error) {
		return c.subnetworks.Get(ctx, &computepb.GetSubnetworkRequest{Project: v.p.project, Region: v.s.Region, Subnetwork: subnet}, once)
	})
	if missing(err) {
		v.faults.Add("subnets[0]", "is %q, which region %s does not have", subnet, v.s.Region)
		return nil
	}
	return err
}

// addresses says where the pool has none here. That all are in use is no fault:
// running nodes have them.
func (v *validation) addresses(ctx context.Context) error {
	pool := v.s.Pool
	if !pool.Given() {
		return nil
	}
	found, err := v.p.pooled(ctx, v.s.Region, pool)
	if err != nil {
		return err
	}
	if pool.AddressPool != "" && len(found) == 0 {
		v.faults.Add("address_pool", "is %q, of which region %s has no external address: label those that nodes may take with %s=%s", pool.AddressPool, v.s.Region, labelPool, pool.AddressPool)
	}
	for i, name := range pool.Addresses {
		if !slices.ContainsFunc(found, func(a *computepb.Address) bool { return a.GetName() == name }) {
			v.faults.Add(fmt.Sprintf("addresses[%d]", i), "is %q, which is no external address of region %s", name, v.s.Region)
		}
	}
	return nil
}

// quota tells where not one node would fit. Families of types may have quotas of
// their own, which Google tells only when it refuses.
func (v *validation) quota(context.Context) error {
	if v.vcpus == 0 {
		return nil
	}
	processors := "CPUS"
	if v.s.OnlySpot() {
		processors = "PREEMPTIBLE_CPUS"
	}
	wants := map[string]float64{"INSTANCES": 1, processors: float64(v.vcpus)}
	for _, q := range v.region.GetQuotas() {
		if want, counts := wants[q.GetMetric()]; counts && q.GetLimit() < want {
			v.faults.Add("instance_types", "want %g of quota %s, and region %s grants %g: ask Google for more, or take another region",
				want, q.GetMetric(), v.s.Region, q.GetLimit())
		}
	}
	return nil
}
