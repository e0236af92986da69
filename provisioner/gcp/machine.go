package gcp

import (
	"fmt"

	"cloud.google.com/go/compute/apiv1/computepb"

	"github.com/godwit/godwit/provisioner/offering"
)

// machine is the instance that is asked for.
func (a *asking) machine(o offering.Offering) *computepb.Instance {
	s := a.spec
	in := &computepb.Instance{
		Name:        &a.name,
		Description: text("Godwit node " + a.request.NodeName),
		MachineType: text(fmt.Sprintf("zones/%s/machineTypes/%s", o.Zone, o.Type)),
		Labels:      instanceLabels(a.request, s),
		Disks:       a.disks(o.Zone),
		Metadata: &computepb.Metadata{Items: []*computepb.Items{
			{Key: text("user-data"), Value: text(string(a.data))},
			// Who may sign in is for the image and the first-boot script to say.
			{Key: text("block-project-ssh-keys"), Value: text("true")},
			{Key: text("serial-port-enable"), Value: text("false")},
		}},
		NetworkInterfaces:  []*computepb.NetworkInterface{{Subnetwork: text(s.SubnetURL())}},
		Scheduling:         scheduling(o.Spot),
		DeletionProtection: yes(false),
	}
	if s.PublicAddress || a.address != nil {
		way := &computepb.AccessConfig{Name: text("External NAT"), Type: text(computepb.AccessConfig_ONE_TO_ONE_NAT.String())}
		if a.address != nil {
			way.NatIP, way.NetworkTier = a.address.Address, a.address.NetworkTier
		}
		in.NetworkInterfaces[0].AccessConfigs = []*computepb.AccessConfig{way}
	}
	if len(s.NetworkTags) > 0 {
		in.Tags = &computepb.Tags{Items: s.NetworkTags}
	}
	if s.ServiceAccount != "" {
		// Its roles say what it may do; scopes would only say it a second time.
		in.ServiceAccounts = []*computepb.ServiceAccount{{
			Email: text(s.ServiceAccount), Scopes: []string{"https://www.googleapis.com/auth/cloud-platform"},
		}}
	}
	return in
}

// disks are the root's and swap's. Both end with their instance.
func (a *asking) disks(zone string) []*computepb.AttachedDisk {
	s, kind := a.spec, fmt.Sprintf("zones/%s/diskTypes/%s", zone, a.spec.VolumeType)
	disk := func(name string, gb int) *computepb.AttachedDisk {
		d := &computepb.AttachedDisk{
			AutoDelete: yes(true), Type: text(computepb.AttachedDisk_PERSISTENT.String()), DeviceName: text(name),
			InitializeParams: &computepb.AttachedDiskInitializeParams{DiskType: &kind, Labels: ownerLabels(a.request.Owner, a.request.NodeID)},
		}
		if gb > 0 {
			size := int64(gb)
			d.InitializeParams.DiskSizeGb = &size
		}
		return d
	}
	root := disk("root", s.RootGB)
	root.Boot, root.InitializeParams.SourceImage = yes(true), text(s.ImageURL(a.p.project))
	list := []*computepb.AttachedDisk{root}
	if s.SwapVolumeGB > 0 {
		list = append(list, disk("swap", s.SwapVolumeGB))
	}
	return list
}

// scheduling: what spot takes back is deleted, so that nothing of it is left to
// pay for; on demand moves to another host for maintenance.
func scheduling(spot bool) *computepb.Scheduling {
	if spot {
		return &computepb.Scheduling{
			ProvisioningModel:         text(computepb.Scheduling_SPOT.String()),
			InstanceTerminationAction: text(computepb.Scheduling_DELETE.String()),
			OnHostMaintenance:         text(computepb.Scheduling_TERMINATE.String()),
			AutomaticRestart:          yes(false),
		}
	}
	return &computepb.Scheduling{
		ProvisioningModel: text(computepb.Scheduling_STANDARD.String()),
		OnHostMaintenance: text(computepb.Scheduling_MIGRATE.String()),
		AutomaticRestart:  yes(true),
	}
}

func text(s string) *string { return &s }
func yes(b bool) *bool      { return &b }
