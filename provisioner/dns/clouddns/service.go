// Package clouddns keeps names in a managed zone of Google Cloud DNS.
//
// A change is one Changes.Create: it deletes the sets that were read, which must
// match exactly, and adds those that there should be. Cloud DNS does all or
// nothing, and refuses when what is there is something else, so that nobody's
// change is undone.
package clouddns

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/auth"
	"golang.org/x/time/rate"
	api "google.golang.org/api/dns/v1"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"
	htransport "google.golang.org/api/transport/http"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/dns"
)

// Name is what this service is called in flags.
const Name = "clouddns"

// Config of a Service. Project and Zone are required.
type Config struct {
	Project string
	// Zone by its DNS name, or by the name that it has in the project.
	Zone string
	// Private zones are looked for by DNS name, not public ones.
	Private bool
	// Endpoint replaces Google, without credentials; empty: Google.
	Endpoint string
	// Rate of calls a second; 4 if zero, of the 10 that a project has on average:
	// https://cloud.google.com/dns/quotas
	Rate float64
	// PageSize of lists; 1000 if zero.
	PageSize int64
}

// Service is a managed zone. Make it with New.
type Service struct {
	config Config
	rate   *rate.Limiter

	mutex  sync.Mutex
	client *api.Service // made when it is first wanted, and again until that works
	pool   *http.Client
	zone   string // its name in the project
}

const (
	defaultRate = 4
	mostPerPage = 1000
	// callTakes is the longest that a call may take.
	callTakes = 30 * time.Second
	// throttledFor is the advice with a throttled call when Google gives none: its
	// quotas are counted by the minute.
	throttledFor = 15 * time.Second
	believed     = 5 * time.Minute // of what the service asks for
	private      = "private"
)

var _ dns.Service = (*Service)(nil)

// New checks the configuration and makes no call.
func New(c Config) (*Service, error) {
	c.Zone = strings.ToLower(strings.TrimSuffix(c.Zone, "."))
	switch {
	case c.Project == "":
		return nil, errors.New("clouddns: a project must be given")
	case !dns.ValidName(c.Zone):
		return nil, fmt.Errorf("clouddns: %q is neither the DNS name of a zone nor its name in the project", c.Zone)
	}
	if c.Rate <= 0 {
		c.Rate = defaultRate
	}
	if c.PageSize <= 0 {
		c.PageSize = mostPerPage
	}
	return &Service{config: c, rate: rate.NewLimiter(rate.Limit(c.Rate), int(max(10*c.Rate, 1)))}, nil
}

// Close gives idle connections back.
func (s *Service) Close() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.pool != nil {
		s.pool.CloseIdleConnections()
	}
}

// begin waits for the turn of a call and opens the client.
func (s *Service) begin(ctx context.Context) (*api.Service, error) {
	if err := s.rate.Wait(ctx); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &provisioner.Error{Class: provisioner.Throttled, Op: "call", RetryAfter: throttledFor, Err: err}
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.client != nil {
		return s.client, nil
	}
	options := []option.ClientOption{option.WithScopes(api.NdevClouddnsReadwriteScope)}
	if s.config.Endpoint != "" {
		options = []option.ClientOption{option.WithEndpoint(s.config.Endpoint), option.WithoutAuthentication()}
	}
	ctx = context.WithoutCancel(ctx) // they outlive the call that makes them
	pool, _, err := htransport.NewClient(ctx, options...)
	if err != nil {
		return nil, &provisioner.Error{Class: provisioner.Unauthorized, Op: "credentials", Err: err}
	}
	pool.Timeout = callTakes
	client, err := api.NewService(ctx, append(options, option.WithHTTPClient(pool))...)
	if err != nil {
		return nil, &provisioner.Error{Class: provisioner.Unauthorized, Op: "credentials", Err: err}
	}
	s.client, s.pool = client, pool
	return client, nil
}

// Limits implements dns.Service: "Quotas and limits", https://cloud.google.com/dns/quotas:
// 100 values in a set; additions and deletions in a change, each, and their size
// together are kept to a tenth of what a project gets by default.
func (s *Service) Limits() dns.Limits {
	return dns.Limits{Values: 100, BatchSets: 100, BatchValues: 1000, BatchBytes: 50000}
}

// Apex implements dns.Service.
func (s *Service) Apex(ctx context.Context) (string, error) {
	c := s.config
	if !strings.Contains(c.Zone, ".") {
		client, err := s.begin(ctx)
		if err != nil {
			return "", err
		}
		z, err := client.ManagedZones.Get(c.Project, c.Zone).Context(ctx).Do()
		if err != nil {
			return "", s.failure("find zone", err)
		}
		s.zone = z.Name
		return strings.TrimSuffix(z.DnsName, "."), nil
	}
	var found []string
	for token := ""; ; {
		client, err := s.begin(ctx)
		if err != nil {
			return "", err
		}
		page, err := client.ManagedZones.List(c.Project).DnsName(c.Zone + ".").PageToken(token).Context(ctx).Do()
		if err != nil {
			return "", s.failure("find zone", err)
		}
		for _, z := range page.ManagedZones {
			if z.DnsName == c.Zone+"." && (z.Visibility == private) == c.Private {
				found = append(found, z.Name)
			}
		}
		if token = page.NextPageToken; token == "" {
			break
		}
	}
	kind := "public"
	if c.Private {
		kind = private
	}
	switch len(found) {
	case 0:
		return "", &provisioner.Error{Class: provisioner.NotFound, Op: "find zone", Subject: c.Zone, Err: fmt.Errorf("project %s has no %s zone of this name", c.Project, kind)}
	case 1:
		s.zone = found[0]
		return c.Zone, nil
	}
	return "", &provisioner.Error{Class: provisioner.InvalidTemplate, Op: "find zone", Subject: c.Zone, Err: fmt.Errorf("project %s has %d %s zones of this name: give one of %s", c.Project, len(found), kind, strings.Join(found, ", "))}
}

