package armsim

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/compute/armcompute/v7"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/compute/armcompute/v7/fake"
)

// machine is a virtual machine and its life.
type machine struct {
	vm      armcompute.VirtualMachine
	since   time.Time // of what it is doing
	doing   string    // "creating", "starting", "deallocating", "deleting", ""
	power   string
	failure string // code, once it could not be placed
	console strings.Builder
}

func (m *machine) spot() bool {
	return value(m.vm.Properties.Priority) == armcompute.VirtualMachinePriorityTypesSpot
}

func (m *machine) offering() Offering {
	o := Offering{Size: string(value(m.vm.Properties.HardwareProfile.VMSize)), Spot: m.spot()}
	if len(m.vm.Zones) > 0 {
		o.Zone = *m.vm.Zones[0]
	}
	return o
}

func (m *machine) begin(doing string) { m.doing, m.since = doing, time.Now() }

// advance brings everything to the present, with the mutex held.
func (c *Cloud) advance() {
	for name, m := range c.machines {
		if m.doing == "" || time.Since(m.since) < c.options.Step {
			continue
		}
		switch m.doing {
		case "creating", "starting":
			if m.failure == "" {
				m.power = "running"
				m.console.WriteString("[    0.000000] Linux version 6.1\n" + name + " login: ")
			}
		case "deallocating":
			m.power = "deallocated"
		case "deleting":
			c.erase(name, m)
		}
		m.doing = ""
	}
}

// erase is the end of a machine and of what goes with it.
func (c *Cloud) erase(name string, m *machine) {
	delete(c.machines, name)
	if c.strand > 0 {
		c.strand--
		c.abandon(name)
		return
	}
	for _, ref := range m.vm.Properties.NetworkProfile.NetworkInterfaces {
		nic := last(value(ref.ID))
		if k := c.cards[nic]; k != nil {
			delete(c.cards, nic)
			delete(c.addresses, k.public)
		}
	}
	s := m.vm.Properties.StorageProfile
	if value(s.OSDisk.DeleteOption) == armcompute.DiskDeleteOptionTypesDelete {
		delete(c.disks, value(s.OSDisk.Name))
	}
	for _, d := range s.DataDisks {
		if value(d.DeleteOption) == armcompute.DiskDeleteOptionTypesDelete {
			delete(c.disks, value(d.Name))
		}
	}
}

// shown is the document of a machine; view adds its power state.
func (m *machine) shown(view bool) armcompute.VirtualMachine {
	out := m.vm
	properties := *m.vm.Properties
	out.Properties = &properties
	state := map[string]string{"creating": "Creating", "starting": "Updating", "deallocating": "Updating", "deleting": "Deleting", "": "Succeeded"}[m.doing]
	if m.failure != "" && m.doing == "" {
		state = "Failed"
	}
	properties.ProvisioningState = &state
	properties.OSProfile = nil // custom data is never given out
	if !view {
		return out
	}
	statuses := []*armcompute.InstanceViewStatus{}
	if state == "Failed" {
		statuses = append(statuses, &armcompute.InstanceViewStatus{Code: to("ProvisioningState/failed/" + m.failure), Message: to("Allocation failed.")})
	}
	power := m.power
	switch m.doing {
	case "starting", "deallocating":
		power = m.doing
	}
	if power != "" {
		statuses = append(statuses, &armcompute.InstanceViewStatus{Code: to("PowerState/" + power)})
	}
	properties.InstanceView = &armcompute.VirtualMachineInstanceView{Statuses: statuses}
	return out
}

// of returns a machine, with the mutex held.
func (c *Cloud) of(name string) (*machine, *refused) {
	c.advance()
	if m := c.machines[name]; m != nil {
		return m, nil
	}
	return nil, &refused{http.StatusNotFound, "ResourceNotFound"}
}

