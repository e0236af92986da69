package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/detail"
	"github.com/godwit/godwit/transfer/hashtree"
	"github.com/godwit/godwit/transfer/job"
	"github.com/godwit/godwit/transfer/store"
)

// flowing is a stream that lands. Its segments get their verdicts when they are
// durable, many at a time.
type flowing struct {
	path     string
	stream   *store.Stream
	written  []job.Entry // and not yet durable
	flushing bool
	failed   bool                  // the sender was told so: nothing more comes
	leaves   map[int]hashtree.Hash // of full blocks that came in this session
}

// maxStreams bounds the files that a session's streams hold open.
const maxStreams = 16

// segmentOf is what an entry says of its place in a stream; nil for most.
func segmentOf(e job.Entry) *detail.Segment {
	if len(e.Detail) == 0 {
		return nil
	}
	d, err := detail.Parse(e.Detail)
	if err != nil {
		return nil // target refuses it
	}
	return d.Segment
}

// segment lands one block of a stream, or ends it. data is the Receiver's.
func (l *landing) segment(e job.Entry, g *detail.Segment, root hashtree.Hash, data []byte) {
	f, err := l.flowing(e)
	switch {
	case err != nil:
	case hashtree.Sum(data) != root:
		l.endSegment(e, control.Retry, nil, data)
		return
	case g.Offset%streamBlock != 0 && !g.Last, g.Offset > maxStream-streamBlock && !g.Last:
		err = fmt.Errorf("segment at %d: %w", g.Offset, detail.ErrDetail)
	case g.Last:
		l.endStream(e, f, g)
		return
	default:
		_, err = f.stream.WriteAt(data, g.Offset)
	}
	if err != nil {
		if f != nil {
			l.lock.Lock()
			f.failed = true
			l.lock.Unlock()
		}
		l.endSegment(e, control.Failed, err, data)
		return
	}
	var leaf hashtree.Hash
	if len(data) == streamBlock {
		leaf = wholeStream().Leaf(int(g.Offset/streamBlock), data)
	}
	l.lock.Lock()
	defer l.lock.Unlock()
	l.rcv.Free(e.ID, data)
	if len(data) == streamBlock {
		f.leaves[int(g.Offset/streamBlock)] = leaf
	}
	f.written = append(f.written, e)
	if !f.flushing {
		f.flushing = true
		l.do(func() { l.flushStream(f) })
	}
}

// flowing finds or opens the stream that e is of.
func (l *landing) flowing(e job.Entry) (*flowing, error) {
	p, err := l.target(e)
	if err != nil {
		return nil, err
	}
	l.opening.Lock() // several workers may come with its first segments
	defer l.opening.Unlock()
	l.lock.Lock()
	f, open := l.streams[p], len(l.streams)
	l.lock.Unlock()
	if f != nil {
		return f, nil
	}
	if open >= maxStreams {
		return nil, fmt.Errorf("%s: more than %d streams at once", p, maxStreams)
	}
	if !l.resumes { // a later session of the transfer goes on with what it finds
		want, err := l.wanted(e, p)
		if err != nil {
			return nil, err
		}
		if !want && l.overwrite != store.OverwriteDiff {
			return nil, fmt.Errorf("%s is there, and the overwrite policy keeps it", p)
		}
	}
	f = &flowing{path: p, leaves: map[int]hashtree.Hash{}}
	if f.stream, err = l.tree.OpenStream(context.Background(), p, l.resumes); err != nil {
		return nil, err
	}
	l.lock.Lock()
	defer l.lock.Unlock()
	if l.streams == nil {
		l.streams = map[string]*flowing{}
	}
	l.streams[p] = f
	return f, nil
}