// Sets implements dns.Service.
func (s *Service) Sets(ctx context.Context) ([]dns.Set, error) {
	var all []dns.Set
	for token := ""; ; {
		client, err := s.begin(ctx)
		if err != nil {
			return nil, err
		}
		page, err := client.ResourceRecordSets.List(s.config.Project, s.zone).MaxResults(s.config.PageSize).PageToken(token).Context(ctx).Do()
		if err != nil {
			return nil, s.failure("list records", err)
		}
		for _, r := range page.Rrsets {
			set := dns.Set{Name: strings.ToLower(strings.TrimSuffix(r.Name, ".")), Type: r.Type, TTL: time.Duration(r.Ttl) * time.Second, Special: r.RoutingPolicy != nil}
			for _, v := range r.Rrdatas {
				if r.Type == "TXT" {
					v = dns.Unquote(v)
				}
				set.Values = append(set.Values, v)
			}
			all = append(all, set)
		}
		if token = page.NextPageToken; token == "" {
			return all, nil
		}
	}
}

// Apply implements dns.Service.
func (s *Service) Apply(ctx context.Context, swaps []dns.Swap) error {
	var change api.Change
	for _, swap := range swaps {
		if swap.Old == swap.New { // a change cannot ask for that
			continue
		}
		if swap.Old != nil {
			change.Deletions = append(change.Deletions, recordsOf(swap.Old))
		}
		if swap.New != nil {
			change.Additions = append(change.Additions, recordsOf(swap.New))
		}
	}
	client, err := s.begin(ctx)
	if err != nil {
		return err
	}
	_, err = client.Changes.Create(s.config.Project, s.zone, &change).Context(ctx).Do()
	if err == nil {
		return nil
	}
	if answer, ok := errors.AsType[*googleapi.Error](err); ok {
		// Of a set that is not there Cloud DNS says the same as of a zone that is not
		// there, but for the part of the request that it names.
		missing := answer.Code == http.StatusNotFound && strings.Contains(answer.Message, "entity.change")
		if missing || answer.Code == http.StatusConflict || answer.Code == http.StatusPreconditionFailed {
			return fmt.Errorf("%w: %s", dns.ErrConflict, answer.Message)
		}
	}
	return s.failure("change records", err)
}

func recordsOf(s *dns.Set) *api.ResourceRecordSet {
	r := &api.ResourceRecordSet{Name: s.Name + ".", Type: s.Type, Ttl: int64(s.TTL / time.Second)}
	for _, v := range s.Values {
		if s.Type == "TXT" {
			v = dns.Quote(v)
		}
		r.Rrdatas = append(r.Rrdatas, v)
	}
	return r
}

// reasons of refused requests, which all of Google's older JSON interfaces share:
// https://cloud.google.com/storage/docs/json_api/v1/status-codes. The others are
// told by their status.
var reasons = map[string]provisioner.Class{
	"rateLimitExceeded": provisioner.Throttled, "userRateLimitExceeded": provisioner.Throttled, "quotaExceeded": provisioner.Throttled,
	"dailyLimitExceeded": provisioner.Throttled,
}

func classify(err error) provisioner.Class {
	if _, ok := errors.AsType[*auth.Error](err); ok {
		return provisioner.Unauthorized
	}
	answer, ok := errors.AsType[*googleapi.Error](err)
	if !ok {
		return provisioner.Transient
	}
	for _, item := range answer.Errors {
		if class, listed := reasons[item.Reason]; listed {
			return class
		}
	}
	switch answer.Code {
	case http.StatusBadRequest:
		return provisioner.InvalidTemplate
	case http.StatusUnauthorized, http.StatusForbidden:
		return provisioner.Unauthorized
	case http.StatusNotFound:
		return provisioner.NotFound
	case http.StatusTooManyRequests:
		return provisioner.Throttled
	}
	return provisioner.Transient
}

// failure makes the contract's error of what a call returned.
func (s *Service) failure(op string, err error) error {
	if provisioner.Interrupted(err) {
		return fmt.Errorf("%s %s: %w", op, s.config.Zone, err)
	}
	e := &provisioner.Error{Class: classify(err), Op: op, Subject: s.config.Zone, Err: err}
	if answer, ok := errors.AsType[*googleapi.Error](err); ok {
		e.Err = fmt.Errorf("%d: %s", answer.Code, answer.Message)
		e.RetryAfter = provisioner.Advice(answer.Header, believed)
	}
	if e.Class == provisioner.Throttled {
		e.RetryAfter = max(e.RetryAfter, throttledFor)
	}
	return e
}
