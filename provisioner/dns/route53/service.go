package route53

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"golang.org/x/time/rate"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/dns"
)

// Name is what this service is called in flags.
const Name = "route53"

// Config of a Service. Zone is required.
type Config struct {
	// Zone by its id (Z…), or by its name, which must be of one zone.
	Zone string
	// Private zones are looked for by name, not public ones.
	Private bool
	// Role to assume, as an ARN, where the zone is another account's; ExternalID for
	// it, where its trust asks for one.
	Role, ExternalID string
	// Endpoint replaces the addresses of Route 53 and STS; empty: the SDK's own,
	// which AWS_ENDPOINT_URL and its like change.
	Endpoint string
	// Credentials replace the SDK's default chain; nil: that chain.
	Credentials awssdk.CredentialsProvider
	// Rate of calls a second; 2 if zero. An account has five for all its zones and
	// users: https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html#limits-api-requests
	Rate float64
	// PageSize of lists; 300, the most that Route 53 gives, if zero.
	PageSize int32

	hasty bool // tests do not wait between attempts
}

// Service is a hosted zone. Make it with New.
type Service struct {
	config Config
	rate   *rate.Limiter

	mutex  sync.Mutex
	client *route53.Client // made when it is first wanted, and again until that works
	id     string
}

const (
	defaultRate = 2
	mostPerPage = 300 // ListResourceRecordSets, maxitems
	region      = "us-east-1"
	attempts    = 3
	maxBackoff  = 5 * time.Second
)

var _ dns.Service = (*Service)(nil)

var zoneID = regexp.MustCompile(`^Z[A-Z0-9]{1,31}$`)

// New checks the configuration and makes no call.
func New(c Config) (*Service, error) {
	c.Zone = strings.TrimPrefix(strings.TrimSuffix(c.Zone, "."), "/hostedzone/")
	if !zoneID.MatchString(c.Zone) {
		if c.Zone = strings.ToLower(c.Zone); !dns.ValidName(c.Zone) {
			return nil, fmt.Errorf("route53: %q is neither the name of a zone nor an id such as Z0123456789ABCDEFGHIJ", c.Zone)
		}
	}
	if c.Role != "" && !strings.HasPrefix(c.Role, "arn:") {
		return nil, fmt.Errorf("route53: role %q is no ARN, such as arn:aws:iam::123456789012:role/godwit-dns", c.Role)
	}
	if c.Rate <= 0 {
		c.Rate = defaultRate
	}
	if c.PageSize <= 0 {
		c.PageSize = mostPerPage
	}
	return &Service{config: c, rate: rate.NewLimiter(rate.Limit(c.Rate), int(max(10*c.Rate, 1)))}, nil
}

// open finds credentials and makes the client.
func (s *Service) open(ctx context.Context) (*route53.Client, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.client != nil {
		return s.client, nil
	}
	c := s.config
	options := []func(*config.LoadOptions) error{
		config.WithRegion(region), config.WithAppID("godwit"), config.WithRetryer(func() awssdk.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts, o.MaxBackoff = attempts, maxBackoff
				if c.hasty {
					o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return time.Millisecond, nil })
				}
				// Throttling is waited for by the caller, who keeps its own clock.
				o.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(func(err error) awssdk.Ternary {
					if classify(err) == provisioner.Transient {
						return awssdk.UnknownTernary
					}
					return awssdk.FalseTernary
				})}, o.Retryables...)
			})
		}),
	}
	if c.Endpoint != "" {
		options = append(options, config.WithBaseEndpoint(c.Endpoint))
	}
	if c.Credentials != nil {
		options = append(options, config.WithCredentialsProvider(c.Credentials))
	}
	base, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, &provisioner.Error{Class: provisioner.Unauthorized, Op: "configuration", Err: err}
	}
	if c.Role != "" {
		base.Credentials = awssdk.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(base), c.Role,
			func(o *stscreds.AssumeRoleOptions) {
				o.RoleSessionName = "godwit-dns"
				if c.ExternalID != "" {
					o.ExternalID = &c.ExternalID
				}
			}))
	}
	base.Credentials = found{base.Credentials}
	s.client = route53.NewFromConfig(base)
	return s.client, nil
}

// begin waits for the turn of a call.
func (s *Service) begin(ctx context.Context) (*route53.Client, error) {
	if err := s.rate.Wait(ctx); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &provisioner.Error{Class: provisioner.Throttled, Op: "call", RetryAfter: throttledFor, Err: err}
	}
	return s.open(ctx)
}

// Limits implements dns.Service: "Quotas on records" and on
// ChangeResourceRecordSets, https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html:
// 400 values in a set; 1,000 ResourceRecord elements and 32,000 characters of
// values in a request.
func (s *Service) Limits() dns.Limits {
	return dns.Limits{Values: 400, BatchValues: 1000, BatchBytes: 30000}
}