func (c *Cloud) machineServer() fake.VirtualMachinesServer {
	return fake.VirtualMachinesServer{
		BeginCreateOrUpdate: func(_ context.Context, _, name string, vm armcompute.VirtualMachine, o *armcompute.VirtualMachinesClientBeginCreateOrUpdateOptions) (out azfake.PollerResponder[armcompute.VirtualMachinesClientCreateOrUpdateResponse], no azfake.ErrorResponder) {
			c.mutex.Lock()
			defer c.mutex.Unlock()
			m, r := c.create(name, vm, o != nil && value(o.IfNoneMatch) == "*")
			if r != nil {
				no.SetResponseError(r.status, r.code)
				return out, no
			}
			out.AddNonTerminalResponse(http.StatusCreated, nil)
			out.AddNonTerminalResponse(http.StatusOK, nil)
			if m.failure != "" {
				out.SetTerminalError(http.StatusConflict, m.failure)
			} else {
				out.SetTerminalResponse(http.StatusOK, armcompute.VirtualMachinesClientCreateOrUpdateResponse{VirtualMachine: m.shown(false)}, nil)
			}
			return out, no
		},
		Get: func(_ context.Context, _, name string, o *armcompute.VirtualMachinesClientGetOptions) (out azfake.Responder[armcompute.VirtualMachinesClientGetResponse], no azfake.ErrorResponder) {
			c.mutex.Lock()
			defer c.mutex.Unlock()
			m, r := c.of(name)
			if r == nil {
				r = c.need("Microsoft.Compute/virtualMachines/read")
			}
			if r != nil {
				no.SetResponseError(r.status, r.code)
				return out, no
			}
			out.SetResponse(http.StatusOK, armcompute.VirtualMachinesClientGetResponse{VirtualMachine: m.shown(o != nil && o.Expand != nil)}, nil)
			return out, no
		},
		NewListPager: func(string, *armcompute.VirtualMachinesClientListOptions) (out azfake.PagerResponder[armcompute.VirtualMachinesClientListResponse]) {
			pages, r := c.pages(false)
			for _, page := range pages {
				out.AddPage(http.StatusOK, armcompute.VirtualMachinesClientListResponse{VirtualMachineListResult: armcompute.VirtualMachineListResult{Value: page}}, nil)
			}
			if r != nil {
				out.AddResponseError(r.status, r.code)
			}
			return out
		},
		NewListAllPager: func(o *armcompute.VirtualMachinesClientListAllOptions) (out azfake.PagerResponder[armcompute.VirtualMachinesClientListAllResponse]) {
			pages, r := c.pages(o != nil && value(o.StatusOnly) == "true")
			for _, page := range pages {
				out.AddPage(http.StatusOK, armcompute.VirtualMachinesClientListAllResponse{VirtualMachineListResult: armcompute.VirtualMachineListResult{Value: page}}, nil)
			}
			if r != nil {
				out.AddResponseError(r.status, r.code)
			}
			return out
		},
		// These answer at once that they are over, which they are only later: whoever
		// begins them here does not wait for them.
		BeginDelete: func(_ context.Context, _, name string, _ *armcompute.VirtualMachinesClientBeginDeleteOptions) (out azfake.PollerResponder[armcompute.VirtualMachinesClientDeleteResponse], no azfake.ErrorResponder) {
			if r := c.turn(name, "deleting", "Microsoft.Compute/virtualMachines/delete"); r != nil {
				no.SetResponseError(r.status, r.code)
				return out, no
			}
			out.SetTerminalResponse(http.StatusNoContent, armcompute.VirtualMachinesClientDeleteResponse{}, nil)
			return out, no
		},
		BeginDeallocate: func(_ context.Context, _, name string, _ *armcompute.VirtualMachinesClientBeginDeallocateOptions) (out azfake.PollerResponder[armcompute.VirtualMachinesClientDeallocateResponse], no azfake.ErrorResponder) {
			if r := c.turn(name, "deallocating", "Microsoft.Compute/virtualMachines/deallocate/action"); r != nil {
				no.SetResponseError(r.status, r.code)
				return out, no
			}
			out.SetTerminalResponse(http.StatusOK, armcompute.VirtualMachinesClientDeallocateResponse{}, nil)
			return out, no
		},
		BeginStart: func(_ context.Context, _, name string, _ *armcompute.VirtualMachinesClientBeginStartOptions) (out azfake.PollerResponder[armcompute.VirtualMachinesClientStartResponse], no azfake.ErrorResponder) {
			if r := c.turn(name, "starting", "Microsoft.Compute/virtualMachines/start/action"); r != nil {
				no.SetResponseError(r.status, r.code)
				return out, no
			}
			out.SetTerminalResponse(http.StatusOK, armcompute.VirtualMachinesClientStartResponse{}, nil)
			return out, no
		},
		RetrieveBootDiagnosticsData: func(_ context.Context, _, name string, _ *armcompute.VirtualMachinesClientRetrieveBootDiagnosticsDataOptions) (out azfake.Responder[armcompute.VirtualMachinesClientRetrieveBootDiagnosticsDataResponse], no azfake.ErrorResponder) {
			c.mutex.Lock()
			defer c.mutex.Unlock()
			_, r := c.of(name)
			if r == nil {
				r = c.need("Microsoft.Compute/virtualMachines/retrieveBootDiagnosticsData/action")
			}
			if r != nil {
				no.SetResponseError(r.status, r.code)
				return out, no
			}
			out.SetResponse(http.StatusOK, armcompute.VirtualMachinesClientRetrieveBootDiagnosticsDataResponse{
				RetrieveBootDiagnosticsDataResult: armcompute.RetrieveBootDiagnosticsDataResult{SerialConsoleLogBlobURI: c.serialURL(name)},
			}, nil)
			return out, no
		},
	}
}

