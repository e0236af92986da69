package transfer

import (
	"context"
	"errors"
	"io"
	"path"
	"sync"
	"time"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/hashtree"
	"github.com/godwit/godwit/transfer/job"
	"github.com/godwit/godwit/transfer/store"
)

// loadingWorkers read ahead of the flow; one would wait for the disk while
// another could hash.
const loadingWorkers = 3

// maxChanges is how often a source that changes while it is read starts over.
const maxChanges = 5

// source is one root of a sending session.
type source struct {
	tree *store.Tree
	path string // in tree; "." for all of it
	name string // where it appears at the receiver; "" for the contents alone
}

// sourceFile is a file of a source, the job.Entry's Source.
type sourceFile struct {
	tree    *store.Tree
	changes int

	mu    sync.Mutex
	entry store.Entry
	file  *store.File
}

// open returns the file's handle, opened at first use.
func (f *sourceFile) open() (*store.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file == nil {
		file, err := f.tree.OpenFile(f.entry)
		if err != nil {
			return nil, err
		}
		f.file = file
	}
	return f.file, nil
}

// loading is the disk of a sending session: it scans, reads and hashes what
// its job.Sender wants, on a few goroutines.
type loading struct {
	sources  []source
	symlinks store.Symlinks
	scope    []byte // of source identities
	skip     func(path string) bool
	totals   func(files, bytes int64, final bool)         // under the lock
	trouble  func(path string, code Code, message string) // under the lock
	wake     func()                                       // the flow has more to send; under the lock
	control  func(t control.Type, v any)
	pool     *job.Pool

	lock    sync.Locker
	snd     *job.Sender
	ready   sync.Cond // reads may be wanted, or room in the sender
	stop    bool
	ctx     context.Context
	cancel  context.CancelFunc
	workers sync.WaitGroup
}

func (l *loading) start(ctx context.Context, lock sync.Locker, snd *job.Sender) {
	l.lock, l.snd = lock, snd
	l.ready.L = lock
	l.ctx, l.cancel = context.WithCancel(ctx)
	for range loadingWorkers {
		l.workers.Go(l.read)
	}
	l.workers.Go(l.scan)
}

// close stops reading; without the lock.
func (l *loading) close() {
	l.cancel()
	l.lock.Lock()
	l.stop = true
	l.ready.Broadcast()
	l.lock.Unlock()
	l.workers.Wait()
}

// scan adds what it finds to the sender while others read already.
func (l *loading) scan() {
	var files, bytes int64
	reported := time.Now()
	for _, src := range l.sources {
		roots := []string{src.path}
		if src.path == "." {
			roots = nil
		}
		for e, err := range src.tree.Scan(l.ctx, store.ScanOptions{Roots: roots, Symlinks: l.symlinks}) {
			if l.ctx.Err() != nil {
				return
			}
			to := appears(src, e.Path)
			if err != nil {
				l.lock.Lock()
				l.trouble(to, sourceCode(err), err.Error())
				l.lock.Unlock()
				continue
			}
			if e.Kind == store.KindFile {
				files++
				bytes += e.Size
			}
			if !l.add(src.tree, e, to) {
				return
			}
			if time.Since(reported) > 200*time.Millisecond {
				reported = time.Now()
				l.report(files, bytes, false)
			}
		}
	}
	l.report(files, bytes, true)
	l.lock.Lock()
	defer l.lock.Unlock()
	if !l.stop {
		l.snd.ScanDone()
		l.wake()
	}
}

func (l *loading) report(files, bytes int64, final bool) {
	l.control(control.TypeTotals, control.Totals{Files: files, Bytes: bytes, Final: final})
	l.lock.Lock()
	defer l.lock.Unlock()
	l.totals(files, bytes, final)
}

// appears is the name at the receiver of a path in src.
func appears(src source, p string) string {
	if src.path == "." {
		return path.Join(src.name, p)
	}
	if p == src.path {
		return src.name
	}
	return path.Join(src.name, p[len(src.path)+1:])
}

// add gives one entry to the sender, once that has room; false to stop.
func (l *loading) add(tree *store.Tree, e store.Entry, to string) bool {
	if e.Kind != store.KindDir && l.skip != nil && l.skip(to) {
		return true
	}
	if to == "" || to == "." {
		return true // the root itself
	}
	entry := l.entry(&sourceFile{tree: tree, entry: e}, to)
	l.lock.Lock()
	defer l.lock.Unlock()
	for !l.snd.Room() && !l.stop {
		l.ready.Wait()
	}
	if l.stop {
		return false
	}
	l.snd.Add(entry)
	l.ready.Broadcast()
	l.wake()
	return true
}

func (l *loading) entry(f *sourceFile, to string) job.Entry {
	e := f.entry
	return job.Entry{
		Kind: job.Kind(e.Kind), Path: to, Size: e.Size, Mtime: e.Mtime, Mode: uint32(e.Mode.Perm()),
		Target: e.Target, Identity: e.Identity(l.scope), Source: f,
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
			l.ready.Wait()
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
			l.snd.Deliver(job.Block{ID: d.read.ID, Index: d.read.Index, Data: d.data, Leaf: d.leaf})
		} else {
			l.failed(d)
		}
	}
	l.wake()
}

func (l *loading) block(r job.Read) loaded {
	f := r.Source.(*sourceFile)
	d := loaded{read: r}
	file, err := f.open()
	if err != nil {
		d.err = err
		return d
	}
	d.data = l.pool.Get(r.Length)
	n, err := file.ReadAt(d.data, r.Offset)
	if n == r.Length {
		err = nil
	} else if err == nil || errors.Is(err, io.EOF) {
		err = store.ErrChanged // shorter than it was
	}
	if err == nil && r.Last {
		err = file.Check()
	}
	if err != nil {
		l.pool.Put(d.data)
		d.data, d.err = nil, err
		return d
	}
	geo, err := hashtree.NewGeometry(f.entry.Size, hashtree.BlockSizeFor(f.entry.Size))
	if err != nil {
		d.err = err
		return d
	}
	d.leaf = geo.Leaf(r.Index, d.data)
	return d
}

// failed handles a block that could not be read: a file that changed starts
// over as what it is now, others fail. Under the lock.
func (l *loading) failed(d loaded) {
	f := d.read.Source.(*sourceFile)
	if errors.Is(d.err, store.ErrChanged) && f.changes < maxChanges {
		if now, err := f.tree.Stat(f.entry.Path); err == nil && now.Kind == store.KindFile {
			renewed := &sourceFile{tree: f.tree, entry: now, changes: f.changes + 1}
			e, ok := l.snd.Entry(d.read.ID)
			l.snd.Renew(d.read, l.entry(renewed, e.Path))
			if ok {
				l.ready.Broadcast()
			}
			return
		}
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
