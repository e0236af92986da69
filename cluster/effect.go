package cluster

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/statestore"
)

// Backoff of an effect that failed: doubled each time between these.
const (
	firstRetry = time.Second
	lastRetry  = time.Minute
)

// effects runs what reaches outside: at most one at a time for each key, and
// not before its backoff is over.
type effects struct {
	now   func() time.Time
	spawn func(func())

	running sync.WaitGroup
	slots   chan struct{}

	mutex sync.Mutex
	state map[string]*attempts
}

type attempts struct {
	busy     bool
	failures int
	next     time.Time
	ended    time.Time // when it last failed
}

func newEffects(c *Config) *effects {
	e := &effects{now: c.Now, spawn: c.Spawn, slots: make(chan struct{}, c.Parallel), state: map[string]*attempts{}}
	if e.spawn == nil {
		e.spawn = func(f func()) {
			e.running.Go(func() {
				e.slots <- struct{}{}
				defer func() { <-e.slots }()
				f()
			})
		}
	}
	return e
}

// try starts an effect unless one of its key runs or waits. An error brings it
// back later; nil forgets the key.
func (e *effects) try(key string, effect func() error) {
	e.mutex.Lock()
	a := e.state[key]
	if a == nil {
		a = &attempts{}
		e.state[key] = a
	}
	if a.busy || e.now().Before(a.next) {
		e.mutex.Unlock()
		return
	}
	a.busy = true
	e.mutex.Unlock()
	e.spawn(func() {
		err := effect()
		e.mutex.Lock()
		defer e.mutex.Unlock()
		a.busy = false
		if err == nil {
			delete(e.state, key)
			return
		}
		pause := firstRetry
		if !errors.Is(err, errEnding) {
			pause = min(firstRetry<<min(a.failures, 10), lastRetry)
			a.failures++
		}
		a.ended = e.now()
		a.next = a.ended.Add(max(pause, provisioner.RetryAfter(err)))
	})
}

func (e *effects) busy(key string) bool {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	a := e.state[key]
	return a != nil && a.busy
}

// failed is when an effect last ended with an error; zero if it never did, or if
// that was so long ago that it was pruned.
func (e *effects) failed(key string) time.Time {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if a := e.state[key]; a != nil {
		return a.ended
	}
	return time.Time{}
}

// prune forgets failures whose subject is gone, so that the map does not grow.
func (e *effects) prune() {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	old := e.now().Add(-2 * lastRetry)
	for key, a := range e.state {
		if !a.busy && a.next.Before(old) {
			delete(e.state, key)
		}
	}
}

// effect runs f under the leader's context with a time limit, notes the loss of
// leadership and logs what failed.
func (r *Reconciler) effect(ctx context.Context, key, what string, f func(ctx context.Context) error) {
	r.effectWithin(ctx, r.config.EffectTimeout, key, what, f)
}

func (r *Reconciler) effectWithin(ctx context.Context, limit time.Duration, key, what string, f func(ctx context.Context) error) {
	r.effects.try(key, func() error {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		err := f(ctx)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, statestore.ErrFenced):
			r.fenced.Store(true)
		case errors.Is(err, errEnding):
		case errors.Is(err, statestore.ErrState):
			// The row went elsewhere meanwhile: the next step sees where.
			r.log.Debug(what+": overtaken", "key", key, "err", err)
			return nil
		default:
			r.log.Warn(what, "key", key, "err", err)
		}
		return err
	})
}
