package certificate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/godwit/godwit/internal/loop"
	"github.com/godwit/godwit/statestore"
)

// Wanted is a cluster's certificate. A cluster has one, with all names.
type Wanted struct {
	Cluster string
	Names   []string // in lower case, without the dot at their end
	// HTTP: the names are proved where they lead to, instead of in their zone.
	HTTP bool
}

// Config of an Issuer. Everything above Settle must be given.
type Config struct {
	Authority  Authority
	Wanted     []Wanted
	Settings   statestore.Settings
	Challenges *Challenges
	// Leading says whether this manager is the one to order.
	Leading func() bool
	// Clusters are the ids of those that there are, by name.
	Clusters func(ctx context.Context) (map[string]string, error)
	// Published says whether all zones that have a cluster's name answer with the
	// text at its challenge's name, and if not, why.
	Published func(cluster, name, text string) error
	// Answered says whether all to whom a cluster's name leads answer with the proof
	// of the token, and if not, why. Needed where a certificate is wanted by HTTP.
	Answered func(cluster, name, token string) error
	// Report takes, by cluster id and in place of those before, which orders came to nothing, why, and when they are
	// repeated.
	Report func(map[string]string)

	// Settle is how long after a text was published the authority is asked to look.
	Settle time.Duration
	// SettleHTTP is the same of proofs by HTTP.
	SettleHTTP time.Duration
	// PublishTime is how long publishing may take; 3 min if zero.
	PublishTime time.Duration
	// Every is how often it is looked what is due; 2 s if zero.
	Every time.Duration
	// Now is the clock; time.Now if nil.
	Now func() time.Time
	// Jitter is a random time below d; that of math/rand if nil.
	Jitter func(d time.Duration) time.Duration
	Log    *slog.Logger
}

// Let's Encrypt allows five failed validations of a name in an hour
// (https://letsencrypt.org/docs/rate-limits/): attempts after 0, 2, 6, 14, 30 and
// 62 minutes at the soonest, then hourly.
const (
	pauseFirst = 2 * time.Minute
	pauseMost  = time.Hour
)

// Issuer orders certificates and renews them.
type Issuer struct{ Config }

// New makes an issuer that does nothing until it runs.
func New(c Config) (*Issuer, error) {
	if c.Authority.Directory == "" || len(c.Wanted) == 0 || c.Challenges == nil || c.Leading == nil || c.Clusters == nil || c.Published == nil || c.Report == nil {
		return nil, errors.New("certificate issuer: authority, certificates, challenges and what it asks must be given")
	}
	if c.Answered == nil && slices.ContainsFunc(c.Wanted, func(w Wanted) bool { return w.HTTP }) {
		return nil, errors.New("certificate issuer: who answers by HTTP must be given")
	}
	if c.PublishTime <= 0 {
		c.PublishTime = 3 * time.Minute
	}
	if c.Every <= 0 {
		c.Every = 2 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Jitter == nil {
		c.Jitter = func(d time.Duration) time.Duration { return rand.N(d) } //nolint:gosec // jitter
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return &Issuer{c}, nil
}

// Run steps until ctx ends. One goroutine at a time.
func (i *Issuer) Run(ctx context.Context) {
	loop.Run(ctx, i.Every, i.Step, func(err error) {
		i.Log.WarnContext(ctx, "certificates are not looked after", "error", err)
	})
}

// Step orders what is missing or due, one after the other, which takes as long as
// the authority does. An order that fails is reported; an error is what keeps the
// issuer from knowing what is due.
func (i *Issuer) Step(ctx context.Context) error {
	if !i.Leading() {
		i.Report(nil) // another one knows
		return nil
	}
	clusters, err := i.Clusters(ctx)
	if err != nil {
		return err
	}
	troubles := map[string]string{}
	var failures []error
	for _, w := range i.Wanted {
		id, there := clusters[w.Cluster]
		if !there {
			continue
		}
		trouble, err := i.attend(ctx, w)
		if err != nil {
			failures = append(failures, fmt.Errorf("certificate of cluster %s: %w", w.Cluster, err))
		}
		if trouble != "" {
			troubles[id] = trouble
		}
	}
	if len(failures) == 0 { // otherwise what was said before still stands
		i.Report(troubles)
	}
	return errors.Join(failures...)
}

// attend does what is due for one certificate.
func (i *Issuer) attend(ctx context.Context, w Wanted) (trouble string, err error) {
	have, err := recall(ctx, i.Settings, w.Cluster)
	if err != nil {
		return "", err
	}
	past, err := i.tried(ctx, w)
	if err != nil {
		return "", err
	}
	due := !have.serves(w, i.Authority.Directory) || !i.Now().Before(have.renewAt())
	if due && !i.Now().Before(past.Next) {
		got, err := i.orderWhileLeading(ctx, w)
		switch {
		case ctx.Err() != nil:
			return "", ctx.Err()
		case errors.Is(err, errOvertaken):
			return "", nil // another one orders, and counts
		case err == nil:
			i.Log.InfoContext(ctx, "certificate issued", "cluster", w.Cluster, "names", w.Names, "until", got.leaf.NotAfter)
			due = false
			past.Failures, past.Why, past.Next = 0, "", time.Time{}
		default:
			wait := min(pauseFirst<<min(past.Failures, 10), pauseMost)
			past.Failures, past.Why, past.Next = past.Failures+1, words(err), i.Now().Add(wait+i.Jitter(wait/4))
			i.Log.WarnContext(ctx, "no certificate", "cluster", w.Cluster, "names", w.Names, "error", past.Why, "again", past.Next)
		}
		if err := i.Settings.Put(ctx, attemptsKey(w.Cluster), past); err != nil {
			return "", err
		}
	}
	if due && past.Failures > 0 {
		trouble = fmt.Sprintf("%s has no new certificate for %s: %s; attempt %d, the next at %s",
			i.Authority.Directory, strings.Join(w.Names, ", "), past.Why, past.Failures, past.Next.UTC().Format(time.RFC3339))
	}
	return trouble, nil
}

// errOvertaken ends an order when another manager leads.
var errOvertaken = errors.New("another manager leads")

// orderWhileLeading gives an order up as soon as another manager may begin the same one.
func (i *Issuer) orderWhileLeading(ctx context.Context, w Wanted) (*kept, error) {
	leading, overtaken := context.WithCancelCause(ctx)
	defer overtaken(nil)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		for pause(leading, lookEvery) == nil {
			if !i.Leading() {
				overtaken(errOvertaken)
			}
		}
	}()
	got, err := i.order(leading, w)
	if err != nil && errors.Is(context.Cause(leading), errOvertaken) {
		err = errOvertaken
	}
	overtaken(nil)
	<-watched
	return got, err
}

// Current are the certificates of clusters, as far as there are any. Every manager
// may ask.
func Current(ctx context.Context, settings statestore.Settings, wanted []Wanted) (map[string]Pair, error) {
	out := make(map[string]Pair, len(wanted))
	for _, w := range wanted {
		k, err := recall(ctx, settings, w.Cluster)
		if err != nil {
			return nil, err
		}
		if k != nil {
			out[w.Cluster] = k.Pair
		}
	}
	return out, nil
}
