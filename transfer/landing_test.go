package transfer

import (
	"sync"
	"testing"

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
