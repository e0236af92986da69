package azure

import (
	"encoding/base64"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/compute/armcompute/v7"

	"github.com/godwit/godwit/provisioner/offering"
)

// administrator is who may sign in with the template's key.
const administrator = "godwit-admin"

// machine is what is asked for: the machine with all that belongs to it.
func (a *asking) machine(o offering.Offering) armcompute.VirtualMachine {
	s := a.spec
	m := armcompute.VirtualMachine{
		Location: &s.Region, Tags: tagsFor(a.request, s, a.p.now()),
		Properties: &armcompute.VirtualMachineProperties{
			HardwareProfile: &armcompute.HardwareProfile{VMSize: to(armcompute.VirtualMachineSizeTypes(o.Type))},
			Priority:        to(armcompute.VirtualMachinePriorityTypesRegular),
			StorageProfile:  a.storage(),
			OSProfile: &armcompute.OSProfile{
				ComputerName: &a.name, AdminUsername: to(administrator), CustomData: to(base64.StdEncoding.EncodeToString(a.data)),
				LinuxConfiguration: &armcompute.LinuxConfiguration{
					DisablePasswordAuthentication: to(true),
					SSH: &armcompute.SSHConfiguration{PublicKeys: []*armcompute.SSHPublicKey{{
						Path: to("/home/" + administrator + "/.ssh/authorized_keys"), KeyData: &s.SSHPublicKey,
					}}},
				},
			},
			NetworkProfile: a.network(),
			// Without an account of its own for storage: Azure keeps the serial log.
			DiagnosticsProfile: &armcompute.DiagnosticsProfile{BootDiagnostics: &armcompute.BootDiagnostics{Enabled: to(true)}},
		},
	}
	if zone, numbered := strings.CutPrefix(o.Zone, s.Region+"-"); numbered {
		m.Zones = []*string{&zone}
	}
	if o.Spot {
		m.Properties.Priority = to(armcompute.VirtualMachinePriorityTypesSpot)
		// Nothing is left to pay for of what Azure takes back; no price but that of on
		// demand is a reason to.
		m.Properties.EvictionPolicy = to(armcompute.VirtualMachineEvictionPolicyTypesDelete)
		m.Properties.BillingProfile = &armcompute.BillingProfile{MaxPrice: to(-1.0)}
	}
	if s.Identity != "" {
		m.Identity = &armcompute.VirtualMachineIdentity{
			Type:                   to(armcompute.ResourceIdentityTypeUserAssigned),
			UserAssignedIdentities: map[string]*armcompute.UserAssignedIdentitiesValue{s.Identity: {}},
		}
	}
	return m
}

// storage: both disks end with the machine.
func (a *asking) storage() *armcompute.StorageProfile {
	s := a.spec
	disk := func() *armcompute.ManagedDiskParameters {
		return &armcompute.ManagedDiskParameters{StorageAccountType: to(armcompute.StorageAccountTypes(s.VolumeType))}
	}
	profile := &armcompute.StorageProfile{
		ImageReference: imageOf(s.Image),
		OSDisk: &armcompute.OSDisk{
			Name: to(a.name + "-root"), CreateOption: to(armcompute.DiskCreateOptionTypesFromImage),
			DeleteOption: to(armcompute.DiskDeleteOptionTypesDelete), ManagedDisk: disk(),
		},
	}
	if s.RootGB > 0 {
		profile.OSDisk.DiskSizeGB = to(int32(s.RootGB)) //nolint:gosec // at most 4095
	}
	if s.SwapVolumeGB > 0 {
		profile.DataDisks = []*armcompute.DataDisk{{
			Name: to(a.name + "-swap"), Lun: to(int32(0)), CreateOption: to(armcompute.DiskCreateOptionTypesEmpty),
			DeleteOption: to(armcompute.DiskDeleteOptionTypesDelete), DiskSizeGB: to(int32(s.SwapVolumeGB)), ManagedDisk: disk(), //nolint:gosec // at most 16384
		}}
	}
	return profile
}

func imageOf(image string) *armcompute.ImageReference {
	if strings.HasPrefix(image, "/") {
		return &armcompute.ImageReference{ID: &image}
	}
	part := strings.SplitN(image, ":", 4)
	return &armcompute.ImageReference{Publisher: &part[0], Offer: &part[1], SKU: &part[2], Version: &part[3]}
}

// networkVersion of the API by which Azure makes the interface.
const networkVersion = "2022-11-01"

// network: interface and address end with the machine, and carry its tags.
func (a *asking) network() *armcompute.NetworkProfile {
	s, tags := a.spec, tagsFor(a.request, a.spec, a.p.now())
	address := &armcompute.VirtualMachineNetworkInterfaceIPConfiguration{
		Name: to("nodes"),
		Properties: &armcompute.VirtualMachineNetworkInterfaceIPConfigurationProperties{
			Primary: to(true), Subnet: &armcompute.SubResource{ID: to(s.SubnetID(a.p.group()))},
		},
	}
	if s.PublicAddress || s.AddressPool != "" {
		address.Properties.PublicIPAddressConfiguration = &armcompute.VirtualMachinePublicIPAddressConfiguration{
			Name: to(a.name + "-public"), Tags: tags,
			SKU: &armcompute.PublicIPAddressSKU{Name: to(armcompute.PublicIPAddressSKUNameStandard)},
			Properties: &armcompute.VirtualMachinePublicIPAddressConfigurationProperties{
				DeleteOption: to(armcompute.DeleteOptionsDelete), PublicIPAllocationMethod: to(armcompute.PublicIPAllocationMethodStatic),
			},
		}
	}
	if s.AddressPool != "" {
		address.Properties.PublicIPAddressConfiguration.Properties.PublicIPPrefix = &armcompute.SubResource{
			ID: to(a.p.group() + "/providers/Microsoft.Network/publicIPPrefixes/" + s.AddressPool),
		}
	}
	card := &armcompute.VirtualMachineNetworkInterfaceConfiguration{
		Name: to(a.name + "-nic"), Tags: tags,
		Properties: &armcompute.VirtualMachineNetworkInterfaceConfigurationProperties{
			Primary: to(true), DeleteOption: to(armcompute.DeleteOptionsDelete),
			IPConfigurations: []*armcompute.VirtualMachineNetworkInterfaceIPConfiguration{address},
		},
	}
	if group := s.SecurityGroupID(a.p.group()); group != "" {
		card.Properties.NetworkSecurityGroup = &armcompute.SubResource{ID: &group}
	}
	return &armcompute.NetworkProfile{
		NetworkAPIVersion:              to(armcompute.NetworkAPIVersion(networkVersion)),
		NetworkInterfaceConfigurations: []*armcompute.VirtualMachineNetworkInterfaceConfiguration{card},
	}
}
