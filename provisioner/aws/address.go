package aws

import (
	"context"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/address"
	"github.com/godwit/godwit/provisioner/aws/template"
)

// tagPool of an Elastic IP address says of which pool it is; of an instance, that
// its launch is over only when it has one.
const tagPool = template.TagPrefix + address.Tag

// runs is how long a launch waits for its instance to run: EC2 associates no address
// with one that is pending, which takes it 5 to 30 seconds; the reconciler's patience
// is a minute.
const runs = 40 * time.Second

// pooled are the Elastic IP addresses of a pool in this region, whoever has them.
func (r *region) pooled(ctx context.Context, pool address.Pool) ([]types.Address, error) {
	by := filter("allocation-id", pool.Addresses...)
	if pool.AddressPool != "" {
		by = filter("tag:"+tagPool, pool.AddressPool)
	}
	// EC2 does not page these: the quota of an account is small.
	out, err := r.ec2.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{Filters: []types.Filter{by}})
	if err != nil {
		return nil, err
	}
	return out.Addresses, nil
}

// free are the allocations that nothing has, but for those that turned out otherwise.
func free(pooled []types.Address, but map[string]bool) []string {
	var list []string
	for _, a := range pooled {
		id := awssdk.ToString(a.AllocationId)
		if id != "" && !but[id] && awssdk.ToString(a.AssociationId) == "" && awssdk.ToString(a.InstanceId) == "" && awssdk.ToString(a.NetworkInterfaceId) == "" {
			list = append(list, id)
		}
	}
	return list
}

// reserve claims an address before anything is launched, and says so where there
// is none.
func (a *asking) reserve(ctx context.Context) error {
	if !a.spec.Pool.Given() {
		return nil
	}
	pooled, err := a.r.pooled(ctx, a.spec.Pool)
	if err != nil {
		return cloud.Failure("launch", a.request.NodeID, err)
	}
	if _, ok := a.p.claims.Take(a.p.now(), a.holder(), free(pooled, nil)); !ok {
		return a.exhausted()
	}
	return nil
}

// holder is by what this launch claims.
func (a *asking) holder() string {
	return a.request.Owner.Installation + " " + a.request.ClientToken
}

func (a *asking) exhausted() error {
	return address.Exhausted(a.request.NodeID, a.spec.Pool.String(), a.r.name)
}

// addressed gives the launch's instance its address. Of a launch that then is
// refused nothing is left.
func (a *asking) addressed(ctx context.Context, made provisioner.Instance) (provisioner.Instance, error) {
	if !a.spec.Pool.Given() {
		return made, nil
	}
	seen, err := a.associate(ctx, made)
	if err == nil {
		seen.PassedOver, seen.Unfinished = made.PassedOver, false
		a.p.claims.Drop(a.p.now(), a.holder())
		return seen, nil
	}
	if class := provisioner.ClassOf(err); provisioner.Interrupted(err) || class == provisioner.Transient || class == provisioner.Throttled {
		return provisioner.Instance{}, err // asked again, it goes on from here
	}
	a.p.claims.Drop(a.p.now(), a.holder())
	if end := a.p.Terminate(ctx, []string{made.ID})[0].Err; end != nil {
		return provisioner.Instance{}, provisioner.Refuse(provisioner.Transient, "launch", made.ID, "it gets no address of its pool (%w), and cannot be ended yet: %w", err, end)
	}
	return provisioner.Instance{}, err
}

// associate waits until the instance runs and takes the first address that is to be
// had. EC2 itself sees to it that nobody takes one that somebody has.
func (a *asking) associate(ctx context.Context, seen provisioner.Instance) (provisioner.Instance, error) {
	_, own, _ := a.p.locate(seen.ID)
	taken := map[string]bool{}
	for give := a.p.now().Add(runs); ; {
		pooled, err := a.r.pooled(ctx, a.spec.Pool)
		if err != nil {
			return seen, cloud.Failure("launch", seen.ID, err)
		}
		for _, has := range pooled {
			if awssdk.ToString(has.InstanceId) == own { // by a call whose answer was lost
				seen.PublicAddresses = []string{awssdk.ToString(has.PublicIp)}
				return seen, nil
			}
		}
		if seen.State == provisioner.Running || seen.State == provisioner.Stopped {
			choice, ok := a.p.claims.Take(a.p.now(), a.holder(), free(pooled, taken))
			if !ok {
				return seen, a.exhausted()
			}
			_, err := a.r.ec2.AssociateAddress(ctx, &ec2.AssociateAddressInput{
				AllocationId: &choice, InstanceId: &own, AllowReassociation: awssdk.Bool(false),
			})
			switch {
			case err == nil:
				seen.PublicAddresses = []string{publicOf(pooled, choice)}
				return seen, nil
			case codeOf(err) == codeTaken:
				taken[choice] = true
				continue
			case cloud.Class(err) != provisioner.NotFound && codeOf(err) != codeState: // else it is not seen to run everywhere yet
				return seen, cloud.Failure("launch", seen.ID, err)
			}
		}
		if !a.p.now().Before(give) {
			return seen, provisioner.Refuse(provisioner.Transient, "launch", seen.ID, "it is %s after %s, and gets its address when it runs", seen.State, runs)
		}
		select {
		case <-ctx.Done():
			return seen, ctx.Err()
		case <-time.After(min(lookEvery, a.p.lag/4)):
		}
		if seen, err = a.p.Get(ctx, seen.ID); err != nil {
			return seen, err
		}
		if seen.State == provisioner.Terminating {
			return seen, provisioner.Unknown("launch", seen.ID)
		}
	}
}

func publicOf(pooled []types.Address, allocation string) string {
	for _, a := range pooled {
		if awssdk.ToString(a.AllocationId) == allocation {
			return awssdk.ToString(a.PublicIp)
		}
	}
	return ""
}