// Apex implements dns.Service.
func (s *Service) Apex(ctx context.Context) (string, error) {
	if zoneID.MatchString(s.config.Zone) {
		client, err := s.begin(ctx)
		if err != nil {
			return "", err
		}
		out, err := client.GetHostedZone(ctx, &route53.GetHostedZoneInput{Id: &s.config.Zone})
		if err != nil {
			return "", failure("find zone", s.config.Zone, err)
		}
		s.id = s.config.Zone
		return plainName(awssdk.ToString(out.HostedZone.Name)), nil
	}
	var ids []string
	in := &route53.ListHostedZonesByNameInput{DNSName: &s.config.Zone}
	for {
		client, err := s.begin(ctx)
		if err != nil {
			return "", err
		}
		out, err := client.ListHostedZonesByName(ctx, in)
		if err != nil {
			return "", failure("find zone", s.config.Zone, err)
		}
		for _, z := range out.HostedZones {
			if plainName(awssdk.ToString(z.Name)) == s.config.Zone && (z.Config != nil && z.Config.PrivateZone) == s.config.Private {
				ids = append(ids, strings.TrimPrefix(awssdk.ToString(z.Id), "/hostedzone/"))
			}
		}
		if !out.IsTruncated || plainName(awssdk.ToString(out.NextDNSName)) != s.config.Zone {
			break
		}
		in.DNSName, in.HostedZoneId = out.NextDNSName, out.NextHostedZoneId
	}
	kind := "public"
	if s.config.Private {
		kind = "private"
	}
	switch len(ids) {
	case 0:
		return "", &provisioner.Error{Class: provisioner.NotFound, Op: "find zone", Subject: s.config.Zone, Err: fmt.Errorf("the account has no %s zone of this name", kind)}
	case 1:
		s.id = ids[0]
		return s.config.Zone, nil
	}
	return "", &provisioner.Error{Class: provisioner.InvalidTemplate, Op: "find zone", Subject: s.config.Zone, Err: fmt.Errorf("the account has %d %s zones of this name: give the id of one, out of %s", len(ids), kind, strings.Join(ids, ", "))}
}

// Sets implements dns.Service.
func (s *Service) Sets(ctx context.Context) ([]dns.Set, error) {
	in := &route53.ListResourceRecordSetsInput{HostedZoneId: &s.id, MaxItems: &s.config.PageSize}
	var all []dns.Set
	for {
		client, err := s.begin(ctx)
		if err != nil {
			return nil, err
		}
		out, err := client.ListResourceRecordSets(ctx, in)
		if err != nil {
			return nil, failure("list records", s.config.Zone, err)
		}
		for _, r := range out.ResourceRecordSets {
			all = append(all, setOf(r))
		}
		if !out.IsTruncated {
			return all, nil
		}
		in.StartRecordName, in.StartRecordType, in.StartRecordIdentifier = out.NextRecordName, out.NextRecordType, out.NextRecordIdentifier
	}
}

// Apply implements dns.Service.
func (s *Service) Apply(ctx context.Context, swaps []dns.Swap) error {
	var changes []types.Change
	for _, swap := range swaps { // Route 53 makes a batch in its order
		if swap.Old == swap.New { // a batch cannot ask for that; lists show what is current, pending changes too
			continue
		}
		if swap.Old != nil {
			changes = append(changes, types.Change{Action: types.ChangeActionDelete, ResourceRecordSet: recordsOf(swap.Old)})
		}
		if swap.New != nil {
			changes = append(changes, types.Change{Action: types.ChangeActionCreate, ResourceRecordSet: recordsOf(swap.New)})
		}
	}
	client, err := s.begin(ctx)
	if err != nil {
		return err
	}
	_, err = client.ChangeResourceRecordSets(ctx, &route53.ChangeResourceRecordSetsInput{HostedZoneId: &s.id, ChangeBatch: &types.ChangeBatch{Changes: changes}})
	if batch, refused := errors.AsType[*types.InvalidChangeBatch](err); refused {
		if meant(batch) {
			return fmt.Errorf("%w: %s", dns.ErrConflict, said(batch))
		}
		return &provisioner.Error{Class: provisioner.InvalidTemplate, Op: "change records", Subject: s.config.Zone, Err: errors.New(said(batch))}
	}
	if err != nil {
		return failure("change records", s.config.Zone, err)
	}
	return nil
}

func said(b *types.InvalidChangeBatch) string {
	return strings.Join(append(slices.Clone(b.Messages), b.ErrorMessage()), " ")
}

// meant says whether a refused batch was refused for what is there. Route 53 has
// one code for all reasons and tells them apart in words, such as "Tried to create
// resource record set [name='…', type='A'] but it already exists" and "Tried to
// delete … but it was not found", or "but the values provided do not match the
// current values".
func meant(b *types.InvalidChangeBatch) bool {
	text := said(b)
	return strings.Contains(text, "already exists") || strings.Contains(text, "not found") || strings.Contains(text, "do not match")
}

func setOf(r types.ResourceRecordSet) dns.Set {
	s := dns.Set{Name: plainName(awssdk.ToString(r.Name)), Type: string(r.Type), TTL: time.Duration(awssdk.ToInt64(r.TTL)) * time.Second}
	s.Special = r.AliasTarget != nil || r.SetIdentifier != nil || r.HealthCheckId != nil || r.TrafficPolicyInstanceId != nil
	for _, v := range r.ResourceRecords {
		value := awssdk.ToString(v.Value)
		if s.Type == "TXT" {
			value = dns.Unquote(value)
		}
		s.Values = append(s.Values, value)
	}
	return s
}

func recordsOf(s *dns.Set) *types.ResourceRecordSet {
	seconds := int64(s.TTL / time.Second)
	r := &types.ResourceRecordSet{Name: awssdk.String(s.Name + "."), Type: types.RRType(s.Type), TTL: &seconds}
	for _, v := range s.Values {
		if s.Type == "TXT" {
			v = dns.Quote(v)
		}
		r.ResourceRecords = append(r.ResourceRecords, types.ResourceRecord{Value: &v})
	}
	return r
}

// plainName undoes how Route 53 writes names: with a dot at the end, and other
// letters than a-z, 0-9, - and _ as \ooo, which no name of ours has.
func plainName(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }
