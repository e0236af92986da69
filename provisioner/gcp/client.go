package gcp

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	compute "cloud.google.com/go/compute/apiv1"
	"cloud.google.com/go/compute/apiv1/computepb"
	"github.com/googleapis/gax-go/v2"
	"github.com/googleapis/gax-go/v2/callctx"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"
	htransport "google.golang.org/api/transport/http"

	"github.com/godwit/godwit/provisioner"
)

// scope of the access tokens; what they may do is for the role to say.
const scope = "https://www.googleapis.com/auth/compute"

// longestCall bounds what nothing else bounds.
const longestCall = 3 * time.Minute

// clients are the SDK's, over one connection pool and one source of tokens.
type clients struct {
	shared       *http.Client
	instances    *compute.InstancesClient
	operations   *compute.ZoneOperationsClient
	disks        *compute.DisksClient
	machineTypes *compute.MachineTypesClient
	images       *compute.ImagesClient
	subnetworks  *compute.SubnetworksClient
	regions      *compute.RegionsClient
	addresses    *compute.AddressesClient
}

// lazy makes the clients when they are first wanted, and again until that
// works: a key file that is missing keeps nodes from being launched here, not
// the manager from starting.
type lazy struct {
	endpoint  string
	transport http.RoundTripper
	mutex     sync.Mutex
	made      *clients
}

func (l *lazy) get(ctx context.Context) (*clients, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.made != nil {
		return l.made, nil
	}
	// They outlive the call that makes them.
	made, err := open(context.WithoutCancel(ctx), l.endpoint, l.transport)
	if err != nil {
		return nil, &provisioner.Error{Class: provisioner.Unauthorized, Op: "credentials", Err: err}
	}
	l.made = made
	return made, nil
}

// close gives idle connections back.
func (l *lazy) close() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.made != nil {
		l.made.shared.CloseIdleConnections()
	}
}

