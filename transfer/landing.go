package transfer

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"time"

	"filippo.io/age"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/detail"
	"github.com/godwit/godwit/transfer/hashtree"
	"github.com/godwit/godwit/transfer/job"
	"github.com/godwit/godwit/transfer/seal"
	"github.com/godwit/godwit/transfer/store"
)

const (
	landingWorkers = 3
	// So many bytes of whole blocks wait for each other before a worker is woken: for
	// each by itself, that takes a tenth of the time that writing it does.
	landTogether = 4 << 20
	// Batches are flushed when full, when the receiver waits for nothing
	// else, or when the oldest file has waited this long.
	batchFiles = 2000
	batchBytes = 64 << 20
	batchAge   = 250 * time.Millisecond
	// Parts are made durable this often, or after so many bytes: what a crash
	// may cost.
	partAge   = time.Second
	partBytes = 64 << 20
)

// landingConfig says where files land and how.
type landingConfig struct {
	tree       *store.Tree
	dest       string // path in tree that sources land in or, for a single file, as
	rename     bool   // dest is the name of a single file
	overwrite  store.Overwrite
	transferID string
	epoch      uint64
	resumes    bool // a later session of its transfer
	clears     bool // something may be there, remains of killed sessions too
	noResume   bool
	noTimes    bool
	noModes    bool
	force      bool             // links replace whatever the overwrite policy says of
	backup     string           // end of the name that a replaced file keeps; "": none is kept
	attributes store.Attributes // that are kept, beyond times and modes
	dry        bool             // look only
	unseal     []age.Identity   // decrypt files whose names say that they are encrypted
	only       string           // the one source, if there is but one; with unseal
	// skip reports files that an earlier session of the job ended; nil: none.
	skip func(path string) bool
	// report hears how each object ended, under the session's lock.
	report func(e job.Entry, path string, outcome control.Outcome, code Code, message string)
}

// landing is the disk of a receiving session: it does what a job.Receiver
// asks for, on a few goroutines, and answers under the session's lock.
type landing struct {
	landingConfig
	lock     sync.Locker // guards rcv and everything below
	rcv      *job.Receiver
	patience time.Time // until when a file in another transfer's hands is waited for
	batch    *store.Batch
	transfer [16]byte

	work     []func()
	gathered int       // bytes of it that no worker was woken for
	queued   sync.Cond // for workers: there is work
	waiting  sync.Cond // for the flusher, the syncer and whoever waits for the end
	stop     bool
	busy     int // workers at work

	objects map[uint64]*landed
	streams map[string]*flowing
	opening sync.Mutex // of streams; before lock
	dirs    []madeDir
	batched int       // objects in batch or being flushed
	oldest  time.Time // of the batch; zero when empty
	urgent  bool      // flush now: a finish waits
	workers sync.WaitGroup
}

// landed is one object on its way to the disk.
type landed struct {
	e     job.Entry
	path  string
	part  *store.Part
	dirty int64 // bytes written since the last sync of the part
	since time.Time
}

type madeDir struct {
	path string
	meta store.Meta
}

func newLanding(c landingConfig, lock sync.Locker) *landing {
	l := &landing{landingConfig: c, lock: lock, objects: map[uint64]*landed{}, patience: time.Now().Add(2 * DeadPeer)}
	sum := sha256.Sum256([]byte(c.transferID))
	copy(l.transfer[:], sum[:])
	l.batch = c.tree.NewBatch()
	if c.clears {
		l.batch = c.tree.NewClearingBatch()
	}
	l.waiting.L, l.queued.L = lock, lock
	return l
}

// callbacks are what the job.Receiver calls, under the lock.
func (l *landing) callbacks(c *job.ReceiverConfig) {
	if l.dry {
		l.survey(c)
		return
	}
	c.Open = func(e job.Entry, ask bool) { l.do(func() { l.open(e, ask) }) }
	c.Small = func(e job.Entry, root hashtree.Hash, data []byte, opened bool) {
		l.do(func() { l.small(e, root, data, opened) })
	}
	c.Write = func(id uint64, index int, data []byte) { l.doSoon(len(data), func() { l.write(id, index, data) }) }
	c.Commit = func(id uint64, root hashtree.Hash) { l.do(func() { l.commit(id, root) }) }
	c.Make = func(e job.Entry) { l.do(func() { l.make(e) }) }
	c.Abandon = func(id uint64, discard bool) { l.abandon(id, discard) }
	c.Ending = func() { // what waits for more need wait no longer
		l.waiting.Broadcast()
		l.hasten()
	}
}

