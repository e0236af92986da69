package azure

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/compute/armcompute/v7"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/azure/template"
	"github.com/godwit/godwit/provisioner/cloudinit"
	"github.com/godwit/godwit/provisioner/offering"
)

// mostAsked bounds the offerings that one call asks for; what was refused is
// remembered, so that the next call goes on behind it.
const mostAsked = 10

// settles is how long a launch waits for its operation. Azure says within
// seconds that it has no room, but takes a minute and more to boot; the
// reconciler's patience is a minute. What fails later shows as a machine that
// does not run.
const settles = 30 * time.Second

// nameOf is derived from owner and token: what makes a launch happen once. Its
// first half tells disks, which carry no tags of their own, whose they are.
func nameOf(owner provisioner.Owner, token string) string {
	sum := sha256.Sum256([]byte(owner.Installation + "\x00" + owner.Cluster + "\x00" + token))
	return namePrefix(owner.Installation) + hex.EncodeToString(sum[:12])
}

func namePrefix(installation string) string {
	sum := sha256.Sum256([]byte(installation))
	return template.TagPrefix + hex.EncodeToString(sum[:4]) + "-"
}

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
	leave, _, err := p.launches.Enter(ctx, p.now(), request.Owner.Installation+"\x00"+request.Owner.Cluster+"\x00"+request.ClientToken)
	if err != nil {
		return none, err
	}
	defer leave()
	a := &asking{p: p, request: request, spec: spec, name: nameOf(request.Owner, request.ClientToken), data: data}
	instance, err := a.ask(ctx)
	if err != nil {
		return none, cloud.Failure("launch", request.NodeID, err)
	}
	return instance, nil
}

// userData is what the machine is told; what does not fit is the template's
// fault.
func userData(request provisioner.LaunchRequest, s template.Spec) ([]byte, error) {
	data, err := cloudinit.Render(cloudinit.Azure, request.Bootstrap, s.Spec)
	if err == nil {
		return data, nil
	}
	field := "binary"
	if _, large := errors.AsType[*cloudinit.SizeError](err); large {
		field = "first_boot_script"
	}
	return nil, &provisioner.Error{Class: provisioner.InvalidTemplate, Op: "launch", Subject: request.NodeID, Field: field, Err: err}
}

// asking is one call of Launch.
type asking struct {
	p       *Provider
	request provisioner.LaunchRequest
	spec    template.Spec
	name    string
	data    []byte
}

func (a *asking) ask(ctx context.Context) (provisioner.Instance, error) {
	found, err := a.settled(ctx)
	if err != nil {
		return provisioner.Instance{}, err
	}
	if found != nil {
		return a.p.complete(ctx, found)
	}
	wanted := a.spec.Wanted()
	for i, zone := range wanted.Zones {
		wanted.Zones[i] = a.spec.Region + "-" + zone
	}
	return a.first(ctx, wanted.List(a.request.ClientToken, a.p.spread.Of(a.request.Owner.Cluster)))
}

// settled is the machine that an earlier call made, if it lives; one that Azure
// could not place is deleted.
func (a *asking) settled(ctx context.Context) (*armcompute.VirtualMachine, error) {
	for {
		found, err := a.p.machine(ctx, a.name)
		if err != nil || found == nil {
			return nil, err
		}
		if value(found.Tags[tagToken]) != a.request.ClientToken || ownerOf(found.Tags) != a.request.Owner {
			return nil, provisioner.Refuse(provisioner.InvalidTemplate, "launch", a.name, "somebody else has a machine of this name: delete it, or rename it")
		}
		provisioning := ""
		if found.Properties != nil {
			provisioning = value(found.Properties.ProvisioningState)
		}
		state := describe(found, nil).State
		if state != provisioner.Terminating && (provisioning != "Failed" || state == provisioner.Running) {
			return found, nil
		}
		if state != provisioner.Terminating {
			if err := a.p.remove(ctx, a.name); err != nil && !missing(err) {
				return nil, err
			}
		}
		timer := time.NewTimer(a.p.config.Poll)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		}
	}
}

// first walks the offerings until Azure has one.
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
		err := a.create(ctx, o)
		if err == nil {
			return a.made(ctx, o, refused)
		}
		a.p.spread.Add(cluster, o.Zone, -1)
		if ctx.Err() != nil {
			return none, ctx.Err()
		}
		what, rests, wide := refusal(o, err)
		if rests == 0 {
			return none, cloud.Failure("launch", o.String(), cloud.Templated(err))
		}
		what = a.p.refusals.Note(a.p.now(), what, rests, a.spec.Region, wide)
		a.p.log.Info("an offering is refused", "node", a.request.NodeName, "offering", o.String(), "err", what.Text)
		refused = append(refused, what)
		// Azure keeps what it could not place, under the name that the next needs.
		left, err := a.settled(ctx)
		if err != nil {
			return none, err
		}
		if left != nil {
			return a.p.complete(ctx, left)
		}
	}
	return none, offering.Exhausted(a.request.NodeID, "instance_types", a.p.now(), refused)
}

// made reads what was created.
func (a *asking) made(ctx context.Context, o offering.Offering, refused []offering.Refusal) (provisioner.Instance, error) {
	found, err := a.p.machine(ctx, a.name)
	if err != nil {
		return provisioner.Instance{}, err
	}
	if found == nil {
		return provisioner.Instance{}, provisioner.Refuse(provisioner.Transient, "launch", o.String(), "Azure does not show the machine yet")
	}
	instance, err := a.p.complete(ctx, found)
	if because := offering.Because(o, refused); err == nil && because != "" {
		instance.Detail = because
		a.p.log.Info("another offering than the first", "node", a.request.NodeName, "offering", because)
	}
	return instance, err
}

// refusal says for how long an offering is left alone after an error; not at
// all if the error is not the offering's. wide: it holds for the whole region.
func refusal(o offering.Offering, err error) (what offering.Refusal, rests time.Duration, wide bool) {
	what = offering.Refusal{Offering: o, Class: cloud.Class(err), Text: cloud.Text(err)}
	switch what.Class {
	case provisioner.Capacity:
		if strings.HasPrefix(what.Text, "NotAvailableForSubscription") {
			return what, offering.NotOfferedRests, false
		}
		return what, offering.CapacityRests, strings.HasPrefix(what.Text, "SubnetIsFull")
	case provisioner.Quota:
		return what, offering.QuotaRests, true
	case provisioner.Throttled, provisioner.Unauthorized, provisioner.InvalidTemplate, provisioner.NotFound, provisioner.Transient, provisioner.Unsupported:
	}
	return what, 0, false
}

// create asks for one offering and waits for a while whether Azure has it.
func (a *asking) create(ctx context.Context, o offering.Offering) error {
	c, err := a.p.client()
	if err != nil {
		return err
	}
	poller, err := c.machines.BeginCreateOrUpdate(ctx, a.p.config.ResourceGroup, a.name, a.machine(o),
		&armcompute.VirtualMachinesClientBeginCreateOrUpdateOptions{IfNoneMatch: to("*")})
	if isStatus(err, http.StatusPreconditionFailed) {
		return nil // made by a call whose answer was lost
	}
	if err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, settles)
	defer cancel()
	err = follow(waiting, poller, a.p.config.Poll)
	if ctx.Err() == nil && provisioner.Interrupted(err) {
		return nil // it is being made
	}
	return err
}
