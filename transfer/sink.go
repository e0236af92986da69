package transfer

import (
	"context"
	"io"
	"sync"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/hashtree"
	"github.com/godwit/godwit/transfer/job"
)

// sinkWorkers hash what is thrown away.
const sinkWorkers = 3

// sink is a lander without a disk: it verifies what arrives and throws it away,
// or gives the bytes of one file to a writer, in order.
type sink struct {
	tape *tape // nil: thrown away
	// report hears how each object ended, under the session's lock.
	report func(e job.Entry, path string, outcome control.Outcome, code Code, message string)

	lock    sync.Locker
	rcv     *job.Receiver
	objects map[uint64]job.Entry
	work    []func()
	waiting sync.Cond
	stop    bool
	busy    int
	workers sync.WaitGroup
}

// tape is an output stream. It outlives sessions: what was written stays
// written, so a later session goes on behind it. One worker uses it at a time.
type tape struct {
	out    io.Writer
	e      job.Entry // what is being written; ID 0: nothing yet
	leaves []hashtree.Hash
	hold   map[int][]byte // blocks that came before their turn
	done   bool
	broken *Error
}

func newSink(t *tape, lock sync.Locker) *sink {
	s := &sink{tape: t, lock: lock, objects: map[uint64]job.Entry{}}
	s.waiting.L = lock
	return s
}

func (s *sink) callbacks(c *job.ReceiverConfig) {
	c.Open = func(e job.Entry, _ bool) { s.do(func() { s.open(e) }) }
	c.Small = func(e job.Entry, root hashtree.Hash, data []byte, _ bool) { s.do(func() { s.small(e, root, data) }) }
	c.Write = func(id uint64, index int, data []byte) { s.do(func() { s.write(id, index, data) }) }
	c.Commit = func(id uint64, root hashtree.Hash) { s.do(func() { s.commit(id, root) }) }
	c.Make = func(e job.Entry) { s.do(func() { s.end(e, control.Committed, nil) }) }
	c.Abandon = func(_ uint64, discard bool) { s.do(func() { s.abandon(discard) }) }
}

func (s *sink) start(rcv *job.Receiver) {
	s.rcv = rcv
	n := sinkWorkers
	if s.tape != nil {
		n = 1 // in order
	}
	for range n {
		s.workers.Go(s.worker)
	}
}

// do queues work; callers hold the lock.
func (s *sink) do(f func()) {
	s.work = append(s.work, f)
	s.waiting.Broadcast()
}

func (s *sink) worker() {
	s.lock.Lock()
	defer s.lock.Unlock()
	for {
		for len(s.work) == 0 && !s.stop {
			s.waiting.Wait()
		}
		if len(s.work) == 0 {
			return
		}
		f := s.work[0]
		s.work = s.work[1:]
		s.busy++
		s.lock.Unlock()
		f()
		s.lock.Lock()
		s.busy--
		s.waiting.Broadcast()
	}
}

func (s *sink) finish(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		s.lock.Lock()
		defer s.lock.Unlock()
		s.waiting.Broadcast()
	})
	defer stop()
	s.lock.Lock()
	defer s.lock.Unlock()
	for (len(s.work) > 0 || s.busy > 0) && ctx.Err() == nil {
		s.waiting.Wait()
	}
	return ctx.Err()
}

func (s *sink) checkpoint() {}

func (s *sink) hasten() {} // nothing waits

func (s *sink) close(bool) {
	s.lock.Lock()
	s.stop = true
	s.waiting.Broadcast()
	s.lock.Unlock()
	s.workers.Wait()
	if s.tape != nil {
		clear(s.tape.hold) // comes again
	}
}

