package transfer

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/detail"
	"github.com/godwit/godwit/transfer/hashtree"
	"github.com/godwit/godwit/transfer/job"
	"github.com/godwit/godwit/transfer/store"
)

// streamBlock is what is read of a stream before it is sent: a leaf of its hash.
const streamBlock = hashtree.DefaultBlockSize

// maxStream bounds a stream: so many blocks one hash tree has.
const maxStream = int64(hashtree.MaxBlocks) * streamBlock

// stream is a source that is read once, from front to back. Each block travels as
// an entry of its own and is kept until the receiver has it for good, so that a
// session that breaks costs nothing. A last entry ends the file.
//
//	reader (its own goroutine) ──► kept ──► scanStream ──► job.Sender
//	                                 ▲                        │
//	                                 └── settled ◄── verdict ─┘
type stream struct {
	name   string
	mode   uint32
	mtime  int64 // ns; 0: the time of the end
	memory int64 // bytes that may be kept

	mu     sync.Mutex
	wake   sync.Cond
	kept   []*segment // in order: read, and not known to be durable
	held   int64
	read   int64
	leaves []hashtree.Hash
	only   hashtree.Hash // of the first block, should it be all
	eof    bool
	over   bool // the job is
	err    error
	root   hashtree.Hash
	lost   *FileError // the receiver cannot take it
}

// segment is one block of a stream, or its end.
type segment struct {
	of   *stream
	off  int64
	data []byte
	last bool
}

func newStream(name string, memory int64) *stream {
	s := &stream{name: name, mode: 0o644, memory: memory}
	s.wake.L = &s.mu
	return s
}

// wholeStream is the geometry of a stream that is longer than one block.
func wholeStream() hashtree.Geometry {
	g, err := hashtree.NewGeometry(maxStream, streamBlock)
	if err != nil {
		panic(err) // of constants
	}
	return g
}

// run reads in until its end or the job's. A Read that never returns outlives the
// job.
func (s *stream) run(in io.Reader) {
	geo := wholeStream()
	for {
		s.mu.Lock()
		for s.held+streamBlock > s.memory && !s.over {
			s.wake.Wait()
		}
		over := s.over
		s.mu.Unlock()
		if over {
			return
		}
		b := make([]byte, streamBlock)
		n, err := io.ReadFull(in, b)
		b = b[:n]
		end := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		s.mu.Lock()
		if s.read+int64(n) > maxStream {
			err, end, n = fmt.Errorf("a stream has at most %d bytes", maxStream), false, 0
		}
		if n > 0 {
			if s.read == 0 {
				s.only = hashtree.Sum(b)
			}
			if n == streamBlock {
				s.leaves = append(s.leaves, geo.Leaf(len(s.leaves), b))
			}
			s.kept = append(s.kept, &segment{of: s, off: s.read, data: b})
			s.held += int64(n)
			s.read += int64(n)
		}
		if end {
			s.eof, err = true, s.hash(b)
		}
		s.err = err
		s.wake.Broadcast()
		s.mu.Unlock()
		if end || err != nil {
			return
		}
	}
}

// hash computes the root once all was read; tail is the last block, perhaps
// short or empty. Under the lock.
func (s *stream) hash(tail []byte) error {
	switch {
	case s.read == 0:
		s.root = hashtree.Sum(nil)
		return nil
	case s.read <= streamBlock:
		s.root = s.only
		return nil
	}
	root, err := streamRoot(s.read, s.leaves, tail)
	s.root = root
	return err
}

// streamRoot is the hash of a stream of n bytes, of which leaves are those of its
// full blocks and tail is the rest. It is longer than one block.
func streamRoot(n int64, leaves []hashtree.Hash, tail []byte) (hashtree.Hash, error) {
	geo, err := hashtree.NewGeometry(n, streamBlock)
	if err != nil {
		return hashtree.Hash{}, err
	}
	tree, err := hashtree.New(n, streamBlock)
	if err != nil {
		return hashtree.Hash{}, err
	}
	for i, leaf := range leaves {
		tree.Set(i, leaf)
	}
	if last := geo.Blocks() - 1; last == len(leaves) {
		tree.Set(last, geo.Leaf(last, tail))
	}
	return tree.Root()
}

