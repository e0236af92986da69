package azure

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/compute/armcompute/v7"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/network/armnetwork/v7"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/azure/template"
	"github.com/godwit/godwit/provisioner/offering"
)

// Name is what templates call this provider.
const Name = template.Provider

// Config is what a Provider needs.
type Config struct {
	// Subscription and ResourceGroup in which nodes run. A group that is taken away
	// while nodes run there strands them.
	Subscription, ResourceGroup string
	// Cloud is which of Azure's clouds: "public", the same as empty, "government",
	// "china", or the https address of the Resource Manager of a private one. There
	// tokens are had from AZURE_AUTHORITY_HOST, for that address, and nobody else is
	// asked whether to trust it.
	Cloud string
	// Credential replaces the SDK's default chain (environment, workload and managed
	// identity, the Azure command line); nil: that chain.
	Credential azcore.TokenCredential
	// Compute and Network replace the connections to Azure; for tests.
	Compute, Network policy.Transporter
	// Pause after the first failure of a call, doubled with each more; the SDK's own
	// if zero.
	Pause time.Duration
	// Budget scales the calls that the provider allows itself; 1 if zero.
	Budget float64
	// Poll is how often an operation is looked at; 2 s if zero.
	Poll time.Duration
	// Now is the clock; time.Now if nil.
	Now func() time.Time
	// Log receives what nobody waits for; slog's default if nil.
	Log *slog.Logger
}

// Provider launches on Azure. Make it with New; it is safe for concurrent use.
type Provider struct {
	config Config
	now    func() time.Time
	log    *slog.Logger
	http   *http.Client // for serial logs

	mutex sync.Mutex // of what follows
	made  *clients

	launches offering.Launches[struct{}]
	market   offering.Market
}

var (
	_ provisioner.Provider  = (*Provider)(nil)
	_ provisioner.Effects   = (*Provider)(nil)
	_ provisioner.Collector = (*Provider)(nil)
)

const (
	// listLag is how long a new machine may be missing in lists: Azure's caches are
	// eventually consistent, without a figure.
	listLag = 30 * time.Second
	// atOnce bounds the calls that one Terminate, Stop or Start makes together.
	atOnce      = 10
	defaultPoll = 2 * time.Second
)

var (
	subscriptionID = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	groupName      = regexp.MustCompile(`^[\w().-]{0,89}[\w()-]$`)
	machineName    = regexp.MustCompile(`^godwit-[0-9a-f]{8}-[0-9a-f]{24}$`)
)

