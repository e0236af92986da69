package transfer

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/job"
	"github.com/godwit/godwit/transfer/store"
)

// The flusher may take the batch in the moment in which a worker has put a file
// into it and not yet said so. The file must get its verdict all the same: its
// sender waits for it.
func TestAFlushBetweenAddingAndCountingForgetsNoFile(t *testing.T) {
	t.Parallel()
	tree, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	l := newLanding(landingConfig{
		tree:   tree,
		report: func(job.Entry, string, control.Outcome, Code, string) {},
	}, &sync.Mutex{})
	l.rcv = job.NewReceiver(job.ReceiverConfig{Control: func(control.Type, []byte) {}})

	e := job.Entry{ID: 7, Path: "f", Size: 3}
	if err := l.addToBatch(&landed{e: e, path: "f"}, func() error {
		err := l.batch.Add(e.ID, "f", []byte("abc"), l.meta(e))
		l.lock.Lock()
		l.flush()
		l.lock.Unlock()
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if len(l.objects) != 0 || l.batched != 0 {
		t.Errorf("%d objects and %d batched ones still wait for a verdict", len(l.objects), l.batched)
	}
}

// A client may withdraw a file in the moment in which its last block is there and
// a worker has begun to commit it. The part then ends once, and nothing of it is
// committed.
func TestAFileWithdrawnWhileItIsCommittedEndsOnce(t *testing.T) {
	t.Parallel()
	tree, err := store.Open(t.TempDir(), store.Options{})
	must(t, err)
	defer tree.Close()
	l := newLanding(landingConfig{
		tree:   tree,
		report: func(job.Entry, string, control.Outcome, Code, string) {},
	}, &sync.Mutex{})
	l.rcv = job.NewReceiver(job.ReceiverConfig{Control: func(control.Type, []byte) {}})
	part, err := tree.OpenPart(context.Background(), "f", store.PartSpec{Size: 2 << 20, BlockSize: 1 << 20})
	must(t, err)
	o := &landed{e: job.Entry{ID: 7, Kind: job.File, Path: "f", Size: 2 << 20}, path: "f", part: part}
	l.objects[7] = o

	l.lock.Lock()
	l.abandon(7, true)
	l.lock.Unlock()
	if err := l.addToBatch(o, func() error { t.Error("committed what was withdrawn"); return nil }); err != nil {
		t.Error(err)
	}
	for _, f := range l.work {
		f()
	}
	if len(l.objects) != 0 || l.batched != 0 {
		t.Errorf("%d objects and %d batched ones still wait for a verdict", len(l.objects), l.batched)
	}
	if _, err := part.ReadAt(make([]byte, 1), 0); err == nil {
		t.Error("the part is open still")
	}
}

// A client dies, and its user runs the same command again while the node still
// commits what came: the second session looks for the file, waits for the commit
// by its claim and finds no part. It must look again, else all is sent again.
func TestAFileThatIsCommittedWhileItsPartIsClaimedIsNotSentAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tree, err := store.Open(dir, store.Options{})
	must(t, err)
	defer tree.Close()
	looks := 0
	l := newLanding(landingConfig{
		tree: tree, dest: ".", overwrite: store.OverwriteDiff,
		skip: func(string) bool {
			if looks++; looks == 2 {
				write(t, filepath.Join(dir, "f"), 2<<20)
				must(t, os.Chtimes(filepath.Join(dir, "f"), farPast, farPast))
			}
			return false
		},
		report: func(job.Entry, string, control.Outcome, Code, string) {},
	}, &sync.Mutex{})
	l.rcv = job.NewReceiver(job.ReceiverConfig{Control: func(control.Type, []byte) {}})
	l.open(job.Entry{ID: 7, Kind: job.File, Path: "f", Size: 2 << 20, Mtime: farPast.UnixNano()}, true)
	if left := listing(t, dir); !slices.Equal(left, []string{dir, filepath.Join(dir, "f")}) {
		t.Errorf("a part was begun: %v", left)
	}
}

// TestBlocksWaitForEachOtherButNotForEver: a worker is woken for many of them, for
// the first when the session's tick comes, and for each once the sender has no more.
func TestBlocksWaitForEachOtherButNotForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLanding(landingConfig{}, &sync.Mutex{})
		l.rcv = job.NewReceiver(job.ReceiverConfig{Control: func(control.Type, []byte) {}})
		var done []int
		l.workers.Go(l.worker)
		synctest.Wait()
		queue := func(bytes int) {
			l.lock.Lock()
			defer l.lock.Unlock()
			l.doSoon(bytes, func() { done = append(done, bytes) })
		}
		after := func(what string, want ...int) {
			t.Helper()
			synctest.Wait()
			if !slices.Equal(done, want) {
				t.Errorf("%s: %v were done, not %v", what, done, want)
			}
		}
		const block = landTogether / 4
		queue(block + 1)
		queue(block + 2)
		after("two wait for more")
		queue(2 * block)
		after("enough together", block+1, block+2, 2*block)
		queue(1)
		after("the next waits", block+1, block+2, 2*block)
		l.lock.Lock()
		l.hasten()
		l.lock.Unlock()
		after("a tick", block+1, block+2, 2*block, 1)
		l.lock.Lock()
		l.urgent = true
		l.lock.Unlock()
		queue(2)
		after("at the end", block+1, block+2, 2*block, 1, 2)
		l.close(false)
	})
}
