package statestore_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/godwit/godwit/statestore"
	"github.com/godwit/godwit/statestore/storetest"
)

func pointer[T any](v T) *T { return &v }

func raw(s string) json.RawMessage { return json.RawMessage(s) }

// must is for calls whose failure is not the point of the test.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func wantErr(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Fatalf("got error %v, want %v", got, want)
	}
}

// wantErrIn is wantErr for other goroutines than the test's.
func wantErrIn(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got error %v, want %v", got, want)
	}
}

func wantEqual[T any](t *testing.T, got, want T) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("difference (-want +got):\n%s", d)
	}
}

// walk pages through a list and returns everything, checking that pages have
// the size asked for.
func walk[T any](t *testing.T, size int, page func(statestore.Page) (statestore.List[T], error)) []T {
	t.Helper()
	var out []T
	p := statestore.Page{Limit: size}
	for {
		l, err := page(p)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, l.Items...)
		if l.Next == "" {
			return out
		}
		if len(l.Items) != size {
			t.Fatalf("a page of %d in the middle, want %d", len(l.Items), size)
		}
		p.Cursor = l.Next
	}
}

// ticking is a clock that moves by a second at every look, so that times of
// different rows differ.
func ticking(c *statestore.Config) {
	clk := newFakeClock()
	c.Clock = func() time.Time {
		clk.advance(time.Second)
		return clk.Now()
	}
}

// on gives the store the clock.
func on(clk *fakeClock) func(*statestore.Config) {
	return func(c *statestore.Config) { c.Clock = clk.Now }
}

func sql(t *testing.T, databaseURL, statement string, args ...any) {
	t.Helper()
	conn := must(pgx.Connect(t.Context(), databaseURL))(t)
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

// waitBlocked waits until a statement on this schema's leader row waits for a lock.
func waitBlocked(t *testing.T, s *statestore.Store) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		blocked, err := s.Blocked(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if blocked {
			return
		}
	}
	t.Fatal("nothing waits for a lock")
}

// world is a store with a cluster and a term to write under.
type world struct {
	*statestore.Store
	url     string
	term    statestore.Term
	cluster statestore.Cluster
}

func newWorld(t *testing.T, change ...func(*statestore.Config)) world {
	t.Helper()
	url := storetest.URL(t)
	s := storetest.Open(t, url, change...)
	return world{Store: s, url: url, term: storetest.Term(t, s), cluster: storetest.Cluster(t, s, "alpha")}
}

func (w world) node(t *testing.T) statestore.Node {
	t.Helper()
	return must(w.Nodes.Create(t.Context(), w.term, statestore.Node{ClusterID: w.cluster.ID, Provider: "local"}, "min available 1"))(t)
}