// end stops the reader; the job is over.
func (s *stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	s.wake.Broadcast()
}

// next waits for the first segment from off on that is kept. nil: everything is
// durable, or an error ends it, or stop says so.
func (s *stream) next(off int64, stop func() bool) (*segment, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		for _, g := range s.kept {
			if g.off >= off {
				return g, nil
			}
		}
		switch {
		case stop() || s.over || s.lost != nil:
			return nil, nil
		case s.err != nil:
			return nil, s.err
		case s.eof && s.held == 0:
			return nil, nil
		}
		s.wake.Wait()
	}
}

// settled hears what became of a segment; under the session's lock, after which
// the stream's comes.
func (s *stream) settled(g *segment, outcome control.Outcome, code Code, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wake.Broadcast()
	if outcome != control.Committed {
		s.lost = &FileError{Path: s.name, Code: code, Message: message}
		s.kept, s.held = nil, 0
		return
	}
	if i := slices.Index(s.kept, g); i >= 0 {
		s.kept = slices.Delete(s.kept, i, i+1)
		s.held -= int64(len(g.data))
	}
}

// ReadAt and Check make a segment the content of a file.
func (g *segment) ReadAt(b []byte, off int64) (int, error) {
	n := copy(b, g.data[min(off, int64(len(g.data))):])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (g *segment) Check() error { return nil }

// scanStream adds the segments that are not durable yet, those that are read
// while it runs, and the end; false to stop.
func (l *loading) scanStream(s *stream, t *tally) bool {
	stopped := func() bool { return l.ctx.Err() != nil }
	defer s.wakeUp(l)()
	t.files = 1
	for off := int64(0); ; {
		g, err := s.next(off, stopped)
		if err != nil {
			t.trouble = true
			l.lock.Lock()
			l.trouble(s.name, CodeIO, "read input: "+err.Error())
			l.lock.Unlock()
			return true
		}
		if g == nil {
			break
		}
		off = g.off + 1
		s.mu.Lock()
		t.bytes = s.read
		s.mu.Unlock()
		if !l.addSegment(s, g, t) {
			return false
		}
	}
	s.mu.Lock()
	lost, done := s.lost, s.eof && s.held == 0
	t.bytes = s.read
	s.mu.Unlock()
	switch {
	case stopped():
		return false
	case lost != nil:
		t.trouble = true
		l.lock.Lock()
		l.trouble(lost.Path, lost.Code, lost.Message)
		l.lock.Unlock()
		return true
	case !done:
		return false
	}
	return l.addSegment(s, &segment{of: s, off: t.bytes, last: true}, t)
}

// wakeUp lets next see that the session is over.
func (s *stream) wakeUp(l *loading) func() bool {
	done := make(chan struct{})
	go func() {
		select {
		case <-l.ctx.Done():
		case <-done:
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.wake.Broadcast()
	}()
	return func() bool { close(done); return true }
}

func (l *loading) addSegment(s *stream, g *segment, t *tally) bool {
	d := detail.Detail{Segment: &detail.Segment{Offset: g.off}}
	if g.last {
		d.Segment.Last, d.Segment.Total, d.Segment.Root = true, g.off, s.root
	}
	mtime := s.mtime
	if mtime == 0 {
		mtime = time.Now().UnixNano()
	}
	f := &sourceFile{
		segment: g, file: g, detail: detail.Append(nil, &d),
		entry: store.Entry{Path: s.name, Kind: store.KindFile, Size: int64(len(g.data)), Mtime: mtime},
	}
	e := l.entry(f, s.name)
	e.Mode = s.mode
	if !l.addEntry(e, t) {
		return false
	}
	l.report(t.files, t.bytes, false)
	return true
}

// streamEnded hears of a segment at the sender, under the session's lock; true
// says that the whole file has ended.
func streamEnded(e job.Entry, outcome control.Outcome, code Code, message string) (whole job.Entry, ended bool) {
	f, ok := e.Source.(*sourceFile)
	if !ok || f.segment == nil {
		return e, true
	}
	f.segment.of.settled(f.segment, outcome, code, message)
	if !f.segment.last {
		return e, false
	}
	e.Size = f.segment.off
	return e.WithRoot(f.segment.of.root), true
}
