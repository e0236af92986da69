package aws

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/address"
	"github.com/godwit/godwit/provisioner/aws/template"
	"github.com/godwit/godwit/provisioner/offering"
)

// Name is what templates call this provider.
const Name = template.Provider

// Config is what a Provider needs.
type Config struct {
	// Regions in which nodes may run; at least one. The first is the default of
	// templates. A region that is taken away while nodes run there strands them.
	Regions []string
	// Role to assume, as an ARN; empty: the credentials as they are found.
	Role string
	// ExternalID for the role, where its trust asks for one.
	ExternalID string
	// Endpoint replaces the addresses of EC2 and STS; empty: the SDK's own, which
	// AWS_ENDPOINT_URL and its like change.
	Endpoint string
	// Credentials replace the SDK's default chain (environment, shared files, web
	// identity, the container's and the instance's role); nil: that chain.
	Credentials awssdk.CredentialsProvider
	// HTTP replaces the SDK's client; nil: the SDK's own. For tests.
	HTTP *http.Client
	// Lag is how long EC2 may take to show a new instance; 20 s if zero.
	Lag time.Duration
	// PageSize of lists; 1000, the most that EC2 gives, if zero.
	PageSize int32
	// NoticesEvery is how often EC2 is asked for interruptions and events; 15 s if
	// zero: an eighth of the two minutes that spot gives.
	NoticesEvery time.Duration
	// Now is the clock; time.Now if nil.
	Now func() time.Time
	// Log receives what nobody waits for; slog's default if nil.
	Log *slog.Logger

	hasty bool // tests do not wait for EC2's budget and between attempts
}

// Provider launches on EC2. Make it with New; it is safe for concurrent use.
type Provider struct {
	regions map[string]*region
	order   []string // of regions; the first is the default
	sts     *sts.Client

	lag, noticesEvery time.Duration
	pageSize          int32
	now               func() time.Time
	log               *slog.Logger

	launches offering.Launches[launch]
	market   offering.Market // its zones are subnets
	recent   recent
	claims   address.Claims
}

// region is EC2 in one place.
type region struct {
	name   string
	ec2    *ec2.Client
	gets   *batcher[provisioner.Instance]
	ends   *batcher[struct{}]
	images images

	mutex   sync.Mutex // of what follows
	notices map[string]provisioner.Notice
	asked   time.Time
}

var (
	_ provisioner.Provider = (*Provider)(nil)
	_ provisioner.Effects  = (*Provider)(nil)
)

const (
	defaultLag          = 20 * time.Second
	defaultNoticesEvery = 15 * time.Second
	mostPerPage         = 1000 // DescribeInstances, MaxResults
	sessionName         = "godwit"
)

var regionName = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$`)

// New finds credentials and prepares the clients. It makes no call of EC2's;
// credentials that do not work show in Validate.
func New(ctx context.Context, c Config) (*Provider, error) {
	if len(c.Regions) == 0 {
		return nil, errors.New("aws provider: at least one region must be given")
	}
	for i, name := range c.Regions {
		if !regionName.MatchString(name) {
			return nil, fmt.Errorf("aws provider: %q is not the name of a region, such as eu-central-1", name)
		}
		if slices.Contains(c.Regions[:i], name) {
			return nil, fmt.Errorf("aws provider: region %s is given twice", name)
		}
	}
	p := &Provider{
		regions: map[string]*region{}, order: slices.Clone(c.Regions),
		lag: c.Lag, noticesEvery: c.NoticesEvery, pageSize: c.PageSize, now: c.Now, log: c.Log,
	}
	p.complete()
	base, err := load(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("aws provider: %w", err)
	}
	p.sts = sts.NewFromConfig(base)
	for _, name := range p.order {
		limits := newBudget(c.hasty)
		r := &region{name: name, ec2: ec2.NewFromConfig(base, func(o *ec2.Options) {
			o.Region = name
			o.APIOptions = append(o.APIOptions, limits.attach)
		})}
		r.gets = newBatcher(func(ctx context.Context, ids []string) map[string]outcome[provisioner.Instance] {
			return p.describe(ctx, r, ids)
		})
		r.ends = newBatcher(func(ctx context.Context, ids []string) map[string]outcome[struct{}] { return p.terminate(ctx, r, ids) })
		p.regions[name] = r
	}
	return p, nil
}

func (p *Provider) complete() {
	if p.lag <= 0 {
		p.lag = defaultLag
	}
	if p.noticesEvery <= 0 {
		p.noticesEvery = defaultNoticesEvery
	}
	if p.pageSize <= 0 {
		p.pageSize = mostPerPage
	}
	if p.now == nil {
		p.now = time.Now
	}
	if p.log == nil {
		p.log = slog.Default()
	}
	p.log = p.log.With("provider", Name)
}

// load makes the SDK's configuration: credentials, retries, the role.
func load(ctx context.Context, c Config) (awssdk.Config, error) {
	options := []func(*config.LoadOptions) error{
		config.WithRegion(c.Regions[0]), config.WithRetryer(func() awssdk.Retryer { return retryer(c.hasty) }), config.WithAppID("godwit"),
	}
	if c.Endpoint != "" {
		options = append(options, config.WithBaseEndpoint(c.Endpoint))
	}
	if c.Credentials != nil {
		options = append(options, config.WithCredentialsProvider(c.Credentials))
	}
	if c.HTTP != nil {
		options = append(options, config.WithHTTPClient(c.HTTP))
	}
	base, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return base, fmt.Errorf("configuration: %w", err)
	}
	if c.Role != "" {
		base.Credentials = awssdk.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(base), c.Role,
			func(o *stscreds.AssumeRoleOptions) {
				o.RoleSessionName = sessionName
				if c.ExternalID != "" {
					o.ExternalID = &c.ExternalID
				}
			}))
	}
	base.Credentials = found{base.Credentials}
	return base, nil
}

// Within one call: enough attempts to outlast a hiccup, few enough that the
// reconciler, which has its own backoff, hears of trouble.
const (
	attempts   = 4
	maxBackoff = 5 * time.Second
)

// retryer repeats what the SDK's own would, except for refusals that EC2 sends
// with a server's status: no capacity in a second's time is no surprise.
func retryer(hasty bool) awssdk.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts, o.MaxBackoff = attempts, maxBackoff
		if hasty {
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return time.Millisecond, nil })
		}
		o.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(func(err error) awssdk.Ternary {
			switch cloud.Class(err) {
			case provisioner.Transient, provisioner.Throttled:
				return awssdk.UnknownTernary
			case provisioner.Capacity, provisioner.Quota, provisioner.Unauthorized, provisioner.InvalidTemplate,
				provisioner.NotFound, provisioner.Unsupported:
			}
			return awssdk.FalseTernary
		})}, o.Retryables...)
	})
}

// Capabilities implements provisioner.Provider.
func (p *Provider) Capabilities() provisioner.Capabilities {
	return provisioner.Capabilities{Provider: Name, StopStart: true, Spot: true, ListLag: p.lag}
}

// locate splits an id into its region and EC2's own id.
func (p *Provider) locate(id string) (*region, string, bool) {
	name, own, ok := strings.Cut(id, "/")
	r := p.regions[name]
	return r, own, ok && r != nil && instanceID.MatchString(own)
}

var instanceID = regexp.MustCompile(`^i-[0-9a-f]{8,17}$`)

func (r *region) id(own string) string { return r.name + "/" + own }

// Effect implements provisioner.Effects.
func (p *Provider) Effect(field string) provisioner.Effect { return template.Effect(field) }