func (l *landing) start(rcv *job.Receiver) {
	l.rcv = rcv
	for range landingWorkers {
		l.workers.Go(l.worker)
	}
	l.workers.Go(l.flusher)
	l.workers.Go(l.syncer)
}

// do queues work; callers hold the lock.
func (l *landing) do(f func()) {
	l.work = append(l.work, f)
	l.queued.Signal()
}

// doSoon queues work on so many bytes, which waits for more, but not longer than
// until hasten.
func (l *landing) doSoon(bytes int, f func()) {
	l.work = append(l.work, f)
	if l.gathered += bytes; l.gathered >= landTogether || l.ending() {
		l.gathered = 0
		l.queued.Signal()
	}
}

// hasten has what is queued done; under the lock.
func (l *landing) hasten() {
	if len(l.work) > 0 {
		l.gathered = 0
		l.queued.Signal()
	}
}

func (l *landing) worker() {
	l.lock.Lock()
	defer l.lock.Unlock()
	for {
		for len(l.work) == 0 && !l.stop {
			l.queued.Wait()
		}
		if len(l.work) == 0 {
			return
		}
		f := l.work[0]
		l.work[0] = nil
		l.work = l.work[1:]
		l.busy++
		l.lock.Unlock()
		f()
		l.lock.Lock()
		l.busy--
		if len(l.work) == 0 && l.busy == 0 && l.ending() {
			l.waiting.Broadcast()
		}
	}
}

// close lets what is queued land, makes parts as durable as they are and
// stops. It is called once, without the lock, when the session is over; goesOn says
// that another one of the same transfer may follow.
func (l *landing) close(goesOn bool) {
	l.lock.Lock()
	l.stop, l.urgent = true, true
	l.queued.Broadcast()
	l.waiting.Broadcast()
	l.lock.Unlock()
	l.workers.Wait()
	l.closeStreams(goesOn)
	for _, o := range l.objects {
		switch {
		case o.part == nil:
		case int64(o.part.Missing()) == blocksOf(o.e.Size):
			_ = o.part.Discard() // nothing to resume
		default:
			if o.dirty > 0 {
				_, _ = o.part.Sync()
			}
			_ = o.part.Close()
		}
	}
}

// target maps a path of the sender to one in the tree.
func (l *landing) target(e job.Entry) (string, error) {
	p, err := store.Clean(e.Path)
	if err != nil {
		return "", err
	}
	if len(e.Detail) > 0 {
		if _, err := detail.Parse(e.Detail); err != nil {
			return "", err
		}
	}
	if len(l.unseal) > 0 && p == l.only && e.Kind == job.File && !l.sealed(e) {
		return "", fmt.Errorf("%w: its name does not end in %s: give another name, or copy it without decrypting", errPlain, seal.Suffix)
	}
	if l.rename && e.Kind != job.Dir && !strings.Contains(p, "/") {
		return l.dest, nil
	}
	if l.sealed(e) {
		p = strings.TrimSuffix(p, seal.Suffix)
	}
	return path.Join(l.dest, p), nil
}

func (l *landing) meta(e job.Entry) store.Meta {
	m := store.Meta{
		Mode: fs.FileMode(e.Mode), Mtime: e.Mtime, Backup: l.backup,
		NoReplace: l.overwrite == store.OverwriteNever && !l.forced(e),
	}
	if l.noModes {
		m.Mode = 0o666 &^ fs.FileMode(umask)
		if e.Kind == job.Dir {
			m.Mode = 0o777 &^ fs.FileMode(umask)
		}
	}
	if l.noTimes {
		m.Mtime = time.Now().UnixNano()
	}
	if len(e.Detail) > 0 && l.attributes != 0 {
		if d, err := detail.Parse(e.Detail); err == nil { // target has refused others
			m.Detail, m.Keep = &d, l.attributes
		}
	}
	return m
}