// open wants every file. A tape says what it has had.
func (s *sink) open(e job.Entry) {
	opening := job.Opening{ID: e.ID}
	if len(holesOf(e)) > 0 {
		s.end(e, control.Failed, newError(CodeProtocol, "holes are for files, and this is none", nil))
		return
	}
	if t := s.tape; t != nil {
		if why := t.begin(e); why != nil {
			s.end(e, control.Failed, why)
			return
		}
		if len(t.leaves) > 0 {
			opening.Have = []job.HaveRange{{Leaves: t.leaves}}
		}
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	s.objects[e.ID] = e
	s.rcv.Opened(opening)
}

// begin takes e for the tape's file, or says why not.
func (t *tape) begin(e job.Entry) *Error {
	switch {
	case t.broken != nil:
		return t.broken
	case t.done:
		return newError(CodeInvalid, "an output stream takes one file", nil)
	case t.e.ID != 0 && len(t.leaves) > 0 && (t.e.Path != e.Path || t.e.Size != e.Size || t.e.Identity != e.Identity):
		return newError(CodeChanged, "the source changed after its beginning had been written to the output", nil)
	}
	t.e = e
	if t.hold == nil {
		t.hold = map[int][]byte{}
	}
	return nil
}

func (s *sink) small(e job.Entry, root hashtree.Hash, data []byte) {
	outcome := control.Committed
	var why *Error
	if hashtree.Sum(data) != root {
		outcome = control.Retry
	} else if t := s.tape; t != nil {
		if why = t.begin(e); why == nil {
			_, err := t.out.Write(data)
			why, t.done = t.wrote(err), true
		}
	}
	if data != nil {
		s.lock.Lock()
		s.rcv.Free(e.ID, data)
		s.lock.Unlock()
	}
	s.end(e.WithRoot(root), outcome, why)
}

// wrote makes a failed write the end of the tape.
func (t *tape) wrote(err error) *Error {
	if err != nil && t.broken == nil {
		t.broken = newError(CodeIO, "cannot write to the output", err)
	}
	return t.broken
}

func (s *sink) write(id uint64, index int, data []byte) {
	s.lock.Lock()
	e, ok := s.objects[id]
	s.lock.Unlock()
	if !ok {
		s.free(id, data)
		return
	}
	geo, err := hashtree.NewGeometry(e.Size, hashtree.BlockSizeFor(e.Size))
	if err != nil {
		s.free(id, data)
		return
	}
	if s.tape == nil {
		s.written(id, index, geo.Leaf(index, data), data)
		return
	}
	t := s.tape
	if index < len(t.leaves) { // repeated: it is out already
		s.written(id, index, t.leaves[index], data)
		return
	}
	t.hold[index] = data
	for {
		next := len(t.leaves)
		b, ok := t.hold[next]
		if !ok {
			return
		}
		delete(t.hold, next)
		leaf := geo.Leaf(next, b)
		if _, err := t.out.Write(b); t.wrote(err) != nil {
			s.free(id, b)
			s.end(e, control.Failed, t.broken)
			return
		}
		t.leaves = append(t.leaves, leaf)
		s.written(id, next, leaf, b)
	}
}

func (s *sink) free(id uint64, data []byte) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.rcv.Free(id, data)
}

func (s *sink) written(id uint64, index int, leaf hashtree.Hash, data []byte) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.rcv.Free(id, data)
	s.rcv.Written(id, index, leaf, true)
}

func (s *sink) commit(id uint64, root hashtree.Hash) {
	s.lock.Lock()
	e, ok := s.objects[id]
	s.lock.Unlock()
	if !ok {
		return
	}
	if s.tape != nil {
		s.tape.done = true
	}
	s.end(e.WithRoot(root), control.Committed, nil)
}

// abandon: what came is not what was read. What a tape has written cannot be
// taken back.
func (s *sink) abandon(differs bool) {
	if t := s.tape; t != nil && differs && len(t.leaves) > 0 {
		t.broken = newError(CodeMismatch, "what was written to the output is not what was read: it is worthless", nil)
	}
}

func (s *sink) end(e job.Entry, outcome control.Outcome, why *Error) {
	v := control.Verdict{ID: e.ID, Outcome: outcome}
	if why != nil {
		v.Outcome, v.Code, v.Message = control.Failed, string(why.Code), why.Error()
	} else if outcome == control.Retry {
		v.Code, v.Message = string(CodeMismatch), "what arrived is not what was read"
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	delete(s.objects, e.ID)
	if s.rcv.End(v) && v.Outcome != control.Retry {
		s.report(e, e.Path, v.Outcome, Code(v.Code), v.Message)
	}
}
