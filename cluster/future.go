package cluster

import (
	"context"
	"slices"
	"time"

	"github.com/godwit/godwit/policy"
	"github.com/godwit/godwit/statestore"
)

// noFuture brings what an earlier leader wrote with a clock that was ahead to
// now, once in a term: until the time that it wrote no wait would begin, and no
// report or list be newer than its row. A clock that was behind cannot be told
// from time that has passed.
func (r *Reconciler) noFuture(ctx context.Context, term statestore.Term) error {
	if r.present {
		return nil
	}
	n, err := r.config.Store.NoFuture(ctx, term)
	if err != nil {
		return err
	}
	if n > 0 {
		r.log.Warn("an earlier manager's clock was ahead of this one's: times of its nodes are taken for now", "nodes", n)
	}
	r.present = true
	return nil
}

// noFuture is the same for what a leader remembers.
func (f *facts) noFuture(now time.Time) {
	past := func(times ...*time.Time) {
		for _, t := range times {
			if t.After(now) {
				*t = now
			}
		}
	}
	f.History = slices.DeleteFunc(f.History, func(s policy.Sample) bool { return s.At.After(now) })
	for i := range f.Pools {
		past(&f.Pools[i].Since, &f.Pools[i].At, &f.Pools[i].MovedAt)
	}
	for i := range f.Requests {
		past(&f.Requests[i].At)
	}
	for i := range f.Errors {
		past(&f.Errors[i].At)
	}
	blocks := []*block{f.Block}
	for _, o := range f.Offers {
		blocks = append(blocks, o.Block)
	}
	for _, b := range blocks {
		if b == nil {
			continue
		}
		if _, longest := pauses(b.Class); b.Until.After(now.Add(longest)) {
			b.Until = now.Add(longest)
		}
	}
	past(&f.ShortSince, &f.FailedAt, &f.WarmAt)
	for id, at := range f.StartFailed {
		past(&at)
		f.StartFailed[id] = at
	}
}
