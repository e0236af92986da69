package transfer

import (
	"context"
	"time"
)

const (
	keepParts  = 7 * 24 * time.Hour
	sweepEvery = 24 * time.Hour
	maxSwept   = 10_000 // directories remembered; beyond, all are forgotten
)

// sweep removes what nobody has resumed below the destination of a push that has
// ended, when that was not done for a day.
func (x *serverSession) sweep(ctx context.Context) {
	if Direction(x.hello.Direction) != Push || x.hello.DryRun || x.hello.Discard || x.grant.Resolve != nil {
		return
	}
	s, dir := x.server, x.status.Paths[0]
	now := s.now()
	if !s.sweepDue(x.grant.Tenant+"\x00"+x.grant.BasePath+"\x00"+dir, now) {
		return
	}
	tree, err := x.openTree()
	if err != nil {
		return // the next session says so
	}
	defer func() { _ = tree.Close() }()
	n, err := tree.Sweep(ctx, dir, now.Add(-first(s.config.KeepParts, keepParts)))
	if n > 0 {
		s.log.Info("removed what nobody resumed", "tenant", x.grant.Tenant, "directory", dir, "files", n)
	}
	if err != nil && ctx.Err() == nil {
		s.log.Warn("cannot remove all that nobody resumed", "tenant", x.grant.Tenant, "directory", dir, "error", err)
	}
}

// sweepDue reports, once a day, whether a directory is to be swept.
func (s *Server) sweepDue(key string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, ok := s.swept[key]; ok && now.Sub(last) < sweepEvery {
		return false
	}
	if s.swept == nil || len(s.swept) >= maxSwept {
		s.swept = map[string]time.Time{}
	}
	s.swept[key] = now
	return true
}