func (c *Cloud) serialURL(name string) *string {
	if c.served == "" {
		return nil
	}
	return to(c.served + serialLogs + name + "?sig=secret")
}

// serial serves serial logs.
func (c *Cloud) serialLog(w http.ResponseWriter, r *http.Request) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	m, no := c.of(strings.TrimPrefix(r.URL.Path, serialLogs))
	if no != nil || m.console.Len() == 0 {
		http.NotFound(w, r)
		return
	}
	_, _ = w.Write([]byte(m.console.String())) // a client that is gone needs none
}

// pages of all machines; states has their power state and nothing else.
func (c *Cloud) pages(states bool) ([][]*armcompute.VirtualMachine, *refused) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.advance()
	if r := c.need("Microsoft.Compute/virtualMachines/read"); r != nil {
		return nil, r
	}
	pages := [][]*armcompute.VirtualMachine{nil}
	for _, name := range c.names() {
		vm := c.machines[name].shown(states)
		if states {
			vm = armcompute.VirtualMachine{ID: vm.ID, Name: vm.Name, Location: vm.Location, Properties: &armcompute.VirtualMachineProperties{InstanceView: vm.Properties.InstanceView}}
		}
		at := &pages[len(pages)-1]
		if *at = append(*at, &vm); len(*at) == c.options.Page {
			pages = append(pages, nil) // the last may be empty
		}
	}
	return pages, nil
}