func open(ctx context.Context, endpoint string, transport http.RoundTripper) (*clients, error) {
	options := []option.ClientOption{option.WithScopes(scope)}
	if endpoint != "" {
		options = []option.ClientOption{option.WithEndpoint(endpoint), option.WithoutAuthentication()}
		if transport != nil {
			options = append(options, option.WithHTTPClient(&http.Client{Transport: transport}))
		}
	}
	shared, address, err := htransport.NewClient(ctx, append(slices.Clone(options), option.WithEndpoint(cmpOr(endpoint, "https://compute.googleapis.com")))...)
	if err != nil {
		return nil, err
	}
	shared.Timeout = longestCall
	with := []option.ClientOption{option.WithHTTPClient(shared), option.WithEndpoint(address)}
	c := &clients{shared: shared}
	if c.instances, err = compute.NewInstancesRESTClient(ctx, with...); err == nil {
		// Each call is repeated in one place, which knows the budget: not here too.
		*c.instances.CallOptions = compute.InstancesCallOptions{}
		c.operations, err = compute.NewZoneOperationsRESTClient(ctx, with...)
	}
	if err == nil {
		*c.operations.CallOptions = compute.ZoneOperationsCallOptions{}
		c.disks, err = compute.NewDisksRESTClient(ctx, with...)
	}
	if err == nil {
		*c.disks.CallOptions = compute.DisksCallOptions{}
		c.machineTypes, err = compute.NewMachineTypesRESTClient(ctx, with...)
	}
	if err == nil {
		c.images, err = compute.NewImagesRESTClient(ctx, with...)
	}
	if err == nil {
		c.subnetworks, err = compute.NewSubnetworksRESTClient(ctx, with...)
	}
	if err == nil {
		c.regions, err = compute.NewRegionsRESTClient(ctx, with...)
	}
	if err == nil {
		c.addresses, err = compute.NewAddressesRESTClient(ctx, with...)
	}
	return c, err
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// once keeps the SDK from repeating a read by itself.
var once = gax.WithRetry(func() gax.Retryer { return never{} })

type never struct{}

// Retry implements gax.Retryer.
func (never) Retry(error) (time.Duration, bool) { return 0, false }

func read[T any](ctx context.Context, p *Provider, f func(context.Context, *clients) (T, error)) (T, error) {
	c, err := p.clients.get(ctx)
	if err != nil {
		var none T
		return none, err
	}
	return call(ctx, p.budget, p.budget.reads, callTakes, func(ctx context.Context) (T, error) { return f(ctx, c) })
}

func change[T any](ctx context.Context, p *Provider, f func(context.Context, *clients) (T, error)) (T, error) {
	c, err := p.clients.get(ctx)
	if err != nil {
		var none T
		return none, err
	}
	return call(ctx, p.budget, p.budget.changes, callTakes, func(ctx context.Context) (T, error) { return f(ctx, c) })
}

// instance reads one; nil without an error: there is none of that name.
func (p *Provider) instance(ctx context.Context, zone, name string) (*computepb.Instance, error) {
	found, err := read(ctx, p, func(ctx context.Context, c *clients) (*computepb.Instance, error) {
		return c.instances.Get(ctx, &computepb.GetInstanceRequest{Project: p.project, Zone: zone, Instance: name})
	})
	if isStatus(err, http.StatusNotFound) {
		return nil, nil //nolint:nilnil // absence is an answer
	}
	return found, err
}

// await follows an operation to its end, which may be its failure.
func (p *Provider) await(ctx context.Context, zone, operation string) error {
	for {
		c, err := p.clients.get(ctx)
		if err != nil {
			return err
		}
		op, err := call(ctx, p.budget, p.budget.reads, longestCall, func(ctx context.Context) (*computepb.Operation, error) {
			return c.operations.Wait(ctx, &computepb.WaitZoneOperationRequest{Project: p.project, Zone: zone, Operation: operation})
		})
		if err != nil {
			return err
		}
		if op.GetStatus() == computepb.Operation_DONE {
			return outcome(op)
		}
	}
}

// listMask is what a list is for; user data, which holds join tokens, is not.
// https://cloud.google.com/apis/docs/system-parameters
const listMask = "nextPageToken,items/*/warning/code,items/*/warning/message," +
	"items/*/instances(name,zone,machineType,status,statusMessage,creationTimestamp,labels,scheduling,networkInterfaces,resourceStatus)"

// list reads all pages of an owner's instances in all zones.
func (p *Provider) list(ctx context.Context, owner provisioner.Owner) ([]*computepb.Instance, error) {
	filter, size := ownedBy(owner), uint32(mostPerPage)
	ctx = callctx.SetHeaders(ctx, "X-Goog-FieldMask", listMask)
	var all []*computepb.Instance
	for token := ""; ; {
		type page struct {
			pairs []compute.InstancesScopedListPair
			next  string
		}
		one, err := read(ctx, p, func(ctx context.Context, c *clients) (page, error) {
			return within(ctx, func() (page, error) { // the SDK's aggregated lists know no context
				it := c.instances.AggregatedList(ctx, &computepb.AggregatedListInstancesRequest{Project: p.project, Filter: &filter, MaxResults: &size}, once)
				pairs, next, err := it.InternalFetch(mostPerPage, token)
				return page{pairs, next}, err
			})
		})
		if err != nil {
			return nil, err
		}
		for _, pair := range one.pairs {
			if err := unreachable(pair.Key, pair.Value.GetWarning()); err != nil {
				return nil, err
			}
			all = append(all, pair.Value.GetInstances()...)
		}
		if token = one.next; token == "" {
			return all, nil
		}
	}
}

// unreachable makes an error of a zone that did not answer: a list that leaves
// instances out would say that they are gone.
func unreachable(scope string, w *computepb.Warning) error {
	if w == nil || w.GetCode() == computepb.Warning_NO_RESULTS_ON_PAGE.String() {
		return nil
	}
	return provisioner.Refuse(provisioner.Transient, "list", scope, "%s: %s", w.GetCode(), w.GetMessage())
}

// ownDisks reads all pages of an owner's disks in all zones.
func (p *Provider) ownDisks(ctx context.Context, owner provisioner.Owner) ([]*computepb.Disk, error) {
	filter := ownedBy(owner)
	return read(ctx, p, func(ctx context.Context, c *clients) ([]*computepb.Disk, error) {
		return within(ctx, func() ([]*computepb.Disk, error) {
			var all []*computepb.Disk
			it := c.disks.AggregatedList(ctx, &computepb.AggregatedListDisksRequest{Project: p.project, Filter: &filter}, once)
			for {
				pair, err := it.Next()
				if errors.Is(err, iterator.Done) {
					return all, nil
				}
				if err != nil {
					return nil, err
				}
				all = append(all, pair.Value.GetDisks()...)
			}
		})
	})
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
