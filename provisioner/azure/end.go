package azure

import (
	"context"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/compute/armcompute/v7"

	"github.com/godwit/godwit/provisioner"
)

// Terminate implements provisioner.Provider. It does not wait for the machines
// to end.
func (p *Provider) Terminate(ctx context.Context, ids []string) []provisioner.Result {
	return provisioner.Each(ids, atOnce, func(id string) error {
		if !machineName.MatchString(id) {
			return nil // never one of ours, so it is gone
		}
		if err := p.remove(ctx, id); !missing(err) {
			return cloud.Failure("terminate", id, err)
		}
		return nil
	})
}

// remove begins the end of a machine. Forced: what serves on it was drained, and
// a guest that does not listen must not hold it.
func (p *Provider) remove(ctx context.Context, name string) error {
	c, err := p.client()
	if err != nil {
		return err
	}
	_, err = c.machines.BeginDelete(ctx, p.config.ResourceGroup, name, &armcompute.VirtualMachinesClientBeginDeleteOptions{ForceDeletion: to(true)})
	return err
}

// Stop implements provisioner.Provider: machines are deallocated. Disks and
// addresses stay, and cost; processors do not. Spot differs from others by its
// evictions alone (https://learn.microsoft.com/azure/virtual-machines/spot-vms), to
// which its eviction policy applies: it can be deallocated, and started while there
// is room.
func (p *Provider) Stop(ctx context.Context, ids []string) []provisioner.Result {
	return provisioner.Each(ids, atOnce, func(id string) error {
		if !machineName.MatchString(id) {
			return provisioner.Unknown("stop", id)
		}
		c, err := p.client()
		if err != nil {
			return err
		}
		_, err = c.machines.BeginDeallocate(ctx, p.config.ResourceGroup, id, nil)
		return cloud.Failure("stop", id, err)
	})
}

// Start implements provisioner.Provider. It waits for a while whether there is
// room: a region may be out of what was deallocated there.
func (p *Provider) Start(ctx context.Context, ids []string) []provisioner.Result {
	return provisioner.Each(ids, atOnce, func(id string) error {
		if !machineName.MatchString(id) {
			return provisioner.Unknown("start", id)
		}
		c, err := p.client()
		if err != nil {
			return err
		}
		poller, err := c.machines.BeginStart(ctx, p.config.ResourceGroup, id, nil)
		if err != nil {
			return cloud.Failure("start", id, err)
		}
		waiting, cancel := context.WithTimeout(ctx, settles)
		defer cancel()
		if err := follow(waiting, poller, p.config.Poll); err != nil && (ctx.Err() != nil || !provisioner.Interrupted(err)) {
			return cloud.Failure("start", id, err)
		}
		return nil
	})
}

// Collect implements provisioner.Collector: interfaces, then addresses, by their
// tags, and disks by the name that only this installation gives, which belong to
// no machine.
func (p *Provider) Collect(ctx context.Context, owner provisioner.Owner, age time.Duration) ([]string, error) {
	c, err := p.client()
	if err != nil {
		return nil, err
	}
	interfaces, addresses, err := p.network(ctx)
	if err != nil {
		return nil, cloud.Failure("collect", "", err)
	}
	var ended []string
	end := func(kind, name string, begin func() error) error {
		if err := begin(); err != nil && !missing(err) {
			return cloud.Failure("collect", kind+" "+name, err)
		}
		ended = append(ended, kind+" "+name)
		return nil
	}
	for name, i := range interfaces {
		if i.Properties == nil || i.Properties.VirtualMachine != nil || !p.orphan(owner, i.Tags, age) {
			continue
		}
		if err := end("interface", name, func() error {
			_, err := c.interfaces.BeginDelete(ctx, p.config.ResourceGroup, name, nil)
			return err
		}); err != nil {
			return ended, err
		}
	}
	for _, a := range addresses {
		if a.Properties == nil || a.Properties.IPConfiguration != nil || !p.orphan(owner, a.Tags, age) {
			continue
		}
		if err := end("address", value(a.Name), func() error {
			_, err := c.addresses.BeginDelete(ctx, p.config.ResourceGroup, value(a.Name), nil)
			return err
		}); err != nil {
			return ended, err
		}
	}
	if owner.Cluster != "" {
		return ended, nil // a disk does not say its cluster
	}
	disks, err := all(ctx, c.disks.NewListByResourceGroupPager(p.config.ResourceGroup, nil),
		func(page armcompute.DisksClientListByResourceGroupResponse) []*armcompute.Disk { return page.Value })
	if err != nil {
		return ended, cloud.Failure("collect", "", err)
	}
	for _, d := range disks {
		name := value(d.Name)
		if value(d.ManagedBy) != "" || d.Properties == nil || p.now().Sub(value(d.Properties.TimeCreated)) < age ||
			!strings.HasPrefix(name, namePrefix(owner.Installation)) {
			continue
		}
		if err := end("disk", name, func() error {
			_, err := c.disks.BeginDelete(ctx, p.config.ResourceGroup, name, nil)
			return err
		}); err != nil {
			return ended, err
		}
	}
	return ended, nil
}

// orphan says that a part with these tags is the owner's and old enough.
func (p *Provider) orphan(owner provisioner.Owner, tags map[string]*string, age time.Duration) bool {
	made, err := time.Parse(time.RFC3339Nano, value(tags[tagMade]))
	return err == nil && ours(tags) && owner.Owns(ownerOf(tags)) && p.now().Sub(made) >= age
}