func (c *Cloud) names() []string {
	var names []string
	for name := range c.machines {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// turn begins a change of a machine that exists.
func (c *Cloud) turn(name, doing, action string) *refused {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	m, r := c.of(name)
	if r != nil {
		return r
	}
	if r := c.need(action); r != nil {
		return r
	}
	switch {
	case m.doing == doing || m.doing == "deleting" || doing == "deallocating" && m.power == "deallocated" || doing == "starting" && m.power == "running" && m.doing == "":
		return nil
	case doing == "starting" && m.doing == "deallocating":
		return &refused{http.StatusConflict, "AnotherOperationInProgress"}
	case doing == "starting" && c.exhausted[m.offering()]:
		return &refused{http.StatusConflict, "AllocationFailed"}
	}
	m.begin(doing)
	return nil
}

// create is the PUT of a machine, with the mutex held.
func (c *Cloud) create(name string, vm armcompute.VirtualMachine, ifAbsent bool) (*machine, *refused) {
	c.advance()
	c.creations++
	delete(c.reasons, name)
	p := vm.Properties
	if r := c.need(actionsOf(vm)...); r != nil {
		return nil, r
	}
	if c.machines[name] != nil {
		if ifAbsent {
			return nil, &refused{http.StatusPreconditionFailed, "PreconditionFailed"}
		}
		return nil, &refused{http.StatusConflict, "PropertyChangeNotAllowed"}
	}
	m := &machine{vm: vm}
	o := m.offering()
	cores, known := sizes[o.Size]
	switch image := p.StorageProfile.ImageReference; {
	case value(vm.Location) != Region:
		return nil, &refused{http.StatusBadRequest, "LocationNotAvailableForResourceType"}
	case o.Zone != "" && !slices.Contains([]string{"1", "2", "3"}, o.Zone):
		return nil, &refused{http.StatusBadRequest, "AvailabilityZoneNotSupported"}
	case !known:
		c.reasons[name] = fmt.Sprintf("The value %s provided for the VM size is not valid. Target: vmSize.", o.Size)
		return nil, &refused{http.StatusBadRequest, "InvalidParameter"}
	case o.Size == scarce && o.Zone == "3":
		return nil, &refused{http.StatusConflict, "SkuNotAvailable"}
	case value(image.ID) == "" && value(image.Publisher)+":"+value(image.Offer)+":"+value(image.SKU) != image0:
		return nil, &refused{http.StatusNotFound, "PlatformImageNotFound"}
	case p.OSProfile == nil || p.OSProfile.LinuxConfiguration == nil || len(p.OSProfile.LinuxConfiguration.SSH.PublicKeys) == 0:
		return nil, &refused{http.StatusBadRequest, "InvalidParameter"}
	}
	if data, err := base64.StdEncoding.DecodeString(value(p.OSProfile.CustomData)); err != nil || len(data) > 65535 {
		return nil, &refused{http.StatusBadRequest, "InvalidParameter"}
	}
	kind := "cores"
	if o.Spot {
		kind = "lowPriorityCores"
	}
	if limit, limited := c.quota[kind]; limited && c.cores(o.Spot)+int64(cores) > limit {
		return nil, &refused{http.StatusConflict, "OperationNotAllowed"}
	}
	from := prefixOf(vm)
	if from != "" && c.prefixes[from] == nil {
		return nil, &refused{http.StatusBadRequest, "InvalidResourceReference"}
	}
	full := from != "" && c.next(from) == ""
	if full && c.creations%2 == 0 {
		return nil, &refused{http.StatusBadRequest, outOf}
	}
	if r := c.parts(name, m); r != nil {
		return nil, r
	}
	m.vm.ID, m.vm.Name = to(id("Microsoft.Compute/virtualMachines", name)), &name
	if m.begin("creating"); c.exhausted[o] {
		m.failure = "AllocationFailed"
		if o.Zone != "" {
			m.failure = "ZonalAllocationFailed"
		}
		m.doing = ""
	}
	if full {
		m.failure, m.doing = outOf, ""
	}
	c.machines[name] = m
	return m, nil
}

func actionsOf(vm armcompute.VirtualMachine) []string {
	need := []string{
		"Microsoft.Compute/virtualMachines/write", "Microsoft.Compute/disks/write", "Microsoft.Network/networkInterfaces/write",
		"Microsoft.Network/networkInterfaces/join/action", "Microsoft.Network/virtualNetworks/subnets/join/action",
	}
	for _, n := range vm.Properties.NetworkProfile.NetworkInterfaceConfigurations {
		if n.Properties.NetworkSecurityGroup != nil {
			need = append(need, "Microsoft.Network/networkSecurityGroups/join/action")
		}
		for _, a := range n.Properties.IPConfigurations {
			if a.Properties.PublicIPAddressConfiguration != nil {
				if public := a.Properties.PublicIPAddressConfiguration.Properties; public != nil && public.PublicIPPrefix != nil {
					need = append(need, "Microsoft.Network/publicIPPrefixes/join/action")
				}
				need = append(need, "Microsoft.Network/publicIPAddresses/write", "Microsoft.Network/publicIPAddresses/join/action")
			}
		}
	}
	if vm.Identity != nil {
		need = append(need, "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action")
	}
	return need
}

// cores in use; what is deallocated or failed holds none.
func (c *Cloud) cores(spot bool) int64 {
	var n int64
	for _, m := range c.machines {
		if m.spot() == spot && m.power != "deallocated" && m.failure == "" {
			n += int64(sizes[m.offering().Size])
		}
	}
	return n
}

// parts makes interface, address and disks.
func (c *Cloud) parts(name string, m *machine) *refused {
	p := m.vm.Properties
	for _, n := range p.NetworkProfile.NetworkInterfaceConfigurations {
		for _, a := range n.Properties.IPConfigurations {
			if !strings.HasSuffix(value(a.Properties.Subnet.ID), "/virtualNetworks/network/subnets/nodes") {
				return &refused{http.StatusBadRequest, "SubnetNotFound"}
			}
		}
	}
	c.serial++
	for _, n := range p.NetworkProfile.NetworkInterfaceConfigurations {
		// Azure adds to the name that it was given.
		k := &card{name: value(n.Name) + "-" + strconv.Itoa(c.serial), tags: n.Tags, machine: name, private: fmt.Sprintf("10.0.%d.%d", c.serial>>8&255, c.serial&255)}
		c.cards[k.name] = k
		for _, a := range n.Properties.IPConfigurations {
			if public := a.Properties.PublicIPAddressConfiguration; public != nil {
				at, from := fmt.Sprintf("203.0.%d.%d", c.serial>>8&255, c.serial&255), prefixOf(m.vm)
				if from != "" {
					if at = c.next(from); at == "" {
						continue // the creation fails
					}
				}
				k.public = value(public.Name) + "-" + strconv.Itoa(c.serial)
				c.addresses[k.public] = &card{name: k.public, tags: public.Tags, machine: name, private: at, prefix: from}
			}
		}
		p.NetworkProfile.NetworkInterfaces = append(p.NetworkProfile.NetworkInterfaces, &armcompute.NetworkInterfaceReference{ID: to(id("Microsoft.Network/networkInterfaces", k.name))})
	}
	p.NetworkProfile.NetworkInterfaceConfigurations = nil
	c.disks[value(p.StorageProfile.OSDisk.Name)] = &disk{machine: name, made: time.Now()}
	for _, d := range p.StorageProfile.DataDisks {
		c.disks[value(d.Name)] = &disk{machine: name, made: time.Now()}
	}
	return nil
}

// Halt is a guest that shuts itself down: it is stopped, and still costs.
func (c *Cloud) Halt(name string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if m := c.machines[name]; m != nil {
		m.power = "stopped"
	}
}

// Evict takes spot back, by its policy.
func (c *Cloud) Evict(name string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	m := c.machines[name]
	if m == nil || !m.spot() {
		return
	}
	if value(m.vm.Properties.EvictionPolicy) == armcompute.VirtualMachineEvictionPolicyTypesDelete {
		m.begin("deleting")
		return
	}
	m.begin("deallocating")
}
