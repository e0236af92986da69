package transfer

import (
	"context"
	"sort"
	"time"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/store"
)

// flusher makes batches durable. While it does, the next batch fills, so a
// slow disk makes batches larger by itself.
func (l *landing) flusher() {
	alarm := time.AfterFunc(time.Hour, l.wake)
	defer alarm.Stop()
	l.lock.Lock()
	defer l.lock.Unlock()
	for {
		for !l.flushDue() {
			if l.stop && len(l.work) == 0 && l.busy == 0 {
				return
			}
			if !l.oldest.IsZero() {
				alarm.Reset(max(time.Until(l.oldest.Add(batchAge)), time.Millisecond))
			}
			l.waiting.Wait()
		}
		l.flush()
	}
}

// flush makes the batch durable and gives what was in it its verdicts. It is
// called under the lock, which is not held while the disk works.
func (l *landing) flush() {
	l.oldest = time.Time{}
	l.lock.Unlock()
	ended := make([]flushed, 0, batchFiles)
	_ = l.batch.Flush(context.Background(), func(tag uint64, err error) {
		ended = append(ended, flushed{tag, err})
	})
	l.lock.Lock()
	l.batched -= len(ended)
	for _, f := range ended {
		l.verdict(f)
	}
	l.rcv.Flush()
	l.waiting.Broadcast()
}

type flushed struct {
	id  uint64
	err error
}

// flushDue is asked under the lock.
func (l *landing) flushDue() bool {
	if l.oldest.IsZero() {
		return false
	}
	idle := len(l.work) == 0 && l.busy == 0
	return l.batchFull() || time.Since(l.oldest) >= batchAge ||
		idle && (l.urgent || l.stop || l.rcv.Ending() && l.rcv.Stats().Open == l.batched)
}

func (l *landing) batchFull() bool {
	files, bytes := l.batch.Len()
	return files >= batchFiles || bytes >= batchBytes
}

// ending reports whether somebody waits for the last of it.
func (l *landing) ending() bool { return l.urgent || l.stop || l.rcv.Ending() }

// verdict tells how an object of a flush ended; under the lock.
func (l *landing) verdict(f flushed) {
	o := l.objects[f.id]
	if o == nil {
		return
	}
	delete(l.objects, f.id)
	v := control.Verdict{ID: f.id, Outcome: control.Committed}
	if f.err != nil {
		v.Outcome, v.Code, v.Message = control.Failed, string(storeCode(f.err)), f.err.Error()
	}
	if l.rcv.End(v) {
		l.report(o.e, o.path, v.Outcome, Code(v.Code), v.Message)
	}
}

func (l *landing) wake() {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.waiting.Broadcast()
}

// syncer makes parts durable by time and volume, so that a session which
// breaks costs little.
func (l *landing) syncer() {
	tick := time.AfterFunc(partAge/4, l.wake)
	defer tick.Stop()
	l.lock.Lock()
	defer l.lock.Unlock()
	for {
		if l.stop && len(l.work) == 0 && l.busy == 0 {
			return
		}
		due := l.duePart()
		if due == nil {
			tick.Reset(partAge / 4)
			l.waiting.Wait()
			continue
		}
		due.dirty = 0
		part := due.part
		l.lock.Unlock()
		_, _ = part.Sync() // an error shows in the next write
		l.lock.Lock()
	}
}

func (l *landing) duePart() *landed {
	for _, o := range l.objects {
		if o.part != nil && o.dirty > 0 && (o.dirty >= partBytes || time.Since(o.since) >= partAge) {
			return o
		}
	}
	return nil
}

// finish waits until all that arrived is durable, gives directories their
// metadata and returns. It is called without the lock after the sender said
// that it is done.
func (l *landing) finish(ctx context.Context) error {
	stop := context.AfterFunc(ctx, l.wake)
	defer stop()
	l.lock.Lock()
	l.urgent = true
	l.waiting.Broadcast()
	l.hasten()
	for (l.batched > 0 || len(l.work) > 0 || l.busy > 0) && ctx.Err() == nil {
		l.waiting.Wait()
	}
	dirs := l.dirs
	l.dirs = nil
	l.lock.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	// Deepest first: making what is below durable must not touch the times of
	// what is above.
	sort.Slice(dirs, func(i, j int) bool { return dirs[i].path > dirs[j].path })
	batch := l.tree.NewBatch()
	for _, d := range dirs {
		if err := batch.AddDir(0, d.path, d.meta); err != nil {
			return err
		}
	}
	var first error
	err := batch.Flush(ctx, func(_ uint64, err error) {
		if first == nil {
			first = err
		}
	})
	if err == nil {
		err = first
	}
	return err
}

// checkpoint makes what arrived durable before a session moves.
func (l *landing) checkpoint() {
	l.lock.Lock()
	var parts []*store.Part
	for _, o := range l.objects {
		if o.part != nil && o.dirty > 0 {
			o.dirty = 0
			parts = append(parts, o.part)
		}
	}
	l.lock.Unlock()
	for _, p := range parts {
		_, _ = p.Sync()
	}
}
