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
	if request.ClientToken == "" || request.NodeID == "" || request.Owner.Installation == "" {
		return none, provisioner.Refuse(provisioner.InvalidTemplate, "launch", request.NodeID, "client token, node and owner must be given")
	}
	spec, found := template.Parse(request.Spec)
	if len(found) > 0 {
		return none, &provisioner.Error{
			Class: provisioner.InvalidTemplate, Op: "launch", Subject: request.NodeID, Field: found[0].Field, Err: errors.New(found[0].Problem),
		}
	}
	if err := ctx.Err(); err != nil {
		return none, err
	}
	data, err := userData(request, spec)
	if err != nil {
		return none, err
	}
	leave, again, err := p.launches.Enter(ctx, p.now(), request.Owner.Installation+"\x00"+request.Owner.Cluster+"\x00"+request.ClientToken)
	if err != nil {
		return none, err
	}
	defer leave()
	a := &asking{p: p, request: request, spec: spec, name: instanceName(request.Owner, request.ClientToken), data: data}
	a.again = again || !request.AskedBefore.IsZero()
	return a.ask(ctx)
}

// userData is what the machine is told; what does not fit is the template's
// fault.
func userData(request provisioner.LaunchRequest, s template.Spec) (string, error) {
	data, err := cloudinit.Render(cloudinit.GCE, request.Bootstrap, s.Spec)
	if err == nil {
		return string(data), nil
	}
	field := "binary"
	if _, large := errors.AsType[*cloudinit.SizeError](err); large {
		field = "first_boot_script"
	}
	return "", &provisioner.Error{Class: provisioner.InvalidTemplate, Op: "launch", Subject: request.NodeID, Field: field, Err: err}
}

// asking is one call of Launch.
type asking struct {
	p       *Provider
	request provisioner.LaunchRequest
	spec    template.Spec
	name    string
	data    string
	// again: an earlier call may have made it.
	again bool
}

func (a *asking) ask(ctx context.Context) (provisioner.Instance, error) {
	none := provisioner.Instance{}
	zones := a.spec.Zones
	if len(zones) == 0 {
		var err error
		if zones, err = a.p.zonesOf(ctx, a.spec.Region); err != nil {
			return none, cloud.Failure("launch", a.request.NodeID, cloud.Templated(err))
		}
	}
	for _, zone := range zones {
		if !a.again {
			break
		}
		found, err := a.p.instance(ctx, zone, a.name)
		if err != nil {
			return none, cloud.Failure("launch", a.request.NodeID, cloud.Templated(err))
		}
		if found != nil {
			return a.known(found)
		}
	}
	return a.first(ctx, a.spec.Wanted(zones).List(a.request.ClientToken, a.p.spread.Of(a.request.Owner.Cluster)))
}

// known is an instance of our name: this launch made it before.
func (a *asking) known(found *computepb.Instance) (provisioner.Instance, error) {
	seen := describe(found)
	if seen.ClientToken != a.request.ClientToken || seen.Owner != a.request.Owner {
		return provisioner.Instance{}, provisioner.Refuse(provisioner.InvalidTemplate, "launch", seen.ID, "somebody else has an instance of this name: delete it, or rename it")
	}
	return seen, nil
}

// first walks the offerings until Google has one.
func (a *asking) first(ctx context.Context, list []offering.Offering) (provisioner.Instance, error) {
	none := provisioner.Instance{}
	var refused []offering.Refusal
	asked, cluster := 0, a.request.Owner.Cluster
	for _, o := range list {
		if what, lately := a.p.refusals.Of(a.p.now(), a.spec.Region, o); lately {
			refused = append(refused, what)
			continue
		}
		if asked++; asked > mostAsked {
			break
		}
		a.p.spread.Add(cluster, o.Zone, 1)
		instance, err := a.insert(ctx, o)
		if err == nil {
			if because := offering.Because(o, refused); because != "" {
				instance.Detail = because
				a.p.log.Info("another offering than the first", "node", a.request.NodeName, "offering", because)
			}
			return instance, nil
		}
		a.p.spread.Add(cluster, o.Zone, -1)
		if ctx.Err() != nil {
			return none, ctx.Err()
		}
		what, rests, wide := a.refusal(o, err)
		if rests == 0 {
			return none, cloud.Failure("launch", o.String(), err)
		}
		what = a.p.refusals.Note(a.p.now(), what, rests, a.spec.Region, wide)
		a.p.log.Info("an offering is refused", "node", a.request.NodeName, "offering", o.String(), "err", what.Text)
		refused = append(refused, what)
	}
	return none, offering.Exhausted(a.request.NodeID, "instance_types", a.p.now(), refused)
}

// refusal says for how long an offering is left alone after an error; not at
// all if the error is not the offering's. wide: it holds for the whole region.
func (a *asking) refusal(o offering.Offering, err error) (what offering.Refusal, rests time.Duration, wide bool) {
	what = offering.Refusal{Offering: o, Class: cloud.Class(err), Text: cloud.Text(err)}
	switch what.Class {
	case provisioner.Capacity:
		// A subnetwork without free addresses is so in all zones.
		return what, offering.CapacityRests, strings.Contains(what.Text, "IP_SPACE")
	case provisioner.Quota:
		return what, offering.QuotaRests, true
	case provisioner.NotFound, provisioner.InvalidTemplate:
		if strings.Contains(what.Text, "/machineTypes/") { // not in this zone
			what.Class = provisioner.InvalidTemplate
			return what, offering.NotOfferedRests, false
		}
	case provisioner.Throttled, provisioner.Unauthorized, provisioner.Transient, provisioner.Unsupported:
	}
	return what, 0, false
}

// insert asks for one offering and waits until it is known whether Google has
// it.
func (a *asking) insert(ctx context.Context, o offering.Offering) (provisioner.Instance, error) {
	none := provisioner.Instance{}
	id := requestID(a.name, o.String())
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
