package gcp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"cloud.google.com/go/compute/apiv1/computepb"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/address"
	"github.com/godwit/godwit/provisioner/gcp/template"
	"github.com/godwit/godwit/provisioner/offering"
)

// Name is what templates call this provider.
const Name = template.Provider

// Config is what a Provider needs.
type Config struct {
	// Project in which nodes run. A project that is taken away while nodes run
	// there strands them.
	Project string
	// Endpoint replaces Google's address, and no credentials are sent there; for
	// tests.
	Endpoint string
	// Transport is the way there; nil: the SDK's own. Only with Endpoint.
	Transport http.RoundTripper
	// Pause after the first failure of a call, doubled with each more; 500 ms if
	// zero.
	Pause time.Duration
	// Now is the clock; time.Now if nil.
	Now func() time.Time
	// Log receives what nobody waits for; slog's default if nil.
	Log *slog.Logger
}

// Provider launches on Compute Engine. Make it with New; it is safe for
// concurrent use.
type Provider struct {
	project string
	clients *lazy
	budget  *budget
	now     func() time.Time
	log     *slog.Logger

	launches offering.Launches[bool]
	market   offering.Market
	zones    regionZones
	claims   address.Claims
}

var (
	_ provisioner.Provider = (*Provider)(nil)
	_ provisioner.Effects  = (*Provider)(nil)
)

const (
	// mostPerPage of a list: the most that Google gives.
	mostPerPage = 500
	// listLag is how long a new instance may be missing in lists. Google promises
	// no figure; the reconciler waits so long before it calls a launch empty.
	listLag = 20 * time.Second
	// atOnce bounds the calls that one Terminate, Stop or Start makes together.
	atOnce = 10
)

