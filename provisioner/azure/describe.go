package azure

import (
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/compute/armcompute/v7"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/network/armnetwork/v7"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/azure/template"
)

func interfaceNames(m *armcompute.VirtualMachine) []string {
	var names []string
	if m.Properties != nil && m.Properties.NetworkProfile != nil {
		for _, i := range m.Properties.NetworkProfile.NetworkInterfaces {
			names = append(names, last(value(i.ID)))
		}
	}
	return names
}

// addresses adds those of an interface; public ones are in it, or in the list.
func addresses(seen *provisioner.Instance, i *armnetwork.Interface, public map[string]*armnetwork.PublicIPAddress) {
	if i == nil || i.Properties == nil {
		return
	}
	for _, c := range i.Properties.IPConfigurations {
		if c.Properties == nil {
			continue
		}
		if a := value(c.Properties.PrivateIPAddress); a != "" {
			seen.PrivateAddresses = append(seen.PrivateAddresses, a)
		}
		at := c.Properties.PublicIPAddress
		if at != nil && at.Properties == nil {
			at = public[strings.ToLower(value(at.ID))]
		}
		if at != nil && at.Properties != nil && value(at.Properties.IPAddress) != "" {
			seen.PublicAddresses = append(seen.PublicAddresses, value(at.Properties.IPAddress))
		}
	}
}

// describe turns Azure's view into the contract's. A list has the power state in
// a second document.
func describe(m, states *armcompute.VirtualMachine) provisioner.Instance {
	tags := flat(m.Tags)
	out := provisioner.Instance{
		ID: value(m.Name), ClientToken: tags[tagToken], NodeID: tags[tagNode], Owner: ownerOf(m.Tags),
		Zone: zoneName(value(m.Location), m.Zones), Tags: map[string]string{},
	}
	for key, text := range tags {
		if !strings.HasPrefix(key, template.TagPrefix) {
			out.Tags[key] = text
		}
	}
	out.LaunchedAt, _ = time.Parse(time.RFC3339Nano, tags[tagMade]) // zero if somebody took the tag away
	if m.Properties == nil {
		out.State = provisioner.Pending
		return out
	}
	if m.Properties.HardwareProfile != nil {
		out.Type = string(value(m.Properties.HardwareProfile.VMSize))
	}
	out.Spot = value(m.Properties.Priority) == armcompute.VirtualMachinePriorityTypesSpot
	view := m.Properties.InstanceView
	if view == nil && states != nil && states.Properties != nil {
		view = states.Properties.InstanceView
	}
	out.State, out.Detail = stateOf(value(m.Properties.ProvisioningState), view)
	out.Notice = noticeOf(view, out)
	return out
}

// stateOf maps the states of https://learn.microsoft.com/azure/virtual-machines/states-billing.
func stateOf(provisioning string, view *armcompute.VirtualMachineInstanceView) (provisioner.InstanceState, string) {
	power, detail := "", ""
	if view != nil {
		for _, s := range view.Statuses {
			code := value(s.Code)
			if at, ok := strings.CutPrefix(code, "PowerState/"); ok {
				power = at
			}
			if strings.HasPrefix(code, "ProvisioningState/failed") {
				detail = strings.TrimPrefix(code, "ProvisioningState/failed/") + ": " + value(s.Message)
			}
		}
	}
	if provisioning == "Deleting" {
		return provisioner.Terminating, detail
	}
	switch power {
	case "running":
		return provisioner.Running, detail
	case "stopping", "deallocating":
		return provisioner.Stopping, detail
	case "stopped", "deallocated":
		return provisioner.Stopped, detail
	}
	if provisioning == "Failed" {
		return provisioner.Stopped, detail
	}
	return provisioner.Pending, detail
}

// noticeOf tells of maintenance that Azure has planned and lets its owner begin.
func noticeOf(view *armcompute.VirtualMachineInstanceView, seen provisioner.Instance) *provisioner.Notice {
	if seen.Spot && seen.State == provisioner.Stopping {
		return &provisioner.Notice{Kind: provisioner.Reclaimed, Text: "a spot machine that is stopping"}
	}
	if view == nil || view.MaintenanceRedeployStatus == nil {
		return nil
	}
	m := view.MaintenanceRedeployStatus
	return &provisioner.Notice{Kind: provisioner.Maintenance, At: value(m.MaintenanceWindowStartTime).UTC(), Text: value(m.LastOperationMessage)}
}

// zoneName is the contract's name of a place: Azure's zones are numbers.
func zoneName(region string, zones []*string) string {
	if len(zones) == 0 {
		return region
	}
	return region + "-" + value(zones[0])
}
