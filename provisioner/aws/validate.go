package aws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/aws/template"
	"github.com/godwit/godwit/provisioner/cloudinit"
)

// Validate implements provisioner.Provider: the form first, then what the spec
// names, then a dry run of a launch. EC2 tells nothing of quotas and capacity
// before it is really asked.
func (p *Provider) Validate(ctx context.Context, raw json.RawMessage) ([]provisioner.FieldError, error) {
	spec, found := template.Parse(raw, p.order)
	if len(found) > 0 {
		return found, nil
	}
	if _, err := p.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}); err != nil {
		return nil, cloud.Failure("validate", "credentials", err)
	}
	v := &validation{Provider: p, r: p.regions[spec.Region], spec: spec}
	for _, check := range []func(context.Context) error{v.findImage, v.findSubnets, v.findGroups, v.findAddresses, v.findTypes} {
		if err := check(ctx); err != nil {
			return nil, cloud.Failure("validate", spec.Region, err)
		}
	}
	if len(v.faults) == 0 {
		if err := v.rehearse(ctx); err != nil {
			return nil, cloud.Failure("validate", spec.Region, err)
		}
	}
	return v.faults, nil
}

type validation struct {
	*Provider
	r      *region
	spec   template.Spec
	faults provisioner.Faults
	image  types.Image
	zones  []string // of the subnets
	vpc    string
}

func (v *validation) findImage(ctx context.Context) error {
	var err error
	if v.image, err = v.r.findImage(ctx, v.spec); err == nil {
		return nil
	}
	return v.blame(err)
}

// blame turns an error about the template into a fault; others stay errors.
func (v *validation) blame(err error) error {
	told := cloud.Failure("validate", v.spec.Region, err)
	if class := provisioner.ClassOf(told); class != provisioner.InvalidTemplate && class != provisioner.Unsupported {
		return err
	}
	v.faults.Add(provisioner.Field(told), "is refused: %s", cloud.Text(err))
	return nil
}