// New prepares the provider. It makes no call and looks for no credentials yet:
// those that do not work show in Validate.
func New(c Config) (*Provider, error) {
	if !template.Project.MatchString(c.Project) {
		return nil, fmt.Errorf("gcp provider: %q is not the id of a project, such as my-project-123", c.Project)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return &Provider{
		project: c.Project, clients: &lazy{endpoint: c.Endpoint, transport: c.Transport}, budget: newBudget(c.Pause), now: c.Now, log: c.Log,
	}, nil
}

// Close gives the provider's idle connections back. Nodes go on.
func (p *Provider) Close() { p.clients.close() }

// Capabilities implements provisioner.Provider.
func (p *Provider) Capabilities() provisioner.Capabilities {
	return provisioner.Capabilities{Provider: Name, StopStart: true, StopSpot: true, Spot: true, ListLag: listLag}
}

// Effect implements provisioner.Effects.
func (p *Provider) Effect(field string) provisioner.Effect { return template.Effect(field) }

// Get implements provisioner.Provider.
func (p *Provider) Get(ctx context.Context, id string) (provisioner.Instance, error) {
	none := provisioner.Instance{}
	zone, name, ok := parseID(id)
	if !ok {
		return none, provisioner.Unknown("get", id)
	}
	found, err := p.instance(ctx, zone, name)
	if err != nil {
		return none, cloud.Failure("get", id, err)
	}
	if !ours(found) {
		return none, provisioner.Unknown("get", id)
	}
	return describe(found), nil
}

// List implements provisioner.Provider.
func (p *Provider) List(ctx context.Context, owner provisioner.Owner) ([]provisioner.Instance, error) {
	found, err := p.list(ctx, owner)
	if err != nil {
		return nil, cloud.Failure("list", "", err)
	}
	var instances []provisioner.Instance
	for _, i := range found {
		// What Google filters is checked: nothing of another owner may be listed.
		if ours(i) && owner.Owns(ownerOf(i.GetLabels())) {
			instances = append(instances, describe(i))
		}
	}
	instances = provisioner.InOrder(instances)
	if owner.Cluster == "" {
		p.market.Spread.Listed(instances, func(i provisioner.Instance) string { return i.Zone })
	}
	return instances, nil
}

// Console implements provisioner.Provider: the first serial port, of which
// Google keeps the last megabyte while the instance exists.
func (p *Provider) Console(ctx context.Context, id string) ([]byte, error) {
	zone, name, ok := parseID(id)
	if !ok {
		return nil, provisioner.Unknown("console", id)
	}
	port, start := int32(1), int64(-provisioner.ConsoleLimit)
	out, err := read(ctx, p, func(ctx context.Context, c *clients) (*computepb.SerialPortOutput, error) {
		return c.instances.GetSerialPortOutput(ctx, &computepb.GetSerialPortOutputInstanceRequest{
			Project: p.project, Zone: zone, Instance: name, Port: &port, Start: &start,
		})
	})
	if err != nil {
		return nil, cloud.Failure("console", id, err)
	}
	text := []byte(out.GetContents())
	return text[max(0, len(text)-provisioner.ConsoleLimit):], nil
}

// parseID takes ZONE/NAME apart; a name that is not of our making is a
// stranger's.
func parseID(id string) (zone, instance string, ok bool) {
	zone, instance, ok = strings.Cut(id, "/")
	return zone, instance, ok && template.Zone.MatchString(zone) && template.Name.MatchString(instance) && strings.HasPrefix(instance, labelPrefix)
}

func ours(i *computepb.Instance) bool { return i.GetLabels()[labelInstallation] != "" }

func last(url string) string { return url[strings.LastIndexByte(url, '/')+1:] }

// describe turns Google's view into the contract's.
func describe(i *computepb.Instance) provisioner.Instance {
	labels, zone := i.GetLabels(), last(i.GetZone())
	made, _ := time.Parse(time.RFC3339, i.GetCreationTimestamp()) // zero if Google said nothing
	out := provisioner.Instance{
		ID: zone + "/" + i.GetName(), ClientToken: take(labels, labelToken), NodeID: take(labels, labelNode), Owner: ownerOf(labels),
		Zone: zone, Type: last(i.GetMachineType()), LaunchedAt: made.UTC(), Tags: tagsOf(labels), Detail: i.GetStatusMessage(),
		Spot: i.GetScheduling().GetProvisioningModel() == computepb.Scheduling_SPOT.String(),
	}
	for _, n := range i.GetNetworkInterfaces() {
		if n.GetNetworkIP() != "" {
			out.PrivateAddresses = append(out.PrivateAddresses, n.GetNetworkIP())
		}
		for _, a := range n.GetAccessConfigs() {
			if a.GetNatIP() != "" {
				out.PublicAddresses = append(out.PublicAddresses, a.GetNatIP())
			}
		}
	}
	out.State = stateOf(i.GetStatus())
	out.Notice = noticeOf(i, out)
	return out
}

// stateOf maps the states of https://cloud.google.com/compute/docs/instances/instance-life-cycle.
// Google says STOPPING also of what is being deleted.
func stateOf(status string) provisioner.InstanceState {
	switch status {
	case "PROVISIONING", "STAGING", "REPAIRING":
		return provisioner.Pending
	case "RUNNING":
		return provisioner.Running
	case "STOPPING", "PENDING_STOP", "SUSPENDING":
		return provisioner.Stopping
	case "TERMINATED", "STOPPED", "SUSPENDED":
		return provisioner.Stopped
	case "DEPROVISIONING":
		return provisioner.Terminating
	}
	return provisioner.Pending
}

// noticeOf tells of spot that is being taken back, of maintenance that is
// announced, and of a machine that failed and is being repaired.
func noticeOf(i *computepb.Instance, seen provisioner.Instance) *provisioner.Notice {
	switch {
	case seen.Spot && seen.State == provisioner.Stopping:
		return &provisioner.Notice{Kind: provisioner.Reclaimed, Text: cmpOr(i.GetStatusMessage(), "a spot instance that is stopping")}
	case i.GetStatus() == "REPAIRING":
		return &provisioner.Notice{Kind: provisioner.Impaired, Text: cmpOr(i.GetStatusMessage(), "Google repairs the instance")}
	}
	m := i.GetResourceStatus().GetUpcomingMaintenance()
	if m == nil {
		return nil
	}
	at, err := time.Parse(time.RFC3339, m.GetWindowStartTime())
	if err != nil {
		at = time.Time{} // at any moment
	}
	return &provisioner.Notice{Kind: provisioner.Maintenance, At: at.UTC(), Text: strings.ToLower(m.GetType()) + " maintenance, " + strings.ToLower(m.GetMaintenanceStatus())}
}

// missing says that an error is only that there is no such thing any more.
func missing(err error) bool {
	return isStatus(err, http.StatusNotFound) || errors.Is(err, provisioner.NotFound)
}
