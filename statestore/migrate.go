package statestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/golang-migrate/migrate/v4"
	migratepgx "github.com/golang-migrate/migrate/v4/database/pgx/v5"
	"github.com/golang-migrate/migrate/v4/source/iofs"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/godwit/godwit/migrations"
)

// ErrSchema: the database's schema is not one that this build can work with.
var ErrSchema = errors.New("unusable database schema")

// Migrate brings the database at the URL to the schema version; 0 removes
// everything, migrations.Latest is this build's. Several managers may call it
// at once: they take turns under a lock. A database that a newer build has
// migrated, or whose last migration failed half-way, is left alone (ErrSchema).
func Migrate(ctx context.Context, databaseURL string, version uint) error {
	if err := isPostgres(databaseURL); err != nil {
		return err
	}
	cfg, err := pgx.ParseConfig(databaseURL)
	if err != nil {
		return fmt.Errorf("database URL: %w", err)
	}
	return migrateTo(ctx, cfg, version)
}

func migrateTo(ctx context.Context, cfg *pgx.ConnConfig, version uint) error {
	// Taking turns and rewriting tables last as long as they last.
	cfg = cfg.Copy()
	for _, limit := range []string{"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"} {
		delete(cfg.RuntimeParams, limit)
	}
	db := stdlib.OpenDB(*cfg)
	if err := db.PingContext(ctx); err != nil {
		return errors.Join(fault(err, "database"), db.Close())
	}
	defer func() { _ = db.Close() }()
	turn, err := takeTurn(ctx, db)
	if err != nil {
		return err
	}
	defer func() { _ = turn.Close() }() // and with it the lock
	m, err := migrator(db)
	if err != nil {
		return err
	}
	defer func() { _, _ = m.Close() }()

	at, dirty, err := m.Version()
	switch {
	case errors.Is(err, migrate.ErrNilVersion):
	case err != nil:
		return fault(err, "schema version")
	case dirty:
		return fmt.Errorf("migration %d failed half-way; restore a backup, or repair the tables and set schema_migrations.dirty to false: %w", at, ErrSchema)
	case at > migrations.Latest:
		return fmt.Errorf("database has schema version %d, this build knows %d: use the newer build, or restore a backup: %w",
			at, migrations.Latest, ErrSchema)
	}
	if version == 0 {
		err = m.Down()
	} else {
		err = m.Migrate(version)
	}
	if err != nil && !errors.Is(err, migrate.ErrNoChange) {
		return fault(err, fmt.Sprintf("migration from schema version %d to %d", at, version))
	}
	return nil
}

// takeTurn waits until no other manager migrates the schema. The migration
// tool has a lock of its own, but takes it only after the version was read.
func takeTurn(ctx context.Context, db *sql.DB) (*sql.Conn, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, fault(err, "database")
	}
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock(hashtextextended(current_schema() || '/migrate', 0))`); err != nil {
		return nil, fault(errors.Join(err, conn.Close()), "migration lock")
	}
	return conn, nil
}

func migrator(db *sql.DB) (*migrate.Migrate, error) {
	target, err := migratepgx.WithInstance(db, &migratepgx.Config{})
	if err != nil {
		return nil, fault(err, "schema version")
	}
	steps, err := iofs.New(migrations.Files, ".")
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	m, err := migrate.NewWithInstance("embedded", steps, "pgx5", target)
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	return m, nil
}
