package gcp

import (
	"context"
	"fmt"
	"strings"
	"time"

	compute "cloud.google.com/go/compute/apiv1"
	"cloud.google.com/go/compute/apiv1/computepb"

	"github.com/godwit/godwit/provisioner"
)

// Terminate implements provisioner.Provider. It does not wait for the machines
// to end.
func (p *Provider) Terminate(ctx context.Context, ids []string) []provisioner.Result {
	return provisioner.Each(ids, atOnce, func(id string) error {
		zone, name, ok := parseID(id)
		if !ok {
			return nil // never one of ours, so it is gone
		}
		_, err := change(ctx, p, func(ctx context.Context, c *clients) (*compute.Operation, error) {
			return c.instances.Delete(ctx, &computepb.DeleteInstanceRequest{Project: p.project, Zone: zone, Instance: name})
		})
		if missing(err) {
			return nil
		}
		return cloud.Failure("terminate", id, err)
	})
}

// Stop implements provisioner.Provider. Disks stay, and cost; processors do not.
// Spot too can be stopped, and started while there is room
// (https://cloud.google.com/compute/docs/instances/create-use-spot#start): what its
// termination action says is about preemption alone.
func (p *Provider) Stop(ctx context.Context, ids []string) []provisioner.Result {
	return provisioner.Each(ids, atOnce, func(id string) error {
		zone, name, ok := parseID(id)
		if !ok {
			return provisioner.Unknown("stop", id)
		}
		_, err := change(ctx, p, func(ctx context.Context, c *clients) (*compute.Operation, error) {
			return c.instances.Stop(ctx, &computepb.StopInstanceRequest{Project: p.project, Zone: zone, Instance: name})
		})
		return cloud.Failure("stop", id, err)
	})
}

// Start implements provisioner.Provider. It waits until it is known whether
// there is room: a zone may be out of what was stopped there.
func (p *Provider) Start(ctx context.Context, ids []string) []provisioner.Result {
	return provisioner.Each(ids, atOnce, func(id string) error {
		zone, name, ok := parseID(id)
		if !ok {
			return provisioner.Unknown("start", id)
		}
		op, err := change(ctx, p, func(ctx context.Context, c *clients) (*compute.Operation, error) {
			return c.instances.Start(ctx, &computepb.StartInstanceRequest{Project: p.project, Zone: zone, Instance: name})
		})
		if err != nil {
			return cloud.Failure("start", id, err)
		}
		waiting, cancel := context.WithTimeout(ctx, settles)
		defer cancel()
		if err := p.await(waiting, zone, op.Name()); err != nil && (ctx.Err() != nil || !provisioner.Interrupted(err)) {
			return cloud.Failure("start", id, err)
		}
		return nil
	})
}

// Collect implements provisioner.Collector: disks with the owner's label that
// belong to no instance, as a deletion that failed half-way leaves them.
func (p *Provider) Collect(ctx context.Context, owner provisioner.Owner, age time.Duration) ([]string, error) {
	disks, err := p.ownDisks(ctx, owner)
	if err != nil {
		return nil, cloud.Failure("collect", "", err)
	}
	var ended []string
	for _, d := range disks {
		made, err := time.Parse(time.RFC3339, d.GetCreationTimestamp())
		if err != nil || p.now().Sub(made) < age || len(d.GetUsers()) > 0 || !owner.Owns(ownerOf(d.GetLabels())) || !strings.HasPrefix(d.GetName(), labelPrefix) {
			continue
		}
		zone := last(d.GetZone())
		_, err = change(ctx, p, func(ctx context.Context, c *clients) (*compute.Operation, error) {
			return c.disks.Delete(ctx, &computepb.DeleteDiskRequest{Project: p.project, Zone: zone, Disk: d.GetName()})
		})
		if err != nil && !missing(err) {
			return ended, cloud.Failure("collect", zone+"/"+d.GetName(), err)
		}
		ended = append(ended, fmt.Sprintf("disk %s/%s", zone, d.GetName()))
	}
	return ended, nil
}
