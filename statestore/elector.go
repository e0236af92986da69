package statestore

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// Clock is the elector's time; the zero of ElectorConfig is the real one.
type Clock interface {
	Now() time.Time
	After(d time.Duration) <-chan time.Time
}

// ElectorConfig names a candidate.
type ElectorConfig struct {
	// ID is unique per process, not per machine: a restarted manager is
	// another candidate.
	ID string
	// TTL is how long a lease lasts without renewal; 0 means 15 s. After a
	// leader dies, the next one is elected within TTL and a retry.
	TTL time.Duration
	// Clock, when set, is also the time of the lease in the database. For
	// tests; managers share the database's clock.
	Clock  Clock
	Logger *slog.Logger
}

// Leadership is what a candidate knows of itself.
type Leadership struct {
	Leading bool
	Term    Term // of the last election won
}

// Elector stands for leadership again and again.
//
//	          elected: term+1
//	┌───────────┐ ───────────────► ┌─────────┐ ──┐ renewed every TTL/3:
//	│ following │                  │ leading │   │ trust = attempt start + TTL − margin
//	└───────────┘ ◄─────────────── └─────────┘ ◄─┘
//	  retry every TTL/3    · the lease is another's, or expired
//	                       · trust ran out while Postgres was away
//	                       · Resign, or Run's context ended
//
// Trust window. The lease's expiry is set by the database some time after the
// attempt began, so a window that starts where the attempt *began* can only end
// before the lease does, whatever the delay was. It ends TTL/5 earlier still,
// for clocks that tick at different speeds and for work in flight to notice.
// Within the window nobody else can be elected; [Elector.Leading] is true only
// within it, also when the loop itself was stalled.
//
// Failures. An error of Postgres while leading is not the end: the attempt is
// repeated every TTL/10 while trust lasts. An answer that the lease is not ours
// ends it at once. A process that was frozen may wake up and believe in its
// window; the fence in every write (leader.go) is what makes that harmless.
type Elector struct {
	h   *handle
	id  string
	ttl time.Duration
	clk Clock
	db  bool // the database's clock decides
	log *slog.Logger

	step sync.Mutex // one attempt at a time

	mu    sync.Mutex
	state Leadership
	trust time.Time
	subs  map[chan Leadership]struct{}
}

type systemClock struct{}

