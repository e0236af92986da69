// Package armsim is Azure for tests: the SDK's own fake servers, which encode,
// route and page as Azure Resource Manager does, over a store of ours that holds
// what they leave out. It knows these rules, each from Microsoft's reference:
//
//	rule                                                          source
//	a name is taken once in a resource group; If-None-Match: *    rest/api/compute/virtual-machines/create-or-update
//	  refuses what exists (412)
//	creation makes interface, address and disks in one request    the same, networkInterfaceConfigurations, deleteOption
//	changes are long-running; Creating, Updating, Deleting,       azure-resource-manager/management/async-operations
//	  Succeeded, Failed
//	what cannot be placed fails after it was accepted, and stays  troubleshoot/azure/virtual-machines/windows/allocation-failure
//	  as a failed machine: AllocationFailed, ZonalAllocationFailed
//	a size that is not offered is refused at once (409            azure-resource-manager/troubleshooting/error-sku-not-available
//	  SkuNotAvailable), as are cores beyond the quota (409        …/error-resource-quota
//	  OperationNotAllowed)
//	a zone that the region does not have is refused at once (400  azure-resource-manager/troubleshooting/common-deployment-errors
//	  AvailabilityZoneNotSupported)
//	parts go with the machine by their deleteOption               virtual-machines/delete
//	an address may come of a public IP prefix, any of its range   rest/api/compute/virtual-machines/create-or-update, publicIPPrefix;
//	  once; one without is refused, or fails after it was           virtual-network/ip-services/public-ip-address-prefix
//	  accepted; the prefix tells which it gave
//	a part that is in use cannot be deleted (409)                 rest/api/virtualnetwork/network-interfaces/delete
//	power states, and that deallocated machines hold no cores     virtual-machines/states-billing
//	evicted spot is deleted or deallocated, as its policy says    virtual-machines/spot-vms#eviction-policy
//	each method wants its actions                                 role-based-access-control/permissions/compute, …/networking
//
// Sources are below https://learn.microsoft.com/azure/ and
// https://learn.microsoft.com/. It does not know authentication, which never
// leaves the process here, nor the connection: answers are lost by an error of the
// transport.
package armsim

import (
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	computefake "github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/compute/armcompute/v7/fake"
	networkfake "github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/network/armnetwork/v7/fake"
)

// The one subscription, resource group and region.
const (
	Subscription = "00000000-0000-4000-8000-000000000001"
	Group        = "nodes"
	Region       = "westeurope"
)

// Options say how hostile the cloud is.
type Options struct {
	// Step is how long a machine is being made, started, stopped or deleted.
	Step time.Duration
	// Page is the most that a page of machines holds; 50 if zero.
	Page int
	// LoseOneIn answers to a change is lost after it took effect; every one that
	// is, is followed by one that is not. 0: none.
	LoseOneIn int
	// Unserved clouds listen nowhere, and keep no serial logs: whoever made one
	// calls ServeHTTP, or uses Compute and Network.
	Unserved bool
}

// Offering is what Azure may be out of; zone "" where none is named.
type Offering struct {
	Zone, Size string
	Spot       bool
}

// Cloud is the store. It is safe for concurrent use.
type Cloud struct {
	// Compute and Network are connections to it.
	Compute, Network policy.Transporter

	options Options
	server  *httptest.Server

	mutex     sync.Mutex
	serial    int
	machines  map[string]*machine
	cards     map[string]*card
	addresses map[string]*card
	disks     map[string]*disk
	prefixes  map[string]*prefix
	exhausted map[Offering]bool
	quota     map[string]int64 // cores, lowPriorityCores
	used      map[string]bool
	granted   map[string]bool // nil: everything
	creations int
	changes   int
	lose      int
	strand    int
	reasons   map[string]string // why machines were refused, by name
	served    string            // where serial logs are fetched; empty: there are none
	throttled int
}

// New makes a cloud. Close it.
func New(o Options) *Cloud {
	if o.Page == 0 {
		o.Page = 50
	}
	c := &Cloud{
		options: o, machines: map[string]*machine{}, cards: map[string]*card{}, addresses: map[string]*card{}, disks: map[string]*disk{}, prefixes: map[string]*prefix{},
		exhausted: map[Offering]bool{}, quota: map[string]int64{}, used: map[string]bool{}, reasons: map[string]string{},
	}
	c.Compute = &wire{c: c, fresh: func() policy.Transporter {
		return computefake.NewServerFactoryTransport(&computefake.ServerFactory{
			VirtualMachinesServer: c.machineServer(), DisksServer: c.diskServer(), ResourceSKUsServer: sizeServer(c),
			UsageServer: c.usageServer(), VirtualMachineImagesServer: imageServer(c),
		})
	}}
	c.Network = &wire{c: c, fresh: func() policy.Transporter {
		return networkfake.NewServerFactoryTransport(&networkfake.ServerFactory{
			InterfacesServer: c.cardServer(), PublicIPAddressesServer: c.addressServer(), SubnetsServer: subnetServer(c), PublicIPPrefixesServer: c.prefixServer(),
		})
	}}
	if !o.Unserved {
		c.server = httptest.NewServer(c)
		c.served = c.server.URL
	}
	return c
}

