package statestore

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// dayTables are partitioned by day.
func dayTables() []string { return []string{"transfers", "transfer_sessions", "journal_events"} }

// day is the UTC day that a time belongs to.
func day(at time.Time) time.Time { return at.UTC().Truncate(24 * time.Hour) }

// days makes partitions where they are missing and remembers those it saw.
type days struct {
	mu   sync.Mutex
	seen map[string]bool
}

// ensure makes the table's partition for the day. It is made aside and then
// attached, which, unlike CREATE … PARTITION OF, does not wait for readers and
// writers of the table, so it may run within any transaction.
func (d *days) ensure(ctx context.Context, h *handle, table string, on time.Time) error {
	name := partition(table, on)
	// Old days are not remembered: retention, which another manager may run,
	// drops them.
	recent := on.After(h.now().Add(-48 * time.Hour))
	d.mu.Lock()
	seen := d.seen[name]
	d.mu.Unlock()
	if seen && recent {
		return nil
	}
	err := h.tx(ctx, func(h *handle) error {
		if exists, err := hasTable(ctx, h, name); err != nil || exists {
			return err
		}
		if err := h.lock(ctx, "days of "+table); err != nil {
			return err
		}
		if exists, err := hasTable(ctx, h, name); err != nil || exists {
			return err
		}
		part, parent := pgx.Identifier{name}.Sanitize(), pgx.Identifier{table}.Sanitize()
		if _, err := h.exec(ctx, name, fmt.Sprintf(`CREATE TABLE %s (LIKE %s INCLUDING ALL)`, part, parent)); err != nil {
			return err
		}
		_, err := h.exec(ctx, name, fmt.Sprintf(`ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM ('%s') TO ('%s')`,
			parent, part, on.Format(time.DateOnly), on.AddDate(0, 0, 1).Format(time.DateOnly)))
		return err
	})
	if err == nil && recent && !h.inTx { // in a transaction it may yet be undone
		d.mu.Lock()
		d.seen[name] = true
		d.mu.Unlock()
	}
	return err
}

// hasTable reads the catalogue itself: to_regclass answers from a cache that
// does not yet know what another transaction has just made.
func hasTable(ctx context.Context, h *handle, name string) (exists bool, err error) {
	err = h.q.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_class
		WHERE relname = $1 AND relnamespace = current_schema()::regnamespace)`, name).Scan(&exists)
	return exists, fault(err, name)
}

func partition(table string, on time.Time) string { return table + "_" + on.Format("20060102") }

// PrepareDays makes the partitions of today and the given number of days
// ahead. The leader calls it a few times a day; a day that is missing all the
// same is made by its first row.
func (s *Store) PrepareDays(ctx context.Context, ahead int) error {
	today := day(s.h.now())
	for _, table := range dayTables() {
		for i := range ahead + 1 {
			if err := s.h.days.ensure(ctx, s.h, table, today.AddDate(0, 0, i)); err != nil {
				return err
			}
		}
	}
	return nil
}

// DropDays drops whole days of history (transfers with their sessions, and
// journal) that ended before the time, and returns how many partitions went. A
// day of transfers that still holds an open one is kept.
func (s *Store) DropDays(ctx context.Context, before time.Time) (int, error) {
	dropped := 0
	for _, table := range dayTables() {
		rows, err := all[struct{ Name string }](ctx, s.h, table, `SELECT c.relname AS name
			FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
			WHERE i.inhparent = to_regclass($1) ORDER BY c.relname`, table)
		if err != nil {
			return dropped, err
		}
		for _, r := range rows {
			on, err := time.Parse("20060102", strings.TrimPrefix(r.Name, table+"_"))
			if err != nil || on.AddDate(0, 0, 1).After(before.UTC()) {
				continue
			}
			gone, err := s.dropDay(ctx, table, r.Name, on)
			if err != nil {
				return dropped, err
			}
			if gone {
				dropped++
			}
		}
	}
	return dropped, nil
}

func (s *Store) dropDay(ctx context.Context, table, name string, on time.Time) (gone bool, err error) {
	err = s.h.tx(ctx, func(h *handle) error {
		// Dropping locks the whole table for a moment: give up soon, come again.
		if _, err := h.exec(ctx, name, `SET LOCAL lock_timeout = '3s'`); err != nil {
			return err
		}
		if table != "journal_events" {
			var open bool
			if err := h.q.QueryRow(ctx, `SELECT EXISTS (SELECT FROM transfers
				WHERE day = $1 AND state IN ('created', 'running'))`, on).Scan(&open); err != nil || open {
				return fault(err, name)
			}
		}
		gone = true
		_, err := h.exec(ctx, name, `DROP TABLE `+pgx.Identifier{name}.Sanitize())
		return err
	})
	if err != nil {
		return false, err
	}
	s.h.days.mu.Lock()
	delete(s.h.days.seen, name)
	s.h.days.mu.Unlock()
	return gone, nil
}
