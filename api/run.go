package api

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/godwit/godwit/fleet"
	"github.com/godwit/godwit/statestore"
)

const (
	// pictureAge is how old the picture may get when nothing tells of a change.
	pictureAge = 2 * time.Second
	// pictureRest is the pause between two readings however much changes.
	pictureRest = 500 * time.Millisecond
	// storeTimeout bounds one reading of the picture.
	storeTimeout = 10 * time.Second
	sweepEvery   = 5 * time.Second
	forgetEvery  = time.Hour
	// keepLinks is how long ended sessions and set-up links stay for questions.
	keepLinks = 24 * time.Hour
)

// Prepare reads the picture for the first time. Before it, lists would be empty though nothing is gone.
func (s *Server) Prepare(ctx context.Context) error { return s.readPicture(ctx) }

// Run keeps the picture, the series and the followers up to date until ctx ends. While the state store is away it goes
// on with what it knows.
func (s *Server) Run(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { s.keepPicture(ctx) })
	wg.Go(func() { s.keepSeries(ctx) })
	wg.Go(func() { s.tidy(ctx) })
	wg.Wait()
}

func (s *Server) keepPicture(ctx context.Context) {
	sub := s.fleet.Subscribe()
	defer sub.Close()
	news := newNews(s)
	away := false
	for {
		err := s.readPicture(ctx)
		switch {
		case err != nil && !away && ctx.Err() == nil:
			s.log.WarnContext(ctx, "state store cannot be read; showing what was known", "error", err)
			away = true
		case err == nil && away:
			s.log.InfoContext(ctx, "state store can be read again")
			away = false
		}
		news.tell(ctx, sub.Changed())
		if !pause(ctx, pictureRest) {
			return
		}
		wait := time.NewTimer(pictureAge - pictureRest)
		select {
		case <-sub.C:
		case <-s.changed:
		case <-wait.C:
		case <-ctx.Done():
		}
		wait.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

func (s *Server) readPicture(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	return s.flock.refresh(ctx, s.store.Tables, s.now())
}

func (s *Server) keepSeries(ctx context.Context) {
	tick := time.NewTicker(seriesStep)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.step()
		case <-ctx.Done():
			return
		}
	}
}

// step measures once.
func (s *Server) step() {
	now, views := s.now(), s.fleet.Snapshot()
	s.series.tick(measure(s.flock.current(), views, now), views, now)
}

// tidy ends what is over: deleted clusters, sessions and links past their time.
func (s *Server) tidy(ctx context.Context) {
	forgotten := time.Time{}
	for pause(ctx, sweepEvery) {
		err := s.sweepClusters(ctx)
		if s.now().Sub(forgotten) > forgetEvery {
			err = errors.Join(err, s.forget(ctx))
			forgotten = s.now()
		}
		if err != nil && !errors.Is(err, statestore.ErrUnavailable) && ctx.Err() == nil {
			s.log.WarnContext(ctx, "tidying up failed; it is repeated", "error", err)
		}
	}
}

// pause waits, and reports false when ctx ended instead.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// decisions remembers the newest decision of each cluster.
type decisions struct {
	mu sync.Mutex
	by map[string]statestore.Decision
}

func (d *decisions) get(clusterID string) (statestore.Decision, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	v, ok := d.by[clusterID]
	return v, ok
}

// put reports whether the decision is new, or was made again.
func (d *decisions) put(v statestore.Decision) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.by == nil {
		d.by = map[string]statestore.Decision{}
	}
	old := d.by[v.ClusterID]
	if v.ID < old.ID {
		return false
	}
	d.by[v.ClusterID] = v
	return v.ID != old.ID || v.Count != old.Count
}

// live sorts the sessions of nodes by transfer.
func live(views []*fleet.NodeView, now time.Time) map[string]bool {
	out := map[string]bool{}
	for _, v := range views {
		if v.Stale(now) {
			continue
		}
		for _, l := range v.Sessions {
			if l.GetTransferId() != "" {
				out[l.GetTransferId()] = true
			}
		}
	}
	return out
}
