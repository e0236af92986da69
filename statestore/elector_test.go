package statestore_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/statestore/storetest"
)

const ttl = 15 * time.Second

// fakeClock moves when told to.
type fakeClock struct {
	mu      sync.Mutex
	now     time.Time
	waiters []waiter
	arrived chan struct{}
}

type waiter struct {
	at time.Time
	c  chan time.Time
}

func newFakeClock() *fakeClock {
	return &fakeClock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), arrived: make(chan struct{}, 100)}
}

func (f *fakeClock) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

func (f *fakeClock) After(d time.Duration) <-chan time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := waiter{f.now.Add(d), make(chan time.Time, 1)}
	f.waiters = append(f.waiters, w)
	f.arrived <- struct{}{}
	return w.c
}

func (f *fakeClock) advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
	var still []waiter
	for _, w := range f.waiters {
		if w.at.After(f.now) {
			still = append(still, w)
		} else {
			w.c <- f.now
		}
	}
	f.waiters = still
}

// rest waits until the elector that uses the clock waits for time to pass.
func (f *fakeClock) rest(t *testing.T) {
	t.Helper()
	select {
	case <-f.arrived:
	case <-time.After(time.Minute):
		t.Fatal("the elector does not come to rest")
	}
}

func candidates(t *testing.T) (clk *fakeClock, s *statestore.Store, one, two *statestore.Elector) {
	t.Helper()
	s = storetest.New(t)
	clk = newFakeClock()
	one = s.Elector(statestore.ElectorConfig{ID: "one", TTL: ttl, Clock: clk})
	two = s.Elector(statestore.ElectorConfig{ID: "two", TTL: ttl, Clock: clk})
	return clk, s, one, two
}

func wantLeader(t *testing.T, e *statestore.Elector, term statestore.Term, leading bool) {
	t.Helper()
	if got, ok := e.Leading(); ok != leading || ok && got != term {
		t.Fatalf("leading %v with term %d, want %v with %d", ok, got, leading, term)
	}
}

func TestOneOfTwoCandidatesLeads(t *testing.T) {
	t.Parallel()
	clk, _, one, two := candidates(t)
	one.Stand(t.Context())
	two.Stand(t.Context())
	wantLeader(t, one, 1, true)
	wantLeader(t, two, 0, false)
	for range 10 { // renewed, it leads on
		clk.advance(ttl / 3)
		one.Stand(t.Context())
		two.Stand(t.Context())
	}
	wantLeader(t, one, 1, true)
	wantLeader(t, two, 0, false)
}

func TestTrustEndsBeforeTheLeaseDoes(t *testing.T) {
	t.Parallel()
	clk, _, one, two := candidates(t)
	one.Stand(t.Context())
	clk.advance(ttl - ttl/5)
	wantLeader(t, one, 1, false) // without any step of its own
	two.Stand(t.Context())
	wantLeader(t, two, 0, false) // the lease still lasts
	clk.advance(ttl / 5)
	two.Stand(t.Context())
	wantLeader(t, two, 2, true)
	one.Stand(t.Context())
	wantLeader(t, one, 0, false)
}

func TestFormerLeaderIsFenced(t *testing.T) {
	t.Parallel()
	clk, s, one, two := candidates(t)
	c := storetest.Cluster(t, s, "alpha")
	one.Stand(t.Context())
	if _, err := s.Nodes.Create(t.Context(), 1, statestore.Node{ClusterID: c.ID, Provider: "local"}, "wanted"); err != nil {
		t.Fatal(err)
	}
	clk.advance(2 * ttl)
	two.Stand(t.Context())
	wantLeader(t, two, 2, true)
	_, err := s.Nodes.Create(t.Context(), 1, statestore.Node{ClusterID: c.ID, Provider: "local"}, "wanted")
	if !errors.Is(err, statestore.ErrFenced) {
		t.Fatalf("write under the old term: %v, want ErrFenced", err)
	}
	err = s.Lead(t.Context(), 1, func(*statestore.Tables) error { t.Error("the transaction ran"); return nil })
	if !errors.Is(err, statestore.ErrFenced) {
		t.Fatalf("transaction under the old term: %v, want ErrFenced", err)
	}
	if nodes, err := s.Nodes.Alive(t.Context(), c.ID); err != nil || len(nodes) != 1 {
		t.Fatalf("%d nodes, %v; want the one of the first term", len(nodes), err)
	}
}

