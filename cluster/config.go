package cluster

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/statestore"
)

// Config is what a Reconciler is made of. Store, Fleet, Enrolment, Providers
// and Installation must be given.
type Config struct {
	Store     Store
	Fleet     Fleet
	Enrolment Enrolment
	// Providers by the name that templates use.
	Providers map[string]provisioner.Provider
	// Installation marks every instance as ours. It must stay the same for as
	// long as the state store lives.
	Installation string

	// Interval between steps; 2 s if zero.
	Interval time.Duration
	// ListEvery is how often instances are listed; Interval if zero.
	ListEvery time.Duration
	// OrphanAge is how old an instance of which no row was ever seen must be
	// before it is ended; 60 s if zero.
	OrphanAge time.Duration
	// EffectTimeout bounds one call of a provider or a node; 60 s if zero.
	EffectTimeout time.Duration
	// Parallel bounds the effects that run at once; 32 if zero.
	Parallel int
	// Retention of decisions, of conditions that are over and of terminated nodes'
	// rows; 30 days if zero.
	Retention time.Duration
	// LoadRetention of the recorded load; 35 days, five whole weeks, if zero.
	LoadRetention time.Duration

	// Now is the clock; time.Now if nil.
	Now func() time.Time
	// ClockOff is how far the machine's clock is from Now, where Now does not
	// follow its steps; never if nil.
	ClockOff func() time.Duration
	// Spawn runs an effect; a goroutine if nil. A simulation gives its own.
	Spawn func(func())
	// Changed is told what a step changed: a topic ("nodes", "decisions",
	// "conditions") of a cluster. It must not block. May be nil.
	Changed func(clusterID, topic string)
	Log     *slog.Logger
}

// Enrolment gives nodes an identity and takes it away.
type Enrolment interface {
	// Bootstrap makes what a new instance of this node is told: where the
	// manager is and a token for one join, valid for ttl. It may be called
	// again for the same node when a launch is repeated.
	Bootstrap(ctx context.Context, term statestore.Term, node statestore.Node, clusterName string, ttl time.Duration) (provisioner.Bootstrap, error)
	// Retire makes every credential of the node worthless, for good: join
	// tokens, certificates. Repeating it is a success.
	Retire(ctx context.Context, nodeID, why string) error
}

func (c *Config) complete() error {
	if c.Store == nil || c.Fleet == nil || c.Enrolment == nil || c.Installation == "" {
		return errors.New("cluster: store, fleet, enrolment and installation must be given")
	}
	for _, option := range []struct {
		value    *time.Duration
		fallback time.Duration
	}{
		{&c.Interval, 2 * time.Second},
		{&c.OrphanAge, time.Minute},
		{&c.EffectTimeout, time.Minute},
		{&c.Retention, 30 * 24 * time.Hour},
		{&c.LoadRetention, 35 * 24 * time.Hour},
	} {
		if *option.value <= 0 {
			*option.value = option.fallback
		}
	}
	if c.ListEvery <= 0 {
		c.ListEvery = c.Interval
	}
	if c.Parallel <= 0 {
		c.Parallel = 32
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.ClockOff == nil {
		c.ClockOff = func() time.Duration { return 0 }
	}
	if c.Changed == nil {
		c.Changed = func(string, string) {}
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return nil
}
