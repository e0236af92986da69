package azure

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/compute/armcompute/v7"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/network/armnetwork/v7"
	"golang.org/x/time/rate"

	"github.com/godwit/godwit/provisioner"
)

// clients are the SDK's, over one pipeline each.
type clients struct {
	machines   *armcompute.VirtualMachinesClient
	disks      *armcompute.DisksClient
	sizes      *armcompute.ResourceSKUsClient
	usage      *armcompute.UsageClient
	images     *armcompute.VirtualMachineImagesClient
	own        *armcompute.ImagesClient
	interfaces *armnetwork.InterfacesClient
	addresses  *armnetwork.PublicIPAddressesClient
	subnets    *armnetwork.SubnetsClient
	prefixes   *armnetwork.PublicIPPrefixesClient
}

// budget keeps calls within what Azure gives a subscription and a principal, so
// that a burst waits here rather than being refused there: buckets of 250 reads
// and 200 changes that refill with 25 and 10 a second ("Understand how Azure
// Resource Manager throttles requests",
// https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling).
// Attempts count, not calls.
type budget struct {
	reads, changes *rate.Limiter
}

func newBudget(scale float64) *budget {
	return &budget{reads: rate.NewLimiter(rate.Limit(15*scale), 120), changes: rate.NewLimiter(rate.Limit(6*scale), 100)}
}

// Do implements policy.Policy.
func (b *budget) Do(r *policy.Request) (*http.Response, error) {
	turn := b.changes
	if r.Raw().Method == http.MethodGet {
		turn = b.reads
	}
	if err := provisioner.Turn(r.Raw().Context(), turn, throttledFor); err != nil {
		return nil, err
	}
	return r.Next()
}

const (
	retries   = 4
	pauseMost = 10 * time.Second
	// callTakes is the longest that one try of a call may take.
	callTakes = 30 * time.Second
)

func open(c Config) (*clients, error) {
	place, err := cloudOf(c.Cloud)
	if err != nil {
		return nil, err
	}
	if c.Credential == nil {
		found, err := credentialFor(c.Cloud)
		if err != nil {
			return nil, err
		}
		c.Credential = found
	}
	options := func(transport policy.Transporter) *arm.ClientOptions {
		return &arm.ClientOptions{ClientOptions: policy.ClientOptions{
			Cloud:            place,
			Transport:        transport,
			PerRetryPolicies: []policy.Policy{newBudget(c.Budget)},
			Retry:            policy.RetryOptions{MaxRetries: retries, RetryDelay: c.Pause, MaxRetryDelay: pauseMost, TryTimeout: callTakes},
			Telemetry:        policy.TelemetryOptions{ApplicationID: "godwit"},
		}, DisableRPRegistration: true} // whose right the manager does not have
	}
	compute, err := armcompute.NewClientFactory(c.Subscription, c.Credential, options(c.Compute))
	if err != nil {
		return nil, err
	}
	network, err := armnetwork.NewClientFactory(c.Subscription, c.Credential, options(c.Network))
	if err != nil {
		return nil, err
	}
	return &clients{
		machines: compute.NewVirtualMachinesClient(), disks: compute.NewDisksClient(), sizes: compute.NewResourceSKUsClient(),
		usage: compute.NewUsageClient(), images: compute.NewVirtualMachineImagesClient(), own: compute.NewImagesClient(),
		interfaces: network.NewInterfacesClient(), addresses: network.NewPublicIPAddressesClient(), subnets: network.NewSubnetsClient(),
		prefixes: network.NewPublicIPPrefixesClient(),
	}, nil
}

// all reads every page of a list.
func all[Page, Item any](ctx context.Context, pager *runtime.Pager[Page], items func(Page) []Item) ([]Item, error) {
	var list []Item
	for pager.More() {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		list = append(list, items(page)...)
	}
	return list, nil
}

// follow polls an operation until it is over or the context ends. The SDK's own
// loop would wait a second at least.
func follow[T any](ctx context.Context, poller *runtime.Poller[T], every time.Duration) error {
	for !poller.Done() {
		if _, err := poller.Poll(ctx); err != nil { //nolint:bodyclose // the SDK has read and closed it
			return err
		}
		if poller.Done() {
			break
		}
		timer := time.NewTimer(every)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
	_, err := poller.Result(ctx)
	return err
}

func to[T any](v T) *T { return &v }

func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// last is what follows the last slash of a resource's id: its name.
func last(id string) string { return id[strings.LastIndexByte(id, '/')+1:] }
