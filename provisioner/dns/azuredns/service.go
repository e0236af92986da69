// Package azuredns keeps names in a public zone of Azure DNS.
//
// Azure changes one record set at a time, and so does this package: the mark of a
// name before its addresses, and at the end after them, so that what is found
// halfway is gone on with. Whose a set is stands in its metadata, from the call that
// makes it: there is no moment in which it is nobody's. Each write has a condition (If-Match with the version
// that was read, If-None-Match for what is to be new), so that nobody's change is
// undone.
package azuredns

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/dns/armdns"
	"golang.org/x/time/rate"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/dns"
)

// Name is what this service is called in flags.
const Name = "azuredns"

// Config of a Service. Zone is required; Subscription and ResourceGroup are, where
// Zone is a name.
type Config struct {
	Subscription, ResourceGroup string
	// Zone by its name or by its resource id.
	Zone string
	// Credential replaces what is found as every Azure tool finds it, if not nil.
	Credential azcore.TokenCredential
	// Transport replaces the network, if not nil.
	Transport policy.Transporter
	// Rate of calls a second; 5 if zero, of the 10 writes that a subscription has on
	// average: https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
	Rate float64
	// Pause before the first repetition of a call; 500 ms if zero.
	Pause time.Duration
}

// Service is a zone. Make it with New.
type Service struct {
	config Config
	rate   *rate.Limiter

	mutex sync.Mutex
	zones *armdns.ZonesClient // made when they are first wanted, and again until that works
	sets  *armdns.RecordSetsClient
}

const (
	defaultRate  = 5
	defaultPause = 500 * time.Millisecond
	retries      = 2
	callTakes    = 30 * time.Second
	throttledFor = 10 * time.Second
	believed     = 5 * time.Minute // of what the service asks for
	mostPerPage  = 100
	// ownerKey is of a set's metadata, of which Azure keeps up to ten pairs
	// (https://learn.microsoft.com/azure/dns/dns-zones-records#tags-and-metadata).
	ownerKey = "godwit-owner"
)

var _ dns.Service = (*Service)(nil)

var resourceID = regexp.MustCompile(`(?i)^/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/Microsoft\.Network/dnszones/([^/]+)$`)

// New checks the configuration and makes no call.
func New(c Config) (*Service, error) {
	if parts := resourceID.FindStringSubmatch(c.Zone); parts != nil {
		c.Subscription, c.ResourceGroup, c.Zone = parts[1], parts[2], parts[3]
	}
	c.Zone = strings.ToLower(strings.TrimSuffix(c.Zone, "."))
	switch {
	case !dns.ValidName(c.Zone):
		return nil, fmt.Errorf("azuredns: %q is neither the name of a zone nor a resource id", c.Zone)
	case c.Subscription == "" || c.ResourceGroup == "":
		return nil, errors.New("azuredns: subscription and resource group must be given, or the zone's resource id")
	}
	if c.Rate <= 0 {
		c.Rate = defaultRate
	}
	if c.Pause <= 0 {
		c.Pause = defaultPause
	}
	return &Service{config: c, rate: rate.NewLimiter(rate.Limit(c.Rate), int(max(20*c.Rate, 1)))}, nil
}

// begin waits for the turn of a call and makes the clients.
func (s *Service) begin(ctx context.Context) error {
	if err := s.rate.Wait(ctx); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &provisioner.Error{Class: provisioner.Throttled, Op: "call", RetryAfter: throttledFor, Err: err}
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.sets != nil {
		return nil
	}
	c := s.config
	if c.Credential == nil {
		found, err := azidentity.NewDefaultAzureCredential(nil)
		if err != nil {
			return &provisioner.Error{Class: provisioner.Unauthorized, Op: "credentials", Err: err}
		}
		c.Credential = found
	}
	factory, err := armdns.NewClientFactory(c.Subscription, c.Credential, &arm.ClientOptions{ClientOptions: policy.ClientOptions{
		Transport: c.Transport,
		Telemetry: policy.TelemetryOptions{ApplicationID: "godwit"},
		Retry: policy.RetryOptions{
			MaxRetries: retries, RetryDelay: c.Pause, TryTimeout: callTakes,
			// Throttling is waited for by the caller, who keeps its own clock.
			StatusCodes: []int{http.StatusRequestTimeout, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout},
		},
	}, DisableRPRegistration: true}) // whose right the manager does not have
	if err != nil {
		return &provisioner.Error{Class: provisioner.Unauthorized, Op: "credentials", Err: err}
	}
	s.zones, s.sets = factory.NewZonesClient(), factory.NewRecordSetsClient()
	return nil
}

// Limits implements dns.Service: 20 records in a set, "Azure DNS limits",
// https://learn.microsoft.com/azure/azure-resource-manager/management/azure-subscription-service-limits#azure-dns-limits.
func (s *Service) Limits() dns.Limits { return dns.Limits{Values: 20, Owners: true} }