// wanted decides by the overwrite policy whether e is to land at p.
func (l *landing) wanted(e job.Entry, p string) (bool, error) {
	if l.skip != nil && l.skip(p) {
		return false, nil
	}
	there, err := l.tree.Stat(p)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return true, nil
	case errors.Is(err, store.ErrSpecial):
		return false, &fs.PathError{Op: "replace", Path: p, Err: errors.New("is a device, socket or pipe")}
	case err != nil:
		return false, err
	case there.Kind == store.KindDir && e.Kind != job.Dir:
		return false, &fs.PathError{Op: "replace", Path: p, Err: errors.New("is a directory")}
	}
	src := store.Entry{Path: p, Kind: store.Kind(e.Kind), Size: e.Size, Mtime: e.Mtime, Target: e.Target}
	if l.noTimes {
		src.Mtime = there.Mtime
	}
	if l.sealed(e) && seal.MayBe(e.Size, there.Size) {
		src.Size = there.Size
	}
	if l.forced(e) {
		return store.OverwriteDiff.Replace(src, there), nil
	}
	return l.overwrite.Replace(src, there), nil
}

// stopping reports whether the session is over.
func (l *landing) stopping() bool {
	l.lock.Lock()
	defer l.lock.Unlock()
	return l.stop
}

// forced reports whether e is a link that the overwrite policy does not hold up.
func (l *landing) forced(e job.Entry) bool { return l.force && e.Kind == job.Symlink }

// open answers for files of several blocks and asked ones.
func (l *landing) open(e job.Entry, ask bool) {
	if segmentOf(e) != nil { // a later session of a stream: it is decided
		l.lock.Lock()
		defer l.lock.Unlock()
		l.rcv.Opened(job.Opening{ID: e.ID})
		return
	}
	p, err := l.target(e)
	var want bool
	if err == nil {
		want, err = l.wanted(e, p)
	}
	if err != nil || !want {
		if err == nil && l.clears && e.Size > int64(hashtree.BlockSizeFor(e.Size)) {
			l.tree.Tidy(p)
		}
		l.end(e, p, control.Skipped, err)
		return
	}
	l.lock.Lock()
	stop := l.stop
	l.lock.Unlock()
	if stop {
		return // a later session may have finished this file already
	}
	bs := hashtree.BlockSizeFor(e.Size)
	o := &landed{e: e, path: p}
	opening := job.Opening{ID: e.ID}
	if e.Size > int64(bs) {
		holes := holesOf(e)
		o.part, err = l.claim(l.partPath(e, p), store.PartSpec{
			Size: e.Size, BlockSize: bs, Identity: e.Identity, Transfer: l.transfer, Epoch: l.epoch,
			Fresh: l.noResume || !ask, Sparse: len(holes) > 0,
		})
		if err == nil && o.part.Resumed() == 0 {
			// The claim waits for a commit: that of a session whose client died may
			// have made the file since the look above.
			if want, err = l.wanted(e, p); !want {
				_ = o.part.Discard()
				l.end(e, p, control.Skipped, err)
				return
			}
		}
		if err != nil {
			l.end(e, p, control.Failed, err)
			return
		}
		for i, leaf := range o.part.Marked() {
			if !intact(o.part, e.Size, i, hashtree.Hash(leaf)) {
				continue // comes again, and is written over
			}
			last := len(opening.Have) - 1
			if last < 0 || opening.Have[last].First+len(opening.Have[last].Leaves) != i {
				opening.Have = append(opening.Have, job.HaveRange{First: i})
				last++
			}
			opening.Have[last].Leaves = append(opening.Have[last].Leaves, hashtree.Hash(leaf))
		}
		if opening.Holes, err = leaveOut(o.part, e.Size, holes, l.stopping); err != nil {
			_ = o.part.Close()
			l.end(e, p, control.Failed, err)
			return
		}
	}
	l.lock.Lock()
	defer l.lock.Unlock()
	if o.part != nil {
		l.objects[e.ID] = o
	}
	if !l.rcv.Opened(opening) && o.part != nil { // withdrawn meanwhile
		delete(l.objects, e.ID)
		l.do(func() { _ = o.part.Close() })
	}
}

