// Package storetest gives tests a real Postgres: each test its own schema, all
// of them, of all packages and all running test binaries of a user, one
// server, which ends by itself a few seconds after the last of them.
//
// Tests that use it may and should run in parallel. Nothing needs to be
// started or stopped: the first caller starts the server (see serve.go).
package storetest

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/godwit/godwit/statestore"
)

// startup bounds the start of the server; it takes about two seconds, but test
// machines are busy.
const startup = 2 * time.Minute

// New returns an open store in an empty schema of its own, migrated, with a
// random master key and a pool of four connections. change may set more of its
// configuration. The store is closed and the schema dropped when the test ends.
func New(t testing.TB, change ...func(*statestore.Config)) *statestore.Store {
	t.Helper()
	return Open(t, URL(t), change...)
}

// Open opens a store on the URL of another test store: a second manager on the
// same database. Give both the same MasterKey.
func Open(t testing.TB, databaseURL string, change ...func(*statestore.Config)) *statestore.Store {
	t.Helper()
	c := statestore.Config{
		DatabaseURL: databaseURL,
		MasterKey:   statestore.GenerateMasterKey(),
		MaxConns:    4,
		Logger:      slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	for _, f := range change {
		f(&c)
	}
	ctx, cancel := context.WithTimeout(context.Background(), startup)
	defer cancel()
	s, err := statestore.Open(ctx, c)
	if err != nil {
		t.Fatalf("test store: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("test store: %v", err)
		}
	})
	return s
}

// URL returns the address of an empty schema, without tables, which is dropped
// when the test ends.
func URL(t testing.TB) string {
	t.Helper()
	base, err := shared()
	if err != nil {
		t.Fatalf("test Postgres: %v", err)
	}
	schema := schemaPrefix + strings.ToLower(rand.Text()[:16])
	admin(t, base, `CREATE SCHEMA `+schema)
	t.Cleanup(func() { admin(t, base, `DROP SCHEMA `+schema+` CASCADE`) })
	u, err := url.Parse(base)
	if err != nil {
		t.Fatalf("test Postgres: %v", err)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}

// Term makes the caller the leader of the store's schema for an hour and
// returns the term to write under. Called again, it elects anew, which fences
// the terms before.
func Term(t testing.TB, s *statestore.Store) statestore.Term {
	t.Helper()
	if old, err := s.Lease(t.Context()); err == nil {
		e := s.Elector(statestore.ElectorConfig{Clock: at(old.ExpiresAt.Add(time.Second)), TTL: time.Hour})
		return stand(t, e)
	}
	return stand(t, s.Elector(statestore.ElectorConfig{TTL: time.Hour}))
}

func stand(t testing.TB, e *statestore.Elector) statestore.Term {
	t.Helper()
	e.Stand(t.Context())
	term, ok := e.Leading()
	if !ok {
		t.Fatal("test store: nobody else leads, and yet no election was won")
	}
	return term
}

// at is a clock that stands still.
type at time.Time

func (a at) Now() time.Time                       { return time.Time(a) }
func (a at) After(time.Duration) <-chan time.Time { return nil }

// Cluster creates a cluster named name with a template of provider local.
func Cluster(t testing.TB, s *statestore.Store, name string) statestore.Cluster {
	t.Helper()
	tpl, err := s.Templates.Create(t.Context(), statestore.Template{Name: name + "-template", Provider: "local"})
	if err != nil {
		t.Fatalf("test cluster: %v", err)
	}
	c, err := s.Clusters.Create(t.Context(), statestore.Cluster{Name: name, TemplateID: tpl.ID})
	if err != nil {
		t.Fatalf("test cluster: %v", err)
	}
	return c
}

const schemaPrefix = "t_"

func admin(t testing.TB, databaseURL, sql string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startup)
	defer cancel()
	conn, err := pgx.Connect(ctx, databaseURL)
	if err == nil {
		_, err = conn.Exec(ctx, sql)
		_ = conn.Close(ctx) // what matters is the statement
	}
	if err != nil {
		t.Errorf("test Postgres: %s: %v", sql, err)
	}
}
