package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/godwit/godwit/statestore"
)

// Reconciler steps all clusters while it leads. Preview and Best work on every
// manager, leader or not. Its methods are safe for concurrent use, except that
// only one Lead (or Step) may run at a time.
type Reconciler struct {
	config Config
	log    *slog.Logger
	// providers by name, in an order that is always the same.
	providers []string
	// listening is since when this manager hears reports.
	listening time.Time
	inventory inventory
	reserved  *reservations
	placing   placing
	wake      chan struct{}
	notes     notes

	// Of the term that is led now.
	begun      time.Time
	effects    *effects
	fenced     atomic.Bool
	conditions *conditions
	outcomes   *outcomes
	orphans    map[string]orphan
	parts      map[string]time.Time // when a provider was last asked for parts without an instance
	lastNoop   map[string]string    // by cluster: what its newest decision says
	// memoirs are what is recorded and learnt, by cluster.
	memoirs map[string]*memoir
	// present says that no row is of the future any more; see noFuture.
	present bool
	// rememberedAt is when a cluster's memory was last stored.
	rememberedAt map[string]time.Time
	reportedAt   time.Time // rows' report times last written
	forgotAt     time.Time

	mutex    sync.Mutex
	memories map[string]*memory
	policies map[string]parsedPolicy
	drifts   drifts
}

// New checks the configuration. It starts nothing.
func New(config Config) (*Reconciler, error) {
	if err := config.complete(); err != nil {
		return nil, err
	}
	r := &Reconciler{
		config: config, log: config.Log.With("part", "cluster"), providers: slices.Sorted(maps.Keys(config.Providers)), listening: config.Now().UTC(),
		reserved: newReservations(), wake: make(chan struct{}, 1), policies: map[string]parsedPolicy{}, drifts: drifts{},
	}
	r.begin()
	return r, nil
}

// begin forgets what belonged to an earlier term.
func (r *Reconciler) begin() {
	r.begun = r.now()
	r.effects = newEffects(&r.config)
	r.conditions = &conditions{}
	r.outcomes = &outcomes{}
	r.orphans, r.lastNoop, r.rememberedAt = map[string]orphan{}, map[string]string{}, map[string]time.Time{}
	r.parts = map[string]time.Time{}
	r.memoirs = map[string]*memoir{}
	r.reportedAt, r.forgotAt, r.present = time.Time{}, time.Time{}, false
	r.mutex.Lock()
	r.memories = map[string]*memory{}
	r.mutex.Unlock()
	r.fenced.Store(false)
}

// now is the time in the resolution that the store keeps, so that a stored
// decision can be made again from its own time.
func (r *Reconciler) now() time.Time { return r.config.Now().UTC().Truncate(time.Microsecond) }