func (v *validation) findSubnets(ctx context.Context) error {
	found := map[string]types.Subnet{}
	pages := ec2.NewDescribeSubnetsPaginator(v.r.ec2, &ec2.DescribeSubnetsInput{Filters: []types.Filter{filter("subnet-id", v.spec.Subnets...)}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, s := range page.Subnets {
			found[awssdk.ToString(s.SubnetId)] = s
		}
	}
	for i, id := range v.spec.Subnets {
		s, ok := found[id]
		vpc := awssdk.ToString(s.VpcId)
		switch {
		case !ok:
			v.faults.Add(fmt.Sprintf("subnets[%d]", i), "names %s, which is not in %s of this account", id, v.r.name)
			continue
		case v.vpc == "":
			v.vpc = vpc
		case v.vpc != vpc:
			v.faults.Add(fmt.Sprintf("subnets[%d]", i), "names %s of %s, while others are in %s: all must be in one VPC, as security groups are", id, vpc, v.vpc)
		}
		if zone := awssdk.ToString(s.AvailabilityZone); zone != "" && !slices.Contains(v.zones, zone) {
			v.zones = append(v.zones, zone)
		}
	}
	return nil
}

func (v *validation) findGroups(ctx context.Context) error {
	found := map[string]string{}
	pages := ec2.NewDescribeSecurityGroupsPaginator(v.r.ec2, &ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{filter("group-id", v.spec.SecurityGroups...)}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, g := range page.SecurityGroups {
			found[awssdk.ToString(g.GroupId)] = awssdk.ToString(g.VpcId)
		}
	}
	for i, id := range v.spec.SecurityGroups {
		switch vpc, ok := found[id]; {
		case !ok:
			v.faults.Add(fmt.Sprintf("security_groups[%d]", i), "names %s, which is not in %s of this account", id, v.r.name)
		case v.vpc != "" && vpc != v.vpc:
			v.faults.Add(fmt.Sprintf("security_groups[%d]", i), "names %s of %s; the subnets are in %s", id, vpc, v.vpc)
		}
	}
	return nil
}

// findAddresses checks that the pool has addresses here. That all of them are in use
// is no fault: running nodes have them.
func (v *validation) findAddresses(ctx context.Context) error {
	pool := v.spec.Pool
	if !pool.Given() {
		return nil
	}
	pooled, err := v.r.pooled(ctx, pool)
	if err != nil {
		return err
	}
	if pool.AddressPool != "" && len(pooled) == 0 {
		v.faults.Add("address_pool", "is %q, of which there is no Elastic IP address in %s: tag those that nodes may take with %s=%s", pool.AddressPool, v.r.name, tagPool, pool.AddressPool)
	}
	for i, id := range pool.Addresses {
		if publicOf(pooled, id) == "" {
			v.faults.Add(fmt.Sprintf("addresses[%d]", i), "names %s, which is not in %s of this account", id, v.r.name)
		}
	}
	return nil
}

// findTypes checks that each type exists, fits the image and is offered in one
// of the zones.
func (v *validation) findTypes(ctx context.Context) error {
	architectures := map[string][]types.ArchitectureType{}
	pages := ec2.NewDescribeInstanceTypesPaginator(v.r.ec2, &ec2.DescribeInstanceTypesInput{Filters: []types.Filter{filter("instance-type", v.spec.InstanceTypes...)}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, t := range page.InstanceTypes {
			var all []types.ArchitectureType
			if t.ProcessorInfo != nil {
				all = t.ProcessorInfo.SupportedArchitectures
			}
			architectures[string(t.InstanceType)] = all
		}
	}
	offered, err := v.offered(ctx)
	if err != nil {
		return err
	}
	for i, name := range v.spec.InstanceTypes {
		field := fmt.Sprintf("instance_types[%d]", i)
		fits, ok := architectures[name]
		switch {
		case !ok:
			v.faults.Add(field, "is %q, which %s does not have", name, v.r.name)
		case v.image.Architecture != "" && len(fits) > 0 && !slices.Contains(fits, types.ArchitectureType(v.image.Architecture)):
			v.faults.Add(field, "is %q for %v; image %s is for %s", name, fits, awssdk.ToString(v.image.ImageId), v.image.Architecture)
		case len(v.zones) > 0 && !offered[name]:
			v.faults.Add(field, "is %q, which none of the subnets' zones has (%s)", name, strings.Join(v.zones, ", "))
		}
	}
	return nil
}

func (v *validation) offered(ctx context.Context) (map[string]bool, error) {
	offered := map[string]bool{}
	if len(v.zones) == 0 {
		return offered, nil
	}
	pages := ec2.NewDescribeInstanceTypeOfferingsPaginator(v.r.ec2, &ec2.DescribeInstanceTypeOfferingsInput{
		LocationType: types.LocationTypeAvailabilityZone,
		Filters:      []types.Filter{filter("instance-type", v.spec.InstanceTypes...), filter("location", v.zones...)},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, o := range page.InstanceTypeOfferings {
			offered[string(o.InstanceType)] = true
		}
	}
	return offered, nil
}

// rehearse asks EC2 for a launch without having it: that finds what only EC2
// knows, such as an instance profile that is not there, and missing rights.
func (v *validation) rehearse(ctx context.Context) error {
	request := cloudinit.Rehearsal() // so that user data too large is found here
	v.spec.PublicLater = v.spec.Pool.Given()
	data, err := cloudinit.UserData(cloudinit.EC2, request, v.spec.Spec)
	if err != nil {
		return v.blame(err)
	}
	a := &asking{p: v.Provider, r: v.r, request: request, spec: v.spec, data: data, image: v.image}
	for _, o := range v.spec.Among(v.spec.Subnets).List(request.ClientToken, nil) {
		in := a.input(o)
		in.DryRun, in.ClientToken = awssdk.Bool(true), nil
		_, err := v.r.ec2.RunInstances(ctx, in)
		class := cloud.Class(err)
		switch {
		case err == nil:
			return errors.New("a dry run launched: whatever answers at this endpoint is not EC2")
		case codeOf(err) == codeDryRun:
			return nil
		case class == provisioner.Capacity, class == provisioner.Quota:
			continue // no fault of the template
		default:
			return v.blame(err)
		}
	}
	return nil
}
