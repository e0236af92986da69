package aws

import (
	"context"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/godwit/godwit/provisioner"
)

// Get implements provisioner.Provider. Calls at about the same time are one call
// to EC2.
func (p *Provider) Get(ctx context.Context, id string) (provisioner.Instance, error) {
	r, own, ok := p.locate(id)
	if !ok {
		return provisioner.Instance{}, provisioner.Unknown("get", id)
	}
	seen, err := r.gets.of(ctx, own)
	if err != nil {
		return provisioner.Instance{}, err
	}
	return seen.value, seen.err
}

// describe looks instances up by a filter, which unlike a list of ids does not
// fail as a whole when EC2 does not know one.
func (p *Provider) describe(ctx context.Context, r *region, ids []string) map[string]outcome[provisioner.Instance] {
	out := make(map[string]outcome[provisioner.Instance], len(ids))
	found, err := r.instances(ctx, p.pageSize, filter("instance-id", ids...))
	for _, own := range ids {
		if err != nil {
			out[own] = outcome[provisioner.Instance]{err: cloud.Failure("get", r.id(own), err)}
			continue
		}
		out[own] = p.seen(r, own, found[own])
	}
	return out
}

func (p *Provider) seen(r *region, own string, seen *types.Instance) outcome[provisioner.Instance] {
	id := r.id(own)
	switch {
	case seen == nil:
		if young, ok := p.recent.of(p.now(), id, p.lag); ok {
			return outcome[provisioner.Instance]{value: young}
		}
	case !gone(seen):
		return outcome[provisioner.Instance]{value: r.instance(*seen)}
	}
	return outcome[provisioner.Instance]{err: provisioner.Unknown("get", id)}
}

// instances pages through a description, by EC2's id.
func (r *region) instances(ctx context.Context, pageSize int32, filters ...types.Filter) (map[string]*types.Instance, error) {
	found := map[string]*types.Instance{}
	pages := ec2.NewDescribeInstancesPaginator(r.ec2, &ec2.DescribeInstancesInput{Filters: filters, MaxResults: awssdk.Int32(pageSize)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, reservation := range page.Reservations {
			for i := range reservation.Instances {
				seen := &reservation.Instances[i]
				found[awssdk.ToString(seen.InstanceId)] = seen
			}
		}
	}
	return found, nil
}

// List implements provisioner.Provider. Instances that are ending are left out.
// A region that does not answer fails the whole list: what a list leaves out is
// taken for gone.
func (p *Provider) List(ctx context.Context, owner provisioner.Owner) ([]provisioner.Instance, error) {
	filters := []types.Filter{
		filter("tag:"+tagInstallation, owner.Installation),
		filter("instance-state-name", string(types.InstanceStateNamePending), string(types.InstanceStateNameRunning),
			string(types.InstanceStateNameStopping), string(types.InstanceStateNameStopped)),
	}
	if owner.Cluster != "" {
		filters = append(filters, filter("tag:"+tagCluster, owner.Cluster))
	}
	var list []provisioner.Instance
	subnets := map[string]string{}
	for _, name := range p.order {
		r := p.regions[name]
		found, err := r.instances(ctx, p.pageSize, filters...)
		if err != nil {
			return nil, cloud.Failure("list", name, err)
		}
		if len(found) == 0 {
			continue
		}
		notices := p.noticesOf(ctx, r, owner.Installation, found)
		for own, seen := range found {
			instance := r.instance(*seen)
			if notice, ok := notices[own]; ok {
				instance.Notice = &notice
			}
			list = append(list, instance)
			subnets[instance.ID] = awssdk.ToString(seen.SubnetId)
		}
	}
	if owner.Cluster == "" {
		p.market.Spread.Listed(list, func(i provisioner.Instance) string { return subnets[i.ID] })
	}
	return provisioner.InOrder(list), nil
}

// states maps EC2's states; what is terminated is not found.
var states = map[types.InstanceStateName]provisioner.InstanceState{
	types.InstanceStateNamePending:      provisioner.Pending,
	types.InstanceStateNameRunning:      provisioner.Running,
	types.InstanceStateNameStopping:     provisioner.Stopping,
	types.InstanceStateNameStopped:      provisioner.Stopped,
	types.InstanceStateNameShuttingDown: provisioner.Terminating,
}

func gone(seen *types.Instance) bool {
	return seen.State != nil && seen.State.Name == types.InstanceStateNameTerminated
}

func ended(state types.InstanceStateName) bool {
	return state == types.InstanceStateNameTerminated || state == types.InstanceStateNameShuttingDown
}

// instance puts EC2's description into the contract's terms.
func (r *region) instance(seen types.Instance) provisioner.Instance {
	instance := provisioner.Instance{
		ID: r.id(awssdk.ToString(seen.InstanceId)), State: provisioner.Pending, Zone: r.name,
		Type: string(seen.InstanceType), Spot: seen.InstanceLifecycle == types.InstanceLifecycleTypeSpot,
		LaunchedAt: awssdk.ToTime(seen.LaunchTime).UTC(),
	}
	fromTags(seen.Tags, &instance)
	if seen.State != nil {
		if state, ok := states[seen.State.Name]; ok {
			instance.State = state
		}
	}
	if seen.Placement != nil && awssdk.ToString(seen.Placement.AvailabilityZone) != "" {
		instance.Zone = *seen.Placement.AvailabilityZone
	}
	if seen.StateReason != nil {
		instance.Detail = awssdk.ToString(seen.StateReason.Message)
	}
	// EC2's launch time moves with every start; the interface was attached once.
	for _, card := range seen.NetworkInterfaces {
		if card.Attachment != nil && card.Attachment.AttachTime != nil && card.Attachment.AttachTime.Before(instance.LaunchedAt) {
			instance.LaunchedAt = card.Attachment.AttachTime.UTC()
		}
	}
	if address := awssdk.ToString(seen.PrivateIpAddress); address != "" {
		instance.PrivateAddresses = []string{address}
	}
	if address := awssdk.ToString(seen.PublicIpAddress); address != "" {
		instance.PublicAddresses, instance.Unfinished = []string{address}, false
	}
	return instance
}