// flushStream makes durable what was written so far and tells the sender. While
// it does, more is written: a slow disk makes for fewer flushes.
func (l *landing) flushStream(f *flowing) {
	l.lock.Lock()
	written := f.written
	f.written = nil
	l.lock.Unlock()
	err := f.stream.Sync()
	l.lock.Lock()
	defer l.lock.Unlock()
	for _, e := range written {
		v := control.Verdict{ID: e.ID, Outcome: control.Committed}
		if err != nil {
			v.Outcome, v.Code, v.Message = control.Failed, string(storeCode(err)), streamFailed(err)
			f.failed = true
		}
		l.rcv.End(v)
	}
	l.rcv.Flush()
	if f.flushing = len(f.written) > 0; f.flushing {
		l.do(func() { l.flushStream(f) })
	}
}

// endSegment gives a segment its verdict without the disk's.
func (l *landing) endSegment(e job.Entry, outcome control.Outcome, err error, data []byte) {
	v := control.Verdict{ID: e.ID, Outcome: outcome}
	if err != nil {
		v.Code, v.Message = string(storeCode(err)), streamFailed(err)
	}
	l.lock.Lock()
	defer l.lock.Unlock()
	if data != nil {
		l.rcv.Free(e.ID, data)
	}
	l.rcv.End(v)
}

// endStream compares what was written with what was read and makes it the file.
func (l *landing) endStream(e job.Entry, f *flowing, g *detail.Segment) {
	e.Size = g.Total
	root, err := l.streamHash(f, g.Total)
	if err == nil && root != hashtree.Hash(g.Root) {
		err = errDiffers
		_ = f.stream.Discard()
	}
	if err == nil {
		err = f.stream.Commit(g.Total, l.meta(e))
	}
	l.lock.Lock()
	delete(l.streams, f.path)
	l.lock.Unlock()
	l.end(e.WithRoot(root), f.path, control.Committed, err)
}

var errDiffers = errors.New("what was written is not what was read")

// streamHash is the hash of what was written; blocks that came in earlier
// sessions are read back.
func (l *landing) streamHash(f *flowing, total int64) (hashtree.Hash, error) {
	if total < 0 || total > maxStream {
		return hashtree.Hash{}, fmt.Errorf("stream of %d bytes: %w", total, detail.ErrDetail)
	}
	full := int(total / streamBlock)
	leaves := make([]hashtree.Hash, full)
	b := make([]byte, streamBlock)
	read := func(i int, n int64) ([]byte, error) {
		m, err := f.stream.ReadAt(b[:n], int64(i)*streamBlock)
		if int64(m) == n {
			return b[:n], nil
		}
		if err == nil || errors.Is(err, io.EOF) {
			err = store.ErrIncomplete
		}
		return nil, err
	}
	if total <= streamBlock {
		data, err := read(0, total)
		if err != nil {
			return hashtree.Hash{}, err
		}
		return hashtree.Sum(data), nil
	}
	geo := wholeStream()
	for i := range leaves {
		l.lock.Lock()
		leaf, ok := f.leaves[i]
		l.lock.Unlock()
		if !ok {
			data, err := read(i, streamBlock)
			if err != nil {
				return hashtree.Hash{}, err
			}
			leaf = geo.Leaf(i, data)
		}
		leaves[i] = leaf
	}
	tail, err := read(full, total%streamBlock)
	if err != nil {
		return hashtree.Hash{}, err
	}
	return streamRoot(total, leaves, tail)
}

// closeStreams leaves streams for a later session of the same transfer. Without one
// they go: what was read of them is nowhere else, so nobody can continue them.
func (l *landing) closeStreams(goesOn bool) {
	for _, f := range l.streams {
		if goesOn && !f.failed {
			_ = f.stream.Close()
		} else {
			_ = f.stream.Discard()
		}
	}
}

// streamFailed says why a stream ends here, in the place of what is said of files,
// which are resumed.
func streamFailed(err error) string {
	if errors.Is(err, store.ErrNoSpace) {
		return "no space left at the destination: what had arrived of the stream is removed, since a stream cannot be continued; free space and send it again"
	}
	return err.Error()
}