// Apex implements dns.Service.
func (s *Service) Apex(ctx context.Context) (string, error) {
	if err := s.begin(ctx); err != nil {
		return "", err
	}
	if _, err := s.zones.Get(ctx, s.config.ResourceGroup, s.config.Zone, nil); err != nil {
		return "", s.failure("find zone", err)
	}
	return s.config.Zone, nil
}

// Sets implements dns.Service.
func (s *Service) Sets(ctx context.Context) ([]dns.Set, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	top := int32(mostPerPage)
	pager := s.sets.NewListByDNSZonePager(s.config.ResourceGroup, s.config.Zone, &armdns.RecordSetsClientListByDNSZoneOptions{Top: &top})
	var all []dns.Set
	for pager.More() {
		if err := s.begin(ctx); err != nil {
			return nil, err
		}
		page, err := pager.NextPage(ctx)
		if err != nil {
			return nil, s.failure("list records", err)
		}
		for _, r := range page.Value {
			all = append(all, s.setOf(r))
		}
	}
	return all, nil
}

// Apply implements dns.Service, set by set.
func (s *Service) Apply(ctx context.Context, swaps []dns.Swap) error {
	var made []dns.Swap
	for _, swap := range swaps {
		err := s.swap(ctx, swap)
		if errors.Is(err, dns.ErrConflict) {
			// A name that somebody took meanwhile is given back: what is new of it, then the
			// mark that claims it.
			for _, one := range slices.Backward(made) {
				if unmarked(one.Name()) == unmarked(swap.Name()) {
					if left := s.undo(ctx, one); left != nil { // the mark stays, to find the rest by
						return errors.Join(err, left)
					}
				}
			}
		}
		if err != nil {
			return err
		}
		_, marks := dns.Marked(swap.Name())
		if swap.New != nil && swap.New != swap.Old && (marks || swap.Old == nil) {
			made = append(made, swap)
		}
	}
	return nil
}

// unmarked is the name that a set is of, also where it is its mark.
func unmarked(name string) string {
	of, _ := dns.Marked(name)
	return of
}

// undo takes back what came to nothing.
func (s *Service) undo(ctx context.Context, made dns.Swap) error {
	if made.Old == nil {
		return s.remove(ctx, made.New)
	}
	before := *made.Old
	return s.swap(ctx, dns.Swap{Old: made.New, New: &before})
}

func (s *Service) swap(ctx context.Context, swap dns.Swap) error {
	if swap.New == nil {
		if name, marks := dns.Marked(swap.Old.Name); marks {
			if err := s.empty(ctx, name, swap.Old); err != nil {
				return err
			}
		}
		return s.remove(ctx, swap.Old)
	}
	if swap.New == swap.Old {
		return s.still(ctx, swap.Old)
	}
	if err := s.begin(ctx); err != nil {
		return err
	}
	options := &armdns.RecordSetsClientCreateOrUpdateOptions{IfNoneMatch: new("*")}
	if swap.Old != nil {
		options = &armdns.RecordSetsClientCreateOrUpdateOptions{IfMatch: &swap.Old.Version}
	}
	name, kind := s.relative(swap.New.Name), armdns.RecordType(swap.New.Type)
	out, err := s.sets.CreateOrUpdate(ctx, s.config.ResourceGroup, s.config.Zone, name, kind, recordsOf(swap.New), options)
	switch {
	case err == nil:
		swap.New.Version = value(out.Etag)
		return nil
	case !isStatus(err, http.StatusPreconditionFailed):
		return s.failure("change records", err)
	}
	// It may be our own, of which the answer was lost.
	if err := s.begin(ctx); err != nil {
		return err
	}
	now, err := s.sets.Get(ctx, s.config.ResourceGroup, s.config.Zone, name, kind, nil)
	if err != nil && !isStatus(err, http.StatusNotFound) {
		return s.failure("read records", err)
	}
	if err == nil {
		if found := s.setOf(&now.RecordSet); !found.Special && found.Owner == swap.New.Owner && found.TTL == swap.New.TTL && slices.Equal(slices.Sorted(slices.Values(found.Values)), swap.New.Values) {
			swap.New.Version = found.Version
			return nil
		}
	}
	return fmt.Errorf("%w: %s %s is not as it was", dns.ErrConflict, swap.New.Name, swap.New.Type)
}

// still makes sure that a set is what was read.
func (s *Service) still(ctx context.Context, set *dns.Set) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	now, err := s.sets.Get(ctx, s.config.ResourceGroup, s.config.Zone, s.relative(set.Name), armdns.RecordType(set.Type), nil)
	switch {
	case err != nil && !isStatus(err, http.StatusNotFound):
		return s.failure("read records", err)
	case err != nil || value(now.Etag) != set.Version:
		return fmt.Errorf("%w: %s %s is not as it was", dns.ErrConflict, set.Name, set.Type)
	}
	return nil
}

