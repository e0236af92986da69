package transfer

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/detail"
	"github.com/godwit/godwit/transfer/filter"
	"github.com/godwit/godwit/transfer/hashtree"
	"github.com/godwit/godwit/transfer/job"
	"github.com/godwit/godwit/transfer/store"
)

// loadingWorkers read ahead of the flow; one would wait for the disk while
// another could hash.
const loadingWorkers = 3

// maxChanges is how often a source that changes while it is read starts over.
const maxChanges = 5

// content is what a file of a source is read from. Both methods may be called
// from several goroutines.
type content interface {
	// ReadAt fills b, or returns an error.
	ReadAt(b []byte, off int64) (int, error)
	// Check returns store.ErrChanged when what was read may not be one version.
	Check() error
}

// sourceFile is a file of a source, the job.Entry's Source.
type sourceFile struct {
	tree    *store.Tree // nil: made up or from a stream
	changes int
	segment *segment // of a stream
	detail  []byte   // see package detail
	holes   []detail.Run

	mu    sync.Mutex
	entry store.Entry
	file  content
}

// open returns what to read of f, opened at first use.
func (l *loading) open(f *sourceFile) (content, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file == nil {
		file, err := f.tree.OpenFile(f.entry)
		if err != nil {
			return nil, err
		}
		f.file = file
		if l.sealing != nil {
			if f.file, err = l.sealing.open(file); err != nil {
				f.file = nil
				return nil, err
			}
		}
	}
	return f.file, nil
}

// size is how many bytes of f travel.
func (l *loading) size(f *sourceFile) int64 {
	if l.sealing != nil && f.entry.Kind == store.KindFile {
		return l.sealing.with.Size(f.entry.Size)
	}
	return f.entry.Size
}

// loading is the disk of a sending session: it scans, reads and hashes what
// its job.Sender wants, on a few goroutines.
type loading struct {
	sources  []source
	symlinks store.Symlinks
	filter   *filter.Filter
	names    *names      // what of the only source is meant; nil: all
	after    *afterwards // nil: sources stay
	keep     *keeping    // nil: the receiver deletes nothing
	dense    bool        // holes are data
	sealing  *sealing    // nil: files travel as they are

	attributes store.Attributes // beyond times and modes
	scope      []byte           // of source identities
	skip       func(path string) bool
	totals     func(files, bytes int64, final bool)         // under the lock
	trouble    func(path string, code Code, message string) // under the lock
	wake       func()                                       // the flow has more to send; under the lock
	unread     func(path string, code Code, message string) // a file that was announced; under the lock, may be nil
	control    func(t control.Type, v any)
	bulk       func(t control.Type, body []byte)
	pool       *job.Pool

	lock    sync.Locker
	snd     *job.Sender
	ready   sync.Cond // room in the sender, an end, names
	wanted  sync.Cond // reads may be wanted
	stop    bool
	ctx     context.Context
	cancel  context.CancelFunc
	workers sync.WaitGroup
}

func (l *loading) start(ctx context.Context, lock sync.Locker, snd *job.Sender) {
	l.lock, l.snd = lock, snd
	l.ready.L, l.wanted.L = lock, lock
	l.ctx, l.cancel = context.WithCancel(ctx)
	for range loadingWorkers {
		l.workers.Go(l.read)
	}
	l.workers.Go(l.scan)
	if l.after != nil {
		l.after.start(l)
	}
}

// close stops reading; without the lock.
func (l *loading) close() {
	l.cancel()
	l.lock.Lock()
	l.stop = true
	l.stir()
	l.lock.Unlock()
	l.workers.Wait()
}

// stir wakes whoever may have something to do now; under the lock.
func (l *loading) stir() {
	l.ready.Broadcast()
	l.wanted.Broadcast()
}

// ended hears how an object of the sender ended; under the lock.
func (l *loading) ended(e job.Entry, outcome control.Outcome) {
	if f, ok := e.Source.(*sourceFile); ok && l.after != nil && outcome == control.Committed {
		l.after.add(f, e.Path)
	}
	if l.after != nil || l.keep != nil {
		l.ready.Broadcast()
	}
}