// claim opens a part. A file that another transfer writes is waited for, as long
// as that may be one whose client is gone, which its node has not noticed yet.
func (l *landing) claim(p string, spec store.PartSpec) (*store.Part, error) {
	for {
		part, err := l.tree.OpenPart(context.Background(), p, spec)
		if !errors.Is(err, store.ErrTaken) || time.Now().After(l.patience) {
			return part, err
		}
		l.lock.Lock()
		stop := l.stop
		l.lock.Unlock()
		if stop {
			return nil, err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// intact reports whether a block of a part still is what was written: a part may
// have lain for days, where anybody could change it.
func intact(p *store.Part, size int64, i int, leaf hashtree.Hash) bool {
	geo, err := hashtree.NewGeometry(size, hashtree.BlockSizeFor(size))
	if err != nil || i >= geo.Blocks() {
		return false
	}
	off, n := geo.Span(i)
	b := make([]byte, n)
	if _, err := p.ReadAt(b, off); err != nil {
		return false
	}
	return geo.Leaf(i, b) == leaf
}

// small lands a whole file that fits one block.
func (l *landing) small(e job.Entry, root hashtree.Hash, data []byte, opened bool) {
	e = e.WithRoot(root)
	if g := segmentOf(e); g != nil {
		l.segment(e, g, root, data)
		return
	}
	p, err := l.target(e)
	want := err == nil
	if want && !opened {
		want, err = l.wanted(e, p)
	}
	outcome := control.Skipped
	if want && hashtree.Sum(data) != root {
		want, outcome = false, control.Retry
	}
	if want {
		plain := data
		if l.sealed(e) {
			plain, err = l.unsealed(data)
		}
		if err == nil {
			err = l.addToBatch(&landed{e: e, path: p}, func() error { return l.batch.Add(e.ID, p, plain, l.meta(e)) })
		}
	}
	if data != nil {
		l.lock.Lock()
		l.rcv.Free(e.ID, data)
		l.lock.Unlock()
	}
	if !want || err != nil {
		l.end(e, p, outcome, err)
	}
}

// addToBatch puts an object into the batch, where it waits for the flush. It is
// known and counted before: a flush may end it before add has returned. An
// object with a part that was abandoned meanwhile is left alone.
func (l *landing) addToBatch(o *landed, add func() error) error {
	l.lock.Lock()
	part := o.part
	if part != nil && l.objects[o.e.ID] != o {
		l.lock.Unlock()
		return nil
	}
	o.part = nil // the batch's from here on
	l.objects[o.e.ID] = o
	l.batched++
	l.lock.Unlock()
	err := add()
	l.lock.Lock()
	defer l.lock.Unlock()
	first := l.oldest.IsZero()
	if err != nil {
		o.part = part
		l.batched--
		l.waiting.Broadcast()
		return err
	}
	if first {
		l.oldest = time.Now()
	}
	if first || l.batchFull() {
		l.waiting.Broadcast()
	}
	return nil
}

// opened returns an object and its part, nil when it has none or has ended. The
// peer may withdraw the object at any time, which closes the part. Under the lock.
func (l *landing) opened(id uint64) (*landed, *store.Part) {
	o := l.objects[id]
	if o == nil {
		return nil, nil
	}
	return o, o.part
}

func (l *landing) write(id uint64, index int, data []byte) {
	l.lock.Lock()
	o, part := l.opened(id)
	if part == nil {
		l.rcv.Free(id, data)
		l.rcv.Written(id, index, hashtree.Hash{}, false)
		l.lock.Unlock()
		return
	}
	l.lock.Unlock()
	geo, err := hashtree.NewGeometry(o.e.Size, hashtree.BlockSizeFor(o.e.Size))
	var leaf hashtree.Hash
	if err == nil {
		leaf = geo.Leaf(index, data)
		off, _ := geo.Span(index)
		_, err = part.WriteAt(data, off)
	}
	if err == nil {
		part.Mark(index, store.Leaf(leaf))
	}
	l.lock.Lock()
	if o.dirty == 0 {
		o.since = time.Now()
	}
	if o.dirty += int64(len(data)); o.dirty >= partBytes {
		l.waiting.Broadcast()
	}
	l.rcv.Free(id, data)
	l.rcv.Written(id, index, leaf, err == nil)
	l.lock.Unlock()
	if err != nil {
		l.end(o.e, o.path, control.Failed, err)
	}
}

func (l *landing) commit(id uint64, root hashtree.Hash) {
	l.lock.Lock()
	o, part := l.opened(id)
	if part != nil {
		o.e = o.e.WithRoot(root)
	}
	l.lock.Unlock()
	if part == nil {
		return
	}
	if l.sealed(o.e) {
		l.unsealPart(o, part)
		return
	}
	if err := l.addToBatch(o, func() error { return l.batch.AddPart(id, part, l.meta(o.e)) }); err != nil {
		l.end(o.e, o.path, control.Failed, err)
	}
}

// make creates directories and links. A directory gets its metadata when the
// session finishes, since what lands in it changes its time.
func (l *landing) make(e job.Entry) {
	p, err := l.target(e)
	if err != nil {
		l.end(e, p, control.Failed, err)
		return
	}
	if e.Kind == job.Dir {
		if err = l.tree.Mkdir(p); err == nil {
			l.lock.Lock()
			l.dirs = append(l.dirs, madeDir{p, l.meta(e)})
			l.lock.Unlock()
		}
		l.end(e, p, control.Committed, err)
		return
	}
	want, err := l.wanted(e, p)
	if want && err == nil {
		if err = l.addToBatch(&landed{e: e, path: p}, func() error { return l.batch.AddSymlink(e.ID, p, e.Target, l.meta(e)) }); err == nil {
			return
		}
	}
	l.end(e, p, control.Skipped, err)
}

// abandon ends an object without a verdict of ours; under the lock.
func (l *landing) abandon(id uint64, discard bool) {
	_, part := l.opened(id)
	if part == nil {
		return
	}
	delete(l.objects, id)
	l.do(func() {
		if discard {
			_ = part.Discard()
		} else {
			_ = part.Close()
		}
	})
}

// end gives an object its verdict: Failed with err, else outcome.
func (l *landing) end(e job.Entry, p string, outcome control.Outcome, err error) {
	v := control.Verdict{ID: e.ID, Outcome: outcome}
	if err != nil {
		v.Outcome, v.Code, v.Message = control.Failed, string(storeCode(err)), err.Error()
	}
	if outcome == control.Retry && err == nil {
		v.Code, v.Message = string(CodeMismatch), "what arrived is not what was read"
	}
	l.lock.Lock()
	defer l.lock.Unlock()
	if o := l.objects[e.ID]; o != nil {
		delete(l.objects, e.ID)
		if o.part != nil {
			part := o.part
			l.do(func() { _, _ = part.Sync(); _ = part.Close() })
		}
	}
	if !l.rcv.End(v) {
		return
	}
	if v.Outcome == control.Failed && e.Size > int64(hashtree.BlockSizeFor(e.Size)) {
		l.rcv.Flush() // what is sent until the sender hears of it is in vain
	}
	if v.Outcome != control.Retry {
		l.report(e, p, v.Outcome, Code(v.Code), v.Message)
	}
}

// storeCode maps what the store says to what travels.
func storeCode(err error) Code {
	switch {
	case errors.Is(err, store.ErrPath):
		return CodePath
	case errors.Is(err, store.ErrFenced):
		return CodeFenced
	case errors.Is(err, store.ErrTaken), errors.Is(err, store.ErrBusy):
		return CodeInUse
	case errors.Is(err, store.ErrNoSpace):
		return CodeDiskFull
	case errors.Is(err, store.ErrChanged):
		return CodeChanged
	case errors.Is(err, fs.ErrNotExist):
		return CodeNotFound
	case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrExist):
		return CodeDenied
	case errors.Is(err, os.ErrDeadlineExceeded):
		return CodeIO
	default:
		return CodeIO
	}
}

func blocksOf(size int64) int64 {
	bs := int64(hashtree.BlockSizeFor(size))
	return (size + bs - 1) / bs
}