// Close ends the server.
func (c *Cloud) Close() {
	if c.server != nil {
		c.server.CloseClientConnections()
		c.server.Close()
	}
}

// Exhaust makes Azure run out of an offering, or have it again.
func (c *Cloud) Exhaust(o Offering, out bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.exhausted[o] = out
}

// Quota limits "cores" or "lowPriorityCores".
func (c *Cloud) Quota(name string, limit int64) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.quota[name] = limit
}

// LoseNext loses the answers to the next n changes.
func (c *Cloud) LoseNext(n int) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.lose = n
}

// StrandNext leaves the parts of the next n machines that end behind, as a
// deletion that fails half-way does.
func (c *Cloud) StrandNext(n int) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.strand = n
}

// ThrottleNext refuses the next n requests for their number.
func (c *Cloud) ThrottleNext(n int) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.throttled = n
}

// Grant leaves the caller these actions only.
func (c *Cloud) Grant(actions ...string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.granted = map[string]bool{}
	for _, a := range actions {
		c.granted[a] = true
	}
}

// Used returns the actions that requests needed so far, sorted.
func (c *Cloud) Used() []string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return slices.Sorted(maps.Keys(c.used))
}

// Creations counts the requests to create a machine.
func (c *Cloud) Creations() int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.creations
}

// Left names all that exists.
func (c *Cloud) Left() []string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.advance()
	var names []string
	for _, list := range []map[string]bool{names0(c.machines), names0(c.cards), names0(c.addresses), names0(c.disks)} {
		names = slices.AppendSeq(names, maps.Keys(list))
	}
	slices.Sort(names)
	return names
}

func names0[T any](m map[string]T) map[string]bool {
	out := map[string]bool{}
	for name := range m {
		out[name] = true
	}
	return out
}

// wire is the connection: it throttles, and loses answers. The SDK's fakes hold
// the operations of a path until they are polled to a good end: one that failed
// answers for all that come after it. So each machine has fakes of its own, until
// it is deleted.
type wire struct {
	c     *Cloud
	fresh func() policy.Transporter

	mutex sync.Mutex
	fakes map[string]policy.Transporter
}

var ofMachine = regexp.MustCompile(`/virtualMachines/(godwit-[^/?]+)`)

func (w *wire) fake(r *http.Request) (to policy.Transporter, name string) {
	if found := ofMachine.FindStringSubmatch(r.URL.Path); found != nil {
		name = found[1]
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.fakes == nil {
		w.fakes = map[string]policy.Transporter{}
	}
	if w.fakes[name] == nil {
		w.fakes[name] = w.fresh()
	}
	return w.fakes[name], name
}

// Do implements policy.Transporter.
func (w *wire) Do(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if w.c.throttles() {
		return &http.Response{
			Status: "429 Too Many Requests", StatusCode: http.StatusTooManyRequests, Request: r, Body: http.NoBody,
			Header: http.Header{"X-Ms-Error-Code": {"TooManyRequests"}},
		}, nil
	}
	to, name := w.fake(r)
	answer, err := to.Do(r)
	if r.Method == http.MethodDelete && name != "" {
		w.mutex.Lock()
		delete(w.fakes, name)
		w.mutex.Unlock()
	}
	if err != nil || r.Method == http.MethodGet {
		return answer, err
	}
	w.c.mutex.Lock()
	defer w.c.mutex.Unlock()
	w.c.changes++
	if w.c.lose > 0 || w.c.options.LoseOneIn > 0 && w.c.changes%w.c.options.LoseOneIn == 0 {
		w.c.lose = max(w.c.lose-1, 0)
		_ = answer.Body.Close() // nobody reads it
		return nil, errors.New("connection reset by peer")
	}
	return answer, nil
}

// need notes actions and refuses those that are not granted, with the mutex
// held.
func (c *Cloud) need(actions ...string) *refused {
	for _, a := range actions {
		if c.granted != nil && !c.granted[a] {
			return &refused{http.StatusForbidden, "AuthorizationFailed"}
		}
	}
	for _, a := range actions {
		c.used[a] = true
	}
	return nil
}

// refused is an answer that is no success.
type refused struct {
	status int
	code   string
}

func id(kind, name string) string {
	return "/subscriptions/" + Subscription + "/resourceGroups/" + Group + "/providers/" + kind + "/" + name
}

func to[T any](v T) *T { return &v }

func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
func last(id string) string { return id[strings.LastIndexByte(id, '/')+1:] }
