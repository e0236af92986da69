package gcp

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	compute "cloud.google.com/go/compute/apiv1"
	"cloud.google.com/go/compute/apiv1/computepb"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/address"
	"github.com/godwit/godwit/provisioner/cloudinit"
	"github.com/godwit/godwit/provisioner/gcp/template"
	"github.com/godwit/godwit/provisioner/offering"
)

// mostAsked bounds the offerings that one call asks for; what was refused is
// remembered, so that the next call goes on behind it.
const mostAsked = 20

// settles is how long a launch waits for its operation. Google takes five to
// thirty seconds; the reconciler's patience is a minute.
const settles = 40 * time.Second

// Launch implements provisioner.Provider; the package comment says how it
// happens once.
func (p *Provider) Launch(ctx context.Context, request provisioner.LaunchRequest) (provisioner.Instance, error) {
	none := provisioner.Instance{}
	if err := request.Check(); err != nil {
		return none, err
	}
	spec, found := template.Parse(request.Spec)
	if err := request.Blame(found); err != nil {
		return none, err
	}
	if err := ctx.Err(); err != nil {
		return none, err
	}
	data, err := cloudinit.UserData(cloudinit.GCE, request, spec.Spec)
	if err != nil {
		return none, err
	}
	again, leave, err := p.launches.Enter(ctx, p.now(), request)
	if err != nil {
		return none, err
	}
	defer leave()
	a := &asking{p: p, request: request, spec: spec, name: instanceName(request.Owner, request.ClientToken), data: data}
	a.again, *again = *again || !request.AskedBefore.IsZero(), true
	return a.ask(ctx)
}

// asking is one call of Launch.
type asking struct {
	p       *Provider
	request provisioner.LaunchRequest
	spec    template.Spec
	name    string
	data    []byte
	zones   []string
	// again: an earlier call may have made it.
	again bool
	// address of the template's pool that the launch has claimed; nil: it has none.
	address *computepb.Address
	// inUse are those that turned out so, by what Google calls them.
	inUse map[string]bool
}

func (a *asking) ask(ctx context.Context) (provisioner.Instance, error) {
	none := provisioner.Instance{}
	a.zones = a.spec.Zones
	if len(a.zones) == 0 {
		var err error
		if a.zones, err = a.p.zonesOf(ctx, a.spec.Region); err != nil {
			return none, cloud.Failure("launch", a.request.NodeID, cloud.Templated(err))
		}
	}
	exhausted := a.reserve(ctx) // first: between the look and the insert nothing is to pass
	if a.again {
		if found, err := a.look(ctx); err != nil || found.ID != "" {
			a.settled(err)
			return found, err
		}
	}
	if exhausted != nil {
		return none, exhausted
	}
	made, err := a.p.market.First(ctx, offering.Search{
		Request: a.request, Region: a.spec.Region, Wanted: a.spec.Among(a.zones), Most: mostAsked, Ask: a.insert, Judge: judge, Cloud: cloud, Now: a.p.now, Log: a.p.log,
	})
	a.settled(err)
	return made, err
}

// look finds what an earlier call of this launch made, in whichever zone; without
// such it has no id.
func (a *asking) look(ctx context.Context) (provisioner.Instance, error) {
	for _, zone := range a.zones {
		found, err := a.p.instance(ctx, zone, a.name)
		if err != nil {
			return provisioner.Instance{}, cloud.Failure("launch", a.request.NodeID, cloud.Templated(err))
		}
		if found != nil {
			return a.known(found)
		}
	}
	return provisioner.Instance{}, nil
}

// known is an instance of our name: this launch made it before.
func (a *asking) known(found *computepb.Instance) (provisioner.Instance, error) {
	seen := describe(found)
	if seen.ClientToken != a.request.ClientToken || seen.Owner != a.request.Owner {
		return provisioner.Instance{}, provisioner.Refuse(provisioner.InvalidTemplate, "launch", seen.ID, "somebody else has an instance of this name: delete it, or rename it")
	}
	return seen, nil
}

// judge: a subnetwork without free addresses is so in all zones, and a type that
// is not found is one that this zone does not have.
func judge(err error) offering.Verdict {
	v, text := offering.Judge(cloud.Class(err)), cloud.Text(err)
	if errors.Is(err, address.ErrExhausted) {
		v.Rests = 0 // no other offering has an address
	}
	switch v.Class {
	case provisioner.Capacity:
		v.Wide = strings.Contains(text, "IP_SPACE")
	case provisioner.NotFound, provisioner.InvalidTemplate:
		if strings.Contains(text, "/machineTypes/") {
			return offering.Verdict{Class: provisioner.InvalidTemplate, Rests: offering.NotOfferedRests}
		}
	case provisioner.Quota, provisioner.Throttled, provisioner.Unauthorized, provisioner.Transient, provisioner.Unsupported:
	}
	return v
}

// insert asks for one offering, with the next address of the pool while somebody has
// taken that which was free.
func (a *asking) insert(ctx context.Context, o offering.Offering) (provisioner.Instance, error) {
	for {
		made, err := a.try(ctx, o)
		if !a.taken(err) {
			return made, err
		}
		// Perhaps by another call of this launch, whose choice was the same.
		if found, err := a.look(ctx); err != nil || found.ID != "" {
			return found, err
		}
		if err := a.reserve(ctx); err != nil {
			return made, err
		}
	}
}

// try asks for one offering and waits until it is known whether Google has it.
func (a *asking) try(ctx context.Context, o offering.Offering) (provisioner.Instance, error) {
	none := provisioner.Instance{}
	what := []string{a.name, o.String()}
	if a.address != nil {
		what = append(what, a.address.GetAddress())
	}
	id := requestID(what...)
	resource := a.machine(o)
	op, err := change(ctx, a.p, func(ctx context.Context, c *clients) (*compute.Operation, error) {
		return c.instances.Insert(ctx, &computepb.InsertInstanceRequest{
			Project: a.p.project, Zone: o.Zone, RequestId: &id, InstanceResource: resource,
		})
	})
	switch {
	case isStatus(err, http.StatusConflict): // made by a call whose answer was lost
	case err != nil:
		return none, cloud.Templated(err)
	default:
		waiting, cancel := context.WithTimeout(ctx, settles)
		err = a.p.await(waiting, o.Zone, op.Name())
		cancel()
		late := ctx.Err() == nil && provisioner.Interrupted(err)
		if err != nil && !late && !missing(err) {
			return none, cloud.Templated(err)
		}
	}
	found, err := a.p.instance(ctx, o.Zone, a.name)
	if err != nil {
		return none, err
	}
	if found == nil {
		return none, provisioner.Refuse(provisioner.Transient, "launch", o.String(), "the operation is not over and the instance not there yet")
	}
	return a.known(found)
}
