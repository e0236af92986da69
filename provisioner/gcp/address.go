package gcp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cloud.google.com/go/compute/apiv1/computepb"
	"google.golang.org/api/iterator"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/address"
)

// labelPool of a reserved address says of which pool it is.
const labelPool = labelPrefix + address.Tag

// pooled are the reserved external addresses of a pool in a region, whoever has
// them.
func (p *Provider) pooled(ctx context.Context, region string, pool address.Pool) ([]*computepb.Address, error) {
	request := &computepb.ListAddressesRequest{Project: p.project, Region: region}
	if pool.AddressPool != "" {
		request.Filter = text(fmt.Sprintf(`(labels.%s = "%s")`, labelPool, pool.AddressPool))
	}
	all, err := read(ctx, p, func(ctx context.Context, c *clients) ([]*computepb.Address, error) {
		return within(ctx, func() ([]*computepb.Address, error) { // the SDK's lists know no context
			var all []*computepb.Address
			it := c.addresses.List(ctx, request, once)
			for {
				a, err := it.Next()
				if errors.Is(err, iterator.Done) {
					return all, nil
				}
				if err != nil {
					return nil, err
				}
				all = append(all, a)
			}
		})
	})
	// What Google filters is checked: others' addresses are not to be given.
	return slices.DeleteFunc(all, func(a *computepb.Address) bool {
		if pool.AddressPool != "" {
			return a.GetLabels()[labelPool] != pool.AddressPool || !external(a)
		}
		return !slices.Contains(pool.Addresses, a.GetName()) || !external(a)
	}), err
}

func external(a *computepb.Address) bool {
	return a.GetAddressType() == computepb.Address_EXTERNAL.String() && a.GetIpVersion() != computepb.Address_IPV6.String()
}

// reserve claims an address for the launch, where its nodes have them from a pool,
// and says so where there is none but those that turned out to be in use.
func (a *asking) reserve(ctx context.Context) error {
	if !a.spec.Pool.Given() {
		return nil
	}
	pooled, err := a.p.pooled(ctx, a.spec.Region, a.spec.Pool)
	if err != nil {
		return cloud.Failure("launch", a.request.NodeID, cloud.Templated(err))
	}
	at := map[string]*computepb.Address{}
	var free []string
	for _, one := range pooled {
		if one.GetStatus() == computepb.Address_RESERVED.String() && len(one.GetUsers()) == 0 && !a.inUse[one.GetAddress()] {
			at[one.GetAddress()], free = one, append(free, one.GetAddress())
		}
	}
	choice, ok := a.p.claims.Take(a.p.now(), a.name, free)
	if !ok {
		return address.Exhausted(a.request.NodeID, a.spec.Pool.String(), a.spec.Region)
	}
	a.address = at[choice]
	return nil
}

// settled gives the claim up when the launch's outcome is known: by then the address
// has its instance, or none of this launch will have it.
func (a *asking) settled(err error) {
	if class := provisioner.ClassOf(err); class != provisioner.Transient && class != provisioner.Throttled && !provisioner.Interrupted(err) {
		a.p.claims.Drop(a.p.now(), a.name)
	}
}

// taken says that an insert failed because something else has the launch's address,
// and notes that.
func (a *asking) taken(err error) bool {
	if a.address == nil || err == nil {
		return false
	}
	said, ip := cloud.Text(err), a.address.GetAddress()
	if !strings.HasPrefix(said, codeInUse) && (!strings.Contains(said, "'"+ip+"'") && !strings.Contains(said, " "+ip+" ") || !strings.Contains(said, "use")) {
		return false
	}
	if a.inUse == nil {
		a.inUse = map[string]bool{}
	}
	a.inUse[ip] = true
	return true
}
