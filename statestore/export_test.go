package statestore

import "context"

// Blocked tells whether some session of this schema waits for a lock. The
// shared server runs other tests' schemas too, so it looks for locks on this
// schema's tables.
func (s *Store) Blocked(ctx context.Context) (bool, error) {
	var blocked bool
	err := s.pool.QueryRow(ctx, `SELECT EXISTS (
		SELECT FROM pg_locks w JOIN pg_locks r ON r.pid = w.pid AND r.relation = 'leader'::regclass
		WHERE NOT w.granted)`).Scan(&blocked)
	return blocked, err
}