// A write that has begun commits before the next leader is elected; renewals
// do not wait for it.
func TestElectionWaitsForFencedWriteAndRenewalDoesNot(t *testing.T) {
	t.Parallel()
	clk, s, one, two := candidates(t)
	one.Stand(t.Context())
	begun, finish, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	end := sync.OnceFunc(func() { close(finish) })
	t.Cleanup(end) // a failed test must not hold the store open
	go func() {
		done <- s.Lead(context.Background(), 1, func(tx *statestore.Tables) error {
			close(begun)
			<-finish
			return tx.Settings.Put(context.Background(), "written by", "one")
		})
	}()
	<-begun
	clk.advance(ttl / 3)
	one.Stand(t.Context()) // would block until its time-out if renewals took the key
	clk.advance(ttl/2 + ttl/5)
	wantLeader(t, one, 1, true) // so the renewal went through

	clk.advance(ttl)
	elected := make(chan struct{})
	go func() {
		defer close(elected)
		two.Stand(context.Background())
	}()
	waitBlocked(t, s)
	end()
	if err := <-done; err != nil {
		t.Fatalf("the write that began in time: %v", err)
	}
	<-elected
	wantLeader(t, two, 2, true)
	var by string
	if err := s.Settings.Get(t.Context(), "written by", &by); err != nil || by != "one" {
		t.Fatalf("%q, %v", by, err)
	}
}

func TestLeaderSurvivesPostgresAwayWithinItsTrust(t *testing.T) {
	t.Parallel()
	clk, _, one, _ := candidates(t)
	one.Stand(t.Context())
	away, cancel := context.WithCancel(t.Context())
	cancel()
	clk.advance(ttl / 3)
	if again := one.Stand(away); again >= ttl/3 {
		t.Errorf("retries after %v, want sooner than the usual %v", again, ttl/3)
	}
	wantLeader(t, one, 1, true)
	clk.advance(ttl)
	one.Stand(away)
	wantLeader(t, one, 1, false)
}

func TestResignedLeaderIsFollowedAtOnce(t *testing.T) {
	t.Parallel()
	_, _, one, two := candidates(t)
	one.Stand(t.Context())
	if err := one.Resign(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantLeader(t, one, 1, false)
	two.Stand(t.Context())
	wantLeader(t, two, 2, true)
}

func TestRunElectsRenewsAndHandsOver(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	c1, c2 := newFakeClock(), newFakeClock()
	one := s.Elector(statestore.ElectorConfig{ID: "one", TTL: ttl, Clock: c1})
	two := s.Elector(statestore.ElectorConfig{ID: "two", TTL: ttl, Clock: c2})
	ctx1, stop1 := context.WithCancel(t.Context())
	ctx2, stop2 := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = one.Run(ctx1) })
	c1.rest(t)
	wg.Go(func() { _ = two.Run(ctx2) })
	c2.rest(t)
	for range 6 { // two leases long
		c1.advance(ttl / 3)
		c1.rest(t)
		c2.advance(ttl / 3)
		c2.rest(t)
	}
	wantLeader(t, one, 1, true)
	wantLeader(t, two, 0, false)

	changes, unsubscribe := two.Changes()
	defer unsubscribe()
	if first := <-changes; first.Leading {
		t.Fatalf("two leads: %+v", first)
	}
	stop1()
	for { // one resigns on its way out: no time needs to pass but the retry
		c2.advance(ttl / 3)
		c2.rest(t)
		if _, ok := two.Leading(); ok {
			break
		}
	}
	if got := <-changes; !got.Leading || got.Term != 2 {
		t.Fatalf("change %+v, want leading with term 2", got)
	}
	stop2()
	wg.Wait()
}

func TestWorkEndsWithLeadershipAndBeginsAgain(t *testing.T) {
	t.Parallel()
	clk, _, one, two := candidates(t)
	ctx, stop := context.WithCancel(t.Context())
	started, ended := make(chan statestore.Term, 4), make(chan statestore.Term, 4)
	result := make(chan error, 1)
	go func() {
		result <- one.WhileLeading(ctx, func(ctx context.Context, term statestore.Term) error {
			started <- term
			<-ctx.Done()
			ended <- term
			return errors.New("the end of the term is no failure")
		})
	}()
	one.Stand(t.Context())
	if term := <-started; term != 1 {
		t.Fatalf("started with term %d", term)
	}
	clk.advance(2 * ttl)
	two.Stand(t.Context())
	one.Stand(t.Context())
	if term := <-ended; term != 1 {
		t.Fatalf("ended term %d", term)
	}
	if err := two.Resign(t.Context()); err != nil {
		t.Fatal(err)
	}
	one.Stand(t.Context())
	if term := <-started; term != 3 {
		t.Fatalf("started with term %d, want 3", term)
	}
	stop()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Fatalf("ended with %v", err)
	}
}

func TestWorkThatFailsIsReported(t *testing.T) {
	t.Parallel()
	_, _, one, _ := candidates(t)
	one.Stand(t.Context())
	broken := errors.New("broken")
	err := one.WhileLeading(t.Context(), func(context.Context, statestore.Term) error { return broken })
	if !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
}