// New prepares the provider. It makes no call and looks for no credentials yet:
// those that do not work show in Validate.
func New(c Config) (*Provider, error) {
	if !subscriptionID.MatchString(c.Subscription) {
		return nil, fmt.Errorf("azure provider: %q is not the id of a subscription", c.Subscription)
	}
	if !groupName.MatchString(c.ResourceGroup) {
		return nil, fmt.Errorf("azure provider: %q is not the name of a resource group", c.ResourceGroup)
	}
	if _, err := cloudOf(c.Cloud); err != nil {
		return nil, fmt.Errorf("azure provider: %w", err)
	}
	if c.Budget <= 0 {
		c.Budget = 1
	}
	if c.Poll <= 0 {
		c.Poll = defaultPoll
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return &Provider{config: c, now: c.Now, log: c.Log, http: &http.Client{Timeout: callTakes}}, nil
}

// Close gives the provider's idle connections back. Nodes go on.
func (p *Provider) Close() { p.http.CloseIdleConnections() }

// client makes the clients when they are first wanted, and again until that
// works: credentials that are missing keep nodes from being launched here, not
// the manager from starting.
func (p *Provider) client() (*clients, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.made == nil {
		made, err := open(p.config)
		if err != nil {
			return nil, &provisioner.Error{Class: provisioner.Unauthorized, Op: "credentials", Err: err}
		}
		p.made = made
	}
	return p.made, nil
}

// group is the id of the nodes' resource group.
func (p *Provider) group() string {
	return "/subscriptions/" + p.config.Subscription + "/resourceGroups/" + p.config.ResourceGroup
}

// Capabilities implements provisioner.Provider.
func (p *Provider) Capabilities() provisioner.Capabilities {
	return provisioner.Capabilities{Provider: Name, StopStart: true, StopSpot: true, Spot: true, ListLag: listLag}
}

// Effect implements provisioner.Effects.
func (p *Provider) Effect(field string) provisioner.Effect { return template.Effect(field) }

// Get implements provisioner.Provider.
func (p *Provider) Get(ctx context.Context, id string) (provisioner.Instance, error) {
	none := provisioner.Instance{}
	found, err := p.machine(ctx, id)
	switch {
	case err != nil:
		return none, cloud.Failure("get", id, err)
	case found == nil || !ours(found.Tags):
		return none, provisioner.Unknown("get", id)
	}
	return p.complete(ctx, found)
}

// machine reads one with its power state; nil without an error: there is none.
func (p *Provider) machine(ctx context.Context, name string) (*armcompute.VirtualMachine, error) {
	if !machineName.MatchString(name) {
		return nil, nil //nolint:nilnil // absence is an answer
	}
	c, err := p.client()
	if err != nil {
		return nil, err
	}
	answer, err := c.machines.Get(ctx, p.config.ResourceGroup, name, &armcompute.VirtualMachinesClientGetOptions{Expand: to(armcompute.InstanceViewTypesInstanceView)})
	if missing(err) {
		return nil, nil //nolint:nilnil // absence is an answer
	}
	if err != nil {
		return nil, err
	}
	return &answer.VirtualMachine, nil
}

// complete adds the addresses, which are the interface's.
func (p *Provider) complete(ctx context.Context, m *armcompute.VirtualMachine) (provisioner.Instance, error) {
	seen := describe(m, nil)
	c, err := p.client()
	if err != nil {
		return seen, err
	}
	for _, name := range interfaceNames(m) {
		answer, err := c.interfaces.Get(ctx, p.config.ResourceGroup, name, &armnetwork.InterfacesClientGetOptions{Expand: to("ipConfigurations/publicIPAddress")})
		if missing(err) {
			continue // not made yet, or going
		}
		if err != nil {
			return seen, cloud.Failure("get", seen.ID, err)
		}
		addresses(&seen, &answer.Interface, nil)
	}
	return seen, nil
}

// List implements provisioner.Provider.
func (p *Provider) List(ctx context.Context, owner provisioner.Owner) ([]provisioner.Instance, error) {
	c, err := p.client()
	if err != nil {
		return nil, err
	}
	machines, err := all(ctx, c.machines.NewListPager(p.config.ResourceGroup, nil),
		func(page armcompute.VirtualMachinesClientListResponse) []*armcompute.VirtualMachine {
			return page.Value
		})
	if err != nil {
		return nil, cloud.Failure("list", "", err)
	}
	states, err := all(ctx, c.machines.NewListAllPager(&armcompute.VirtualMachinesClientListAllOptions{StatusOnly: to("true")}),
		func(page armcompute.VirtualMachinesClientListAllResponse) []*armcompute.VirtualMachine {
			return page.Value
		})
	if err != nil {
		return nil, cloud.Failure("list", "", err)
	}
	interfaces, public, err := p.network(ctx)
	if err != nil {
		return nil, cloud.Failure("list", "", err)
	}
	power := map[string]*armcompute.VirtualMachine{}
	for _, s := range states {
		power[strings.ToLower(value(s.ID))] = s
	}
	var instances []provisioner.Instance
	for _, m := range machines {
		if !ours(m.Tags) || !owner.Owns(ownerOf(m.Tags)) {
			continue
		}
		seen := describe(m, power[strings.ToLower(value(m.ID))])
		for _, name := range interfaceNames(m) {
			addresses(&seen, interfaces[name], public)
		}
		instances = append(instances, seen)
	}
	instances = provisioner.InOrder(instances)
	if owner.Cluster == "" {
		p.market.Spread.Listed(instances, func(i provisioner.Instance) string { return i.Zone })
	}
	return instances, nil
}

// network reads the group's interfaces by name and its addresses by id.
func (p *Provider) network(ctx context.Context) (map[string]*armnetwork.Interface, map[string]*armnetwork.PublicIPAddress, error) {
	c, err := p.client()
	if err != nil {
		return nil, nil, err
	}
	list, err := all(ctx, c.interfaces.NewListPager(p.config.ResourceGroup, nil),
		func(page armnetwork.InterfacesClientListResponse) []*armnetwork.Interface { return page.Value })
	if err != nil {
		return nil, nil, err
	}
	public, err := all(ctx, c.addresses.NewListPager(p.config.ResourceGroup, nil),
		func(page armnetwork.PublicIPAddressesClientListResponse) []*armnetwork.PublicIPAddress {
			return page.Value
		})
	if err != nil {
		return nil, nil, err
	}
	byName, byID := map[string]*armnetwork.Interface{}, map[string]*armnetwork.PublicIPAddress{}
	for _, i := range list {
		byName[value(i.Name)] = i
	}
	for _, a := range public {
		byID[strings.ToLower(value(a.ID))] = a
	}
	return byName, byID, nil
}