// empty makes sure that a name has nothing of its mark's owner: a list may have been
// older than that.
func (s *Service) empty(ctx context.Context, name string, mark *dns.Set) error {
	for _, kind := range dns.MarkedKinds(mark) {
		if err := s.begin(ctx); err != nil {
			return err
		}
		now, err := s.sets.Get(ctx, s.config.ResourceGroup, s.config.Zone, s.relative(name), armdns.RecordType(kind), nil)
		switch {
		case isStatus(err, http.StatusNotFound):
		case err != nil:
			return s.failure("read records", err)
		default:
			if set := s.setOf(&now.RecordSet); !set.Special && set.Owner == mark.Owner {
				return fmt.Errorf("%w: %s still has %s", dns.ErrConflict, name, kind)
			}
		}
	}
	return nil
}

func (s *Service) remove(ctx context.Context, set *dns.Set) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	_, err := s.sets.Delete(ctx, s.config.ResourceGroup, s.config.Zone, s.relative(set.Name), armdns.RecordType(set.Type), &armdns.RecordSetsClientDeleteOptions{IfMatch: &set.Version})
	switch {
	case err == nil:
		return nil
	case isStatus(err, http.StatusPreconditionFailed):
		return fmt.Errorf("%w: %s %s is not as it was", dns.ErrConflict, set.Name, set.Type)
	}
	return s.failure("remove records", err)
}

// relative is a name without the zone's.
func (s *Service) relative(name string) string { return strings.TrimSuffix(name, "."+s.config.Zone) }

func (s *Service) setOf(r *armdns.RecordSet) dns.Set {
	set := dns.Set{
		Name: strings.ToLower(value(r.Name)) + "." + s.config.Zone, Type: strings.ToUpper(value(r.Type)[strings.LastIndexByte(value(r.Type), '/')+1:]),
		Version: value(r.Etag),
	}
	if value(r.Name) == "@" {
		set.Name = s.config.Zone
	}
	p := r.Properties
	if p == nil {
		return set
	}
	set.TTL = time.Duration(value(p.TTL)) * time.Second
	set.Owner = value(p.Metadata[ownerKey])
	set.Special = p.TargetResource != nil && value(p.TargetResource.ID) != ""
	for _, a := range p.ARecords {
		set.Values = append(set.Values, value(a.IPv4Address))
	}
	for _, a := range p.AaaaRecords {
		set.Values = append(set.Values, value(a.IPv6Address))
	}
	for _, t := range p.TxtRecords {
		var text strings.Builder
		for _, part := range t.Value {
			text.WriteString(value(part))
		}
		set.Values = append(set.Values, text.String())
	}
	return set
}

func recordsOf(s *dns.Set) armdns.RecordSet {
	p := &armdns.RecordSetProperties{TTL: new(int64(s.TTL / time.Second)), Metadata: map[string]*string{ownerKey: &s.Owner}}
	for _, v := range s.Values {
		switch s.Type {
		case "A":
			p.ARecords = append(p.ARecords, &armdns.ARecord{IPv4Address: &v})
		case "AAAA":
			p.AaaaRecords = append(p.AaaaRecords, &armdns.AaaaRecord{IPv6Address: &v})
		case "TXT":
			p.TxtRecords = append(p.TxtRecords, &armdns.TxtRecord{Value: []*string{&v}})
		}
	}
	return armdns.RecordSet{Properties: p}
}

func isStatus(err error, status int) bool {
	answer, ok := errors.AsType[*azcore.ResponseError](err)
	return ok && answer.StatusCode == status
}

// failure makes the contract's error of what a call returned, by its status: Azure
// DNS has few codes of its own.
func (s *Service) failure(op string, err error) error {
	if provisioner.Interrupted(err) {
		return fmt.Errorf("%s %s: %w", op, s.config.Zone, err)
	}
	if already, ok := errors.AsType[*provisioner.Error](err); ok {
		return already
	}
	e := &provisioner.Error{Class: provisioner.Transient, Op: op, Subject: s.config.Zone, Err: err}
	if _, ok := errors.AsType[*azidentity.AuthenticationFailedError](err); ok {
		e.Class = provisioner.Unauthorized
	}
	answer, ok := errors.AsType[*azcore.ResponseError](err)
	if !ok {
		return e
	}
	e.Err = fmt.Errorf("%d %s", answer.StatusCode, answer.ErrorCode)
	switch answer.StatusCode {
	case http.StatusNotFound:
		e.Class = provisioner.NotFound
	case http.StatusUnauthorized, http.StatusForbidden:
		e.Class = provisioner.Unauthorized
	case http.StatusBadRequest:
		e.Class = provisioner.InvalidTemplate
	case http.StatusTooManyRequests:
		e.Class, e.RetryAfter = provisioner.Throttled, throttledFor
		if answer.RawResponse != nil {
			e.RetryAfter = max(e.RetryAfter, provisioner.Advice(answer.RawResponse.Header, believed))
		}
	}
	return e
}

func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