func (l *loading) entry(f *sourceFile, to string) job.Entry {
	e := f.entry
	return job.Entry{
		Kind: job.Kind(e.Kind), Path: to, Size: l.size(f), Mtime: e.Mtime, Mode: uint32(e.Mode.Perm()),
		Target: e.Target, Identity: e.Identity(l.scope), Detail: f.detail, Source: f,
	}
}

// read serves the sender's reads.
func (l *loading) read() {
	var reads []job.Read
	l.lock.Lock()
	defer l.lock.Unlock()
	for {
		reads = reads[:0]
		for !l.stop {
			if reads = l.snd.Reads(reads); len(reads) > 0 {
				break
			}
			l.wanted.Wait()
		}
		if l.stop {
			return
		}
		l.lock.Unlock()
		l.serve(reads)
		l.lock.Lock()
	}
}

type loaded struct {
	read job.Read
	data []byte
	leaf hashtree.Hash
	hole bool
	err  error
}

// serve reads a handful of blocks and delivers them together.
func (l *loading) serve(reads []job.Read) {
	done := make([]loaded, len(reads))
	for i, r := range reads {
		done[i] = l.block(r)
	}
	l.lock.Lock()
	defer l.lock.Unlock()
	for _, d := range done {
		if d.err == nil {
			l.snd.Deliver(job.Block{ID: d.read.ID, Index: d.read.Index, Data: d.data, Leaf: d.leaf, Hole: d.hole})
		} else {
			l.failed(d)
		}
	}
	l.wake()
}

func (l *loading) block(r job.Read) loaded {
	f := r.Source.(*sourceFile)
	d := loaded{read: r}
	file, err := l.open(f)
	if err != nil {
		d.err = err
		return d
	}
	size := l.size(f)
	geo, err := hashtree.NewGeometry(size, hashtree.BlockSizeFor(size))
	if err != nil {
		d.err = err
		return d
	}
	d.data = l.pool.Get(r.Length)
	read := func(part []byte, at int) error {
		n, err := file.ReadAt(part, r.Offset+int64(at))
		if n == len(part) {
			return nil
		}
		if err == nil || errors.Is(err, io.EOF) {
			err = store.ErrChanged // shorter than it was
		}
		return err
	}
	if d.hole = f.hole(r.Index); d.hole {
		clear(d.data)
		read = nil
	} else if _, plain := file.(*store.File); !plain { // whose units are its own
		err = read(d.data, 0)
		read = nil
	}
	if err == nil {
		d.leaf, err = geo.LeafOf(r.Index, d.data, read)
	}
	if err == nil && r.Last {
		err = file.Check()
	}
	if err != nil {
		l.pool.Put(d.data)
		d.data, d.err = nil, err
	}
	return d
}

// failed handles a block that could not be read: a file that changed starts
// over as what it is now, others fail. Under the lock.
func (l *loading) failed(d loaded) {
	f := d.read.Source.(*sourceFile)
	if errors.Is(d.err, store.ErrChanged) && f.changes < maxChanges && f.tree != nil {
		if now, err := f.tree.Stat(f.entry.Path); err == nil && now.Kind == store.KindFile {
			renewed := &sourceFile{tree: f.tree, entry: now, changes: f.changes + 1}
			_ = l.describe(renewed) // what it cannot read, reading the file tells
			e, ok := l.snd.Entry(d.read.ID)
			l.snd.Renew(d.read, l.entry(renewed, e.Path))
			if ok {
				l.wanted.Signal()
			}
			return
		}
	}
	if e, ok := l.snd.Entry(d.read.ID); ok && l.unread != nil {
		l.unread(e.Path, sourceCode(d.err), d.err.Error())
	}
	l.snd.Unread(d.read, string(sourceCode(d.err)), d.err.Error())
}

// sourceCode is storeCode for the reading side.
func sourceCode(err error) Code {
	if errors.Is(err, store.ErrSpecial) {
		return CodeDenied
	}
	return storeCode(err)
}