func (systemClock) Now() time.Time                         { return time.Now() }
func (systemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// Elector returns a candidate, which follows until Run.
func (s *Store) Elector(c ElectorConfig) *Elector {
	e := &Elector{h: s.h, id: c.ID, ttl: c.TTL, clk: c.Clock, log: c.Logger, subs: map[chan Leadership]struct{}{}}
	if e.id == "" {
		e.id = NewID()
	}
	if e.ttl <= 0 {
		e.ttl = 15 * time.Second
	}
	if e.clk == nil {
		e.clk, e.db = systemClock{}, true
	}
	if e.log == nil {
		e.log = s.log
	}
	return e
}

// Run stands for leadership until ctx ends, and then resigns. It returns
// ctx's error.
func (e *Elector) Run(ctx context.Context) error {
	defer func() {
		// The next leader need not wait for the lease to end.
		bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if err := e.Resign(bye); err != nil {
			e.log.Warn("lease not given back", "err", err)
		}
	}()
	for ctx.Err() == nil {
		pause := e.Stand(ctx)
		select {
		case <-ctx.Done():
		case <-e.clk.After(pause):
		}
	}
	return ctx.Err()
}

// Stand tries once to win the lease or to renew it, and returns how long to
// wait before the next time. Run does all of that.
func (e *Elector) Stand(ctx context.Context) time.Duration {
	e.step.Lock()
	defer e.step.Unlock()
	start := e.clk.Now()
	// A stuck attempt must end while there is still trust to retry within.
	// The bound is real time: it guards a socket, not the protocol.
	bound, cancel := context.WithTimeout(ctx, max(e.ttl/3, 100*time.Millisecond))
	defer cancel()

	e.mu.Lock()
	was := e.state
	e.mu.Unlock()

	if was.Leading {
		ok, err := e.h.renew(bound, e.id, was.Term, e.ttl, e.dbNow(start))
		switch {
		case err == nil && ok:
			e.set(Leadership{Leading: true, Term: was.Term}, start)
			return e.ttl / 3
		case err != nil && e.trusted():
			e.log.Warn("lease not renewed, trying again", "term", was.Term, "err", err)
			return e.ttl / 10
		}
		e.log.Warn("leadership lost", "term", was.Term, "err", err)
		e.set(Leadership{Term: was.Term}, time.Time{})
		if err != nil {
			return e.ttl / 10
		}
	}
	term, won, err := e.h.elect(bound, e.id, e.ttl, e.dbNow(start))
	switch {
	case err != nil:
		if ctx.Err() == nil && !errors.Is(err, ErrUnavailable) {
			e.log.Warn("election failed", "err", err)
		}
	case won:
		e.log.Info("elected leader", "term", term, "id", e.id)
		e.set(Leadership{Leading: true, Term: term}, start)
	}
	return e.ttl / 3
}

// Resign gives the lease back, if it is held. Run would stand again.
func (e *Elector) Resign(ctx context.Context) error {
	e.step.Lock()
	defer e.step.Unlock()
	e.mu.Lock()
	was := e.state
	e.mu.Unlock()
	if !was.Leading {
		return nil
	}
	// First stop believing, then tell the others.
	e.set(Leadership{Term: was.Term}, time.Time{})
	return e.h.resign(ctx, e.id, was.Term, e.dbNow(e.clk.Now()))
}

// Leading returns the term to write under, and whether this candidate may
// trust to be the leader right now.
func (e *Elector) Leading() (Term, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.state.Term, e.state.Leading && e.clk.Now().Before(e.trust)
}

// Changes subscribes to leadership: the channel holds the newest state, at
// first the current one; states in between may be skipped. stop ends it.
func (e *Elector) Changes() (changes <-chan Leadership, stop func()) {
	c := make(chan Leadership, 1)
	e.mu.Lock()
	defer e.mu.Unlock()
	c <- e.state
	e.subs[c] = struct{}{}
	return c, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.subs, c)
	}
}

// WhileLeading calls f once for each term that this candidate wins, with a
// context that ends with the term's leadership, and waits for f to return
// before the next. It returns when ctx ends, or with f's error unless
// leadership was lost or ctx ended meanwhile.
func (e *Elector) WhileLeading(ctx context.Context, f func(ctx context.Context, term Term) error) error {
	changes, stop := e.Changes()
	defer stop()
	var now Leadership
	for {
		for !now.Leading {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case now = <-changes:
			}
		}
		next, err := e.lead(ctx, now, changes, f)
		if err != nil {
			return err
		}
		now = next
	}
}

// lead runs f for one term and returns the leadership that follows it.
func (e *Elector) lead(ctx context.Context, now Leadership, changes <-chan Leadership, f func(context.Context, Term) error) (Leadership, error) {
	held, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- f(held, now.Term) }()
	returned := false
	for {
		select {
		case next := <-changes:
			if next == now {
				continue
			}
			cancel()
			if !returned {
				<-done //nolint:errcheck // its error is the lost leadership's
			}
			return next, nil
		case err := <-done:
			if err != nil && ctx.Err() == nil && held.Err() == nil {
				if _, ok := e.Leading(); ok {
					return now, err
				}
			}
			returned, done = true, nil // wait for the end of this term
		case <-ctx.Done():
			if !returned {
				<-done //nolint:errcheck // told to stop
			}
			return now, ctx.Err()
		}
	}
}

func (e *Elector) dbNow(now time.Time) *time.Time {
	if e.db {
		return nil
	}
	return &now
}

func (e *Elector) trusted() bool {
	_, ok := e.Leading()
	return ok
}

func (e *Elector) set(l Leadership, start time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	changed := l != e.state
	e.state = l
	e.trust = time.Time{}
	if l.Leading {
		e.trust = start.Add(e.ttl - e.ttl/5)
	}
	if !changed {
		return
	}
	for c := range e.subs {
		select {
		case <-c: // the newest replaces what nobody read
		default:
		}
		c <- l
	}
}
