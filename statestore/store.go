package statestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/godwit/godwit/migrations"
	"github.com/godwit/godwit/statestore/private"
)

// Config says where the database is and what opens its secrets.
type Config struct {
	// DatabaseURL names an external Postgres 14 or newer. Empty: Private.
	DatabaseURL string
	// Private is the server to start and supervise when there is no DatabaseURL.
	Private private.Config
	// MasterKey seals secrets; OldKeys open those sealed before it.
	MasterKey MasterKey
	OldKeys   []MasterKey
	// MaxConns bounds the pool; 0 means 16.
	MaxConns int32
	// Clock is the time of rows; nil means time.Now.
	Clock  func() time.Time
	Logger *slog.Logger
}

// Store is the open state store. It embeds every noun, over the pool.
type Store struct {
	*Tables

	pool   *pgxpool.Pool
	server *private.Server // nil with an external database
	log    *slog.Logger
}

// Open starts the private server if that is wanted, waits until Postgres
// answers (as long as ctx lasts), migrates it to this build's schema and checks
// that the master key is the one that the database was first used with.
func Open(ctx context.Context, c Config) (*Store, error) {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.MasterKey.IsZero() {
		return nil, fmt.Errorf("master key: none given: %w", ErrInvalid)
	}
	sealer, err := NewSealer(c.MasterKey, c.OldKeys...)
	if err != nil {
		return nil, err
	}
	s := &Store{log: c.Logger}
	if c.DatabaseURL == "" {
		if c.Private.Logger == nil {
			c.Private.Logger = c.Logger
		}
		if s.server, err = private.Start(ctx, c.Private); err != nil {
			return nil, err
		}
		c.DatabaseURL = s.server.URL()
	}
	if err := s.open(ctx, c, sealer); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// isPostgres refuses the URL of another kind of server, which is not shown: it may
// hold a password.
func isPostgres(databaseURL string) error {
	scheme, _, isURL := strings.Cut(databaseURL, "://")
	if isURL && scheme != "postgres" && scheme != "postgresql" && !strings.ContainsAny(scheme, "= '") {
		return fmt.Errorf("database URL: %q is another kind of database; the manager keeps its state in Postgres: write postgres://USER@HOST/DATABASE, or leave it out for a private one", scheme)
	}
	return nil
}

func (s *Store) open(ctx context.Context, c Config, sealer *Sealer) error {
	if err := isPostgres(c.DatabaseURL); err != nil {
		return err
	}
	cfg, err := pgxpool.ParseConfig(c.DatabaseURL)
	if err != nil {
		return fmt.Errorf("database URL: %w", err)
	}
	tune(cfg, c.MaxConns)
	if s.pool, err = pgxpool.NewWithConfig(ctx, cfg); err != nil {
		return fault(err, "database")
	}
	s.Tables = newTables(&handle{q: s.pool, sealer: sealer, clock: c.Clock, days: &days{seen: map[string]bool{}}})
	if err := s.await(ctx); err != nil {
		return err
	}
	if err := migrateTo(ctx, cfg.ConnConfig, migrations.Latest); err != nil {
		return err
	}
	return s.checkKey(ctx)
}

// tune sets what every connection has. The time-outs end what a frozen manager
// left open, so that no lock of it outlives the lease of its successor.
func tune(cfg *pgxpool.Config, maxConns int32) {
	if maxConns == 0 {
		maxConns = 16
	}
	cfg.MaxConns = maxConns
	cfg.MaxConnLifetime = time.Hour
	cfg.MaxConnLifetimeJitter = 10 * time.Minute
	if cfg.ConnConfig.ConnectTimeout == 0 {
		cfg.ConnConfig.ConnectTimeout = 5 * time.Second
	}
	for k, v := range map[string]string{
		"application_name":                    "godwit",
		"TimeZone":                            "UTC",
		"statement_timeout":                   "60s",
		"lock_timeout":                        "20s",
		"idle_in_transaction_session_timeout": "10s",
	} {
		if _, ok := cfg.ConnConfig.RuntimeParams[k]; !ok {
			cfg.ConnConfig.RuntimeParams[k] = v
		}
	}
	cfg.AfterConnect = func(_ context.Context, c *pgx.Conn) error {
		c.TypeMap().RegisterType(&pgtype.Type{
			Name: "timestamptz", OID: pgtype.TimestamptzOID,
			Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
		})
		return nil
	}
}

// await returns when Postgres answers.
func (s *Store) await(ctx context.Context) error {
	pause := 50 * time.Millisecond
	for told := false; ; {
		err := s.Ping(ctx)
		if err == nil || !errors.Is(err, ErrUnavailable) {
			return err
		}
		if !told {
			s.log.Warn("waiting for Postgres", "err", err)
			told = true
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("Postgres did not answer in time: %w", err)
		case <-time.After(pause):
		}
		pause = min(2*pause, 2*time.Second)
	}
}

// checkKey keeps a manager with another master key from serving: it would fail
// at the first secret, late and far from the cause.
func (s *Store) checkKey(ctx context.Context) error {
	const key = "master key check"
	want := Secret("godwit")
	sealed := s.h.sealer.Seal(want, "sealed_settings", "value", key)
	if _, err := s.h.exec(ctx, key, `INSERT INTO sealed_settings (key, value, updated_at) VALUES ($1, $2, $3)
		ON CONFLICT (key) DO NOTHING`, key, sealed, s.h.now()); err != nil {
		return err
	}
	got, err := s.Settings.Sealed(ctx, key)
	if err != nil {
		return fmt.Errorf("wrong master key for this database: %w", err)
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("wrong master key for this database: %w", ErrUnsealed)
	}
	return nil
}

// Ping asks Postgres for an answer: nil, or ErrUnavailable.
func (s *Store) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return fault(s.pool.Ping(ctx), "database")
}

// DatabaseTime is what the database's clock says.
func (s *Store) DatabaseTime(ctx context.Context) (time.Time, error) {
	r, err := one[struct{ Now time.Time }](ctx, s.h, "database", `SELECT clock_timestamp() AS now`)
	return r.Now, err
}

// Close closes the pool, after the transactions that run, and stops the private server.
func (s *Store) Close() error {
	if s.pool != nil {
		s.pool.Close()
	}
	if s.server == nil {
		return nil
	}
	return s.server.Stop()
}

// Tx runs f in one transaction, which is committed when f returns nil and
// rolled back otherwise. f must use the given tables, and only them: waiting
// within f for another connection of the pool can deadlock it. Postgres ends a
// transaction that idles for 10 s.
func (s *Store) Tx(ctx context.Context, f func(*Tables) error) error {
	return s.h.tx(ctx, func(h *handle) error { return f(newTables(h)) })
}

// Lead is Tx for the leader: ErrFenced, and nothing written, unless term is
// the current one when the transaction commits.
func (s *Store) Lead(ctx context.Context, term Term, f func(*Tables) error) error {
	return s.h.fenced(ctx, term, func(h *handle) error { return f(newTables(h)) })
}

// lock takes a lock by name until the transaction ends. Names are the schema's
// own, so that tests in other schemas do not meet.
func (h *handle) lock(ctx context.Context, name string) error {
	_, err := h.exec(ctx, name, `SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '/' || $1, 0))`, name)
	return err
}