// Lead steps until the context ends or the term is over; it returns the
// context's error or statestore.ErrFenced, after its effects have ended. Other
// failures are logged, raised as conditions and tried again.
func (r *Reconciler) Lead(ctx context.Context, term statestore.Term) error {
	ctx, cancel := context.WithCancel(ctx)
	r.begin()
	defer r.effects.running.Wait()
	defer cancel()
	r.log.Info("leading", "term", term)
	ticker := time.NewTicker(r.config.Interval)
	defer ticker.Stop()
	for {
		err := r.Step(ctx, term)
		switch {
		case errors.Is(err, statestore.ErrFenced):
			r.log.Warn("no longer leading", "term", term)
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			r.log.Error("step", "err", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		case <-r.wake:
		}
	}
}

// Elector gives terms; *statestore.Elector is one.
type Elector interface {
	WhileLeading(ctx context.Context, f func(ctx context.Context, term statestore.Term) error) error
}

// Run leads in every term that the elector wins, until the context ends.
func (r *Reconciler) Run(ctx context.Context, elector Elector) error {
	for {
		err := elector.WhileLeading(ctx, r.Lead)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		// Fenced before the elector knew: it will know within its next attempt.
		r.log.Warn("leading ended", "err", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

// Wake asks for a step at once: desired state has changed.
func (r *Reconciler) Wake() {
	select {
	case r.wake <- struct{}{}:
	default: // one is asked for already
	}
}

// Step does everything once for every cluster. One cluster's failure does not
// keep the others from their step; ErrFenced ends all.
func (r *Reconciler) Step(ctx context.Context, term statestore.Term) error {
	if r.fenced.Load() {
		return fmt.Errorf("term %d: %w", term, statestore.ErrFenced)
	}
	r.takeStock(ctx)
	if err := r.noFuture(ctx, term); err != nil {
		return err
	}
	s := r.newStep(term)
	clusters, err := r.config.Store.Clusters(ctx)
	if err != nil {
		return err
	}
	var failures []error
	for _, c := range clusters {
		if err := r.reconcile(ctx, s, c); err != nil {
			if errors.Is(err, statestore.ErrFenced) || ctx.Err() != nil {
				return err
			}
			failures = append(failures, fmt.Errorf("cluster %s: %w", c.Name, err))
			r.conditions.want(c.ID, conditionStuck, "", "the cluster could not be reconciled: "+err.Error())
		}
	}
	r.forgetClusters(clusters)
	for _, finish := range []func() error{
		func() error { r.collect(ctx, s, clusters); r.collectParts(ctx); return nil },
		func() error { return r.noteReports(ctx, s) },
		func() error { return r.settleConditions(ctx, term, clusters) },
		func() error { return r.forget(ctx) },
	} {
		if err := finish(); err != nil {
			if errors.Is(err, statestore.ErrFenced) || ctx.Err() != nil {
				return err
			}
			failures = append(failures, err)
		}
	}
	r.effects.prune()
	if r.fenced.Load() {
		return fmt.Errorf("term %d: %w", term, statestore.ErrFenced)
	}
	return errors.Join(failures...)
}

// reconcile is one cluster's step.
func (r *Reconciler) reconcile(ctx context.Context, s *step, c statestore.Cluster) error {
	b, err := r.observe(ctx, s, c)
	if err != nil {
		return err
	}
	for _, stage := range []func(context.Context, *round) error{
		r.obey, r.settle, r.heed, r.roll, r.decide,
	} {
		if err := stage(ctx, b); err != nil {
			return err
		}
	}
	r.drive(ctx, b)
	r.wantConditions(b)
	return nil
}

// drive starts the effect that each row is waiting for.
func (r *Reconciler) drive(ctx context.Context, b *round) {
	for _, n := range b.nodes {
		switch n.State {
		case statestore.NodeRequested, statestore.NodeLaunching:
			r.driveLaunch(ctx, b, n)
		case statestore.NodeRunning, statestore.NodeDraining:
			r.driveDrain(ctx, b, n)
		case statestore.NodeTerminating:
			r.driveEnd(ctx, b, n)
		case statestore.NodeStopping:
			r.driveStop(ctx, b, n)
		case statestore.NodeStopped:
			r.driveRest(ctx, b, n)
		case statestore.NodeStarting:
			r.driveStart(ctx, b, n)
		case statestore.NodeBooting, statestore.NodeFailed, statestore.NodeLost, statestore.NodeTerminated:
			// Nothing to do but wait: for a report, or for policy.
		}
	}
}

// noteReports stores when nodes last reported, now and then: after a restart of
// all managers silence is measured from there.
func (r *Reconciler) noteReports(ctx context.Context, s *step) error {
	const every = 10 * time.Second
	now := r.now()
	if now.Sub(r.reportedAt) < every {
		return nil
	}
	if at := s.heard.times(); len(at) > 0 {
		if err := r.config.Store.Reported(ctx, at); err != nil {
			return err
		}
	}
	r.reportedAt = now
	return nil
}

// forget drops what is older than the retention, once an hour.
func (r *Reconciler) forget(ctx context.Context) error {
	now := r.now()
	if now.Sub(r.forgotAt) < time.Hour {
		return nil
	}
	if err := r.config.Store.Forget(ctx, now.Add(-r.config.Retention), now.Add(-r.config.LoadRetention)); err != nil {
		return err
	}
	r.forgotAt = now
	return nil
}

// forgetClusters drops the memory of deleted clusters.
func (r *Reconciler) forgetClusters(clusters []statestore.Cluster) {
	alive := make(map[string]bool, len(clusters))
	for _, c := range clusters {
		alive[c.ID] = true
	}
	maps.DeleteFunc(r.memoirs, func(id string, _ *memoir) bool { return !alive[id] })
	r.mutex.Lock()
	defer r.mutex.Unlock()
	maps.DeleteFunc(r.memories, func(id string, _ *memory) bool { return !alive[id] })
	maps.DeleteFunc(r.policies, func(id string, _ parsedPolicy) bool { return !alive[id] })
}
