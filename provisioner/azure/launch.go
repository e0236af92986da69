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
	"github.com/godwit/godwit/provisioner/address"
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
	data, err := cloudinit.UserData(cloudinit.Azure, request, spec.Spec)
	if err != nil {
		return none, err
	}
	_, leave, err := p.launches.Enter(ctx, p.now(), request)
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

// asking is one call of Launch.
type asking struct {
	p       *Provider
	request provisioner.LaunchRequest
	spec    template.Spec
	name    string
	data    []byte
}

func (a *asking) ask(ctx context.Context) (provisioner.Instance, error) {
	// Azure keeps what it could not place, under the name that the next needs.
	if found, err := a.known(ctx); err != nil || found.ID != "" {
		return found, err
	}
	if err := a.pool(ctx); err != nil {
		return provisioner.Instance{}, err
	}
	var zones []string
	for _, zone := range a.spec.Zones {
		zones = append(zones, a.spec.Region+"-"+zone)
	}
	return a.p.market.First(ctx, offering.Search{
		Request: a.request, Region: a.spec.Region, Wanted: a.spec.Among(zones), Most: mostAsked, Ask: a.one, Tidy: a.known, Judge: judge, Cloud: cloud, Now: a.p.now, Log: a.p.log,
	})
}

// known is what an earlier call made, if it lives; else it has no id.
func (a *asking) known(ctx context.Context) (provisioner.Instance, error) {
	found, err := a.settled(ctx)
	if err != nil || found == nil {
		return provisioner.Instance{}, err
	}
	return a.p.complete(ctx, found)
}

// settled is the machine that an earlier call made, if it lives; one that Azure
// could not place is deleted.
func (a *asking) settled(ctx context.Context) (*armcompute.VirtualMachine, error) {
	for {
		found, err := a.p.machine(ctx, a.name)
		if err != nil || found == nil {
			return nil, err
		}
		if err := a.foreign(found); err != nil {
			return nil, err
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

// foreign refuses a machine that has the launch's name by chance or by malice.
func (a *asking) foreign(found *armcompute.VirtualMachine) error {
	if value(found.Tags[tagToken]) == a.request.ClientToken && ownerOf(found.Tags) == a.request.Owner {
		return nil
	}
	return provisioner.Refuse(provisioner.InvalidTemplate, "launch", a.name, "somebody else has a machine of this name: delete it, or rename it")
}

// one asks for an offering and reads what was made.
func (a *asking) one(ctx context.Context, o offering.Offering) (provisioner.Instance, error) {
	if err := a.create(ctx, o); a.drained(err) {
		// What Azure keeps of it would be in the next launch's way.
		if found, err := a.known(ctx); err != nil || found.ID != "" {
			return found, err
		}
		return provisioner.Instance{}, a.exhausted()
	} else if err != nil {
		return provisioner.Instance{}, cloud.Templated(err)
	}
	found, err := a.p.machine(ctx, a.name)
	switch {
	case err != nil:
		return provisioner.Instance{}, err
	case found == nil:
		return provisioner.Instance{}, provisioner.Refuse(provisioner.Transient, "launch", o.String(), "Azure does not show the machine yet")
	}
	if err := a.foreign(found); err != nil { // made between the look before and the request
		return provisioner.Instance{}, err
	}
	return a.p.complete(ctx, found)
}

// judge: what a subscription may not have it will not have today, and a subnet
// without free addresses is so in all zones.
func judge(err error) offering.Verdict {
	v, text := offering.Judge(cloud.Class(err)), cloud.Text(err)
	switch {
	case v.Class != provisioner.Capacity:
	case errors.Is(err, address.ErrExhausted):
		v.Rests = 0 // no other offering has an address
	case strings.HasPrefix(text, "NotAvailableForSubscription"):
		v.Rests = offering.NotOfferedRests
	case strings.HasPrefix(text, "SubnetIsFull"):
		v.Wide = true
	}
	return v
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
