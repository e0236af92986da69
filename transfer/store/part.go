package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"sync"
	"sync/atomic"
)

// Part is a file being received. WriteAt, ReadAt, Mark and Sync may be called
// concurrently; Commit, Discard and Close end its use and wait for the others.
type Part struct {
	t       *Tree
	dir     *slot[*directory]
	dirPath string
	base    string
	path    string // dirPath/base
	part    string // name in dir
	journal string // name in dir
	spec    PartSpec
	resumed int

	use sync.RWMutex // held shared by calls, exclusively by those that end the part
	f   *os.File     // nil once ended

	memory *memoryPart // nil: f may have to be waited for

	fenced atomic.Bool

	mu      sync.Mutex // guards ledger, pending
	ledger  *ledger    // every block marked, durable or not
	pending []int      // marked, not yet in the journal

	syncing sync.Mutex // one Sync at a time; guards the journal
	j       *os.File
	jid     fs.FileInfo
	jsum    uint32
	joff    int64
	buf     []byte
	named   bool // the names of part and journal are durable
	failed  error
}

// Path is the clean path that the part is to become.
func (p *Part) Path() string { return p.path }

// Spec is what the part was opened with.
func (p *Part) Spec() PartSpec { return p.spec }

// Resumed is the number of blocks that were durable when the part was opened.
func (p *Part) Resumed() int { return p.resumed }

// Marked yields the blocks marked so far and their leaves, in order; right after
// OpenPart these are the durable ones to resume from. Do not call methods of p
// inside the loop.
func (p *Part) Marked() iter.Seq2[int, Leaf] {
	return func(yield func(int, Leaf) bool) {
		p.mu.Lock()
		defer p.mu.Unlock()
		for i := range p.ledger.leaves {
			if p.ledger.blocks.has(i) && !yield(i, p.ledger.leaves[i]) {
				return
			}
		}
	}
}

// Missing is the number of blocks not marked yet.
func (p *Part) Missing() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.ledger.leaves) - p.ledger.blocks.count()
}

// WriteAt puts b in place; it must lie within the file. Calls for different
// ranges may run at once. It is fastest with a megabyte or more at a time. b is
// the caller's again on return. Errors: ErrFenced, ErrNoSpace, ErrClosed.
func (p *Part) WriteAt(b []byte, off int64) (int, error) {
	p.use.RLock()
	defer p.use.RUnlock()
	if p.f == nil {
		return 0, ErrClosed
	}
	if off < 0 || int64(len(b)) > p.spec.Size-off {
		return 0, fmt.Errorf("write %s: %d bytes at %d are outside of its %d", p.path, len(b), off, p.spec.Size)
	}
	if err := p.glance(); err != nil {
		return 0, err
	}
	if p.t.onStep != nil { // spares the hot path the making of a name
		if err := p.step(step{op: opWrite, path: p.in(p.part), off: off, data: b}); err != nil {
			return 0, p.wrap("write", err)
		}
	}
	write := p.f.WriteAt
	if p.memory != nil {
		write = p.memory.WriteAt
	}
	n, err := write(b, off)
	return n, p.wrap("write", err)
}

// ReadAt reads what was written, as io.ReaderAt does.
func (p *Part) ReadAt(b []byte, off int64) (int, error) {
	p.use.RLock()
	defer p.use.RUnlock()
	if p.f == nil {
		return 0, ErrClosed
	}
	n, err := p.f.ReadAt(b, off)
	if err != nil && !errors.Is(err, io.EOF) {
		err = p.wrap("read back", err)
	}
	return n, err
}

// Mark says that every byte of the block was written (WriteAt returned) and
// verified, and that leaf is its hash. The next Sync makes it durable. Marking a
// block again does nothing. An empty file has no blocks: its block 0 is ignored.
func (p *Part) Mark(block int, leaf Leaf) {
	if p.spec.Size == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ledger.blocks.set(block) {
		p.ledger.leaves[block] = leaf
		p.pending = append(p.pending, block)
	}
}

// Sync makes the blocks marked before the call durable, data first, then the
// journal; it returns how many were added. It costs two flushes of the disk, so
// call it by time or volume (each second, each 64 MiB), not per block. After an
// error other than ErrClosed the part takes no more: close it, and resume by
// opening it again.
func (p *Part) Sync() (int, error) {
	p.use.RLock()
	defer p.use.RUnlock()
	if p.f == nil {
		return 0, ErrClosed
	}
	p.syncing.Lock()
	defer p.syncing.Unlock()
	if p.failed != nil {
		return 0, p.failed
	}
	n, err := p.sync()
	p.failed = err
	return n, err
}

func (p *Part) sync() (int, error) {
	if err := p.fence(); err != nil {
		return 0, err
	}
	p.mu.Lock()
	blocks := p.pending
	p.pending = nil
	p.buf = p.buf[:0]
	for _, i := range blocks {
		p.buf = appendRecord(p.buf, p.jsum, i, &p.ledger.leaves[i])
	}
	p.mu.Unlock()
	if len(blocks) == 0 {
		return 0, nil
	}
	if err := p.syncFile(p.part, p.f, false); err != nil {
		return 0, p.wrap("sync", err)
	}
	if err := p.step(step{op: opWrite, path: p.in(p.journal), off: p.joff, data: p.buf}); err != nil {
		return 0, p.wrap("write journal of", err)
	}
	if _, err := p.j.WriteAt(p.buf, p.joff); err != nil {
		return 0, p.wrap("write journal of", err)
	}
	if err := p.syncFile(p.journal, p.j, false); err != nil {
		return 0, p.wrap("sync journal of", err)
	}
	p.joff += int64(len(p.buf))
	if !p.named {
		if err := p.syncNames(); err != nil {
			return 0, p.wrap("sync directory of", err)
		}
		p.named = true
	}
	return len(blocks), nil
}

// Close ends the use of the part and leaves it to be resumed. What was marked
// but not synced is lost to the journal.
func (p *Part) Close() error {
	p.use.Lock()
	defer p.use.Unlock()
	if p.f == nil {
		return nil
	}
	return p.end()
}

// Discard removes the part and its journal, unless they are another session's by
// now.
func (p *Part) Discard() error {
	p.use.Lock()
	defer p.use.Unlock()
	if p.f == nil {
		return nil
	}
	defer func() { _ = p.end() }()
	unlock, err := lock(context.Background(), p.f)
	if err != nil {
		return p.wrap("discard", err)
	}
	defer unlock()
	if p.fence() != nil {
		return nil
	}
	return p.wrap("discard", errors.Join(p.remove(p.journal), p.remove(p.part)))
}

// end closes the descriptors. Caller holds use.
func (p *Part) end() error {
	if p.f == nil {
		return nil
	}
	err := errors.Join(p.f.Close(), p.j.Close())
	p.f = nil
	p.t.dirs.release(p.dir)
	return err
}

// fence returns ErrFenced once the journal on disk is not ours any more.
func (p *Part) fence() error {
	if !p.fenced.Load() {
		fi, err := p.dir.v.Lstat(p.journal)
		if err == nil && os.SameFile(fi, p.jid) {
			return nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return p.wrap("check", err)
		}
		p.fenced.Store(true)
	}
	return fmt.Errorf("%s: %w", p.path, ErrFenced)
}

// glance is fence, cheaper where that can be.
func (p *Part) glance() error {
	if p.memory != nil && !p.fenced.Load() {
		return p.memory.inPlace(p.fence)
	}
	return p.fence()
}

// in is the path of the name in the part's directory.
func (p *Part) in(name string) string { return path.Join(p.dirPath, name) }

func (p *Part) step(s step) error { return p.t.step(s) }

func (p *Part) wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", what, p.path, p.t.explain(p.path, p.spec.Size, err))
}

// syncFile makes the content of f durable; with attributes, its mtime and mode too.
func (p *Part) syncFile(name string, f *os.File, attributes bool) error {
	if err := p.step(step{op: opSyncFile, path: p.in(name)}); err != nil {
		return err
	}
	if attributes {
		return f.Sync()
	}
	return dataSync(f)
}

// syncNames makes the directory entries on the way to the part durable.
func (p *Part) syncNames() error {
	if err := p.t.syncDir(p.dirPath, p.dir.v.Root); err != nil {
		return err
	}
	return p.t.syncMade(p.dirPath)
}

func (p *Part) rename(from, to string) error {
	if err := p.step(step{op: opRename, path: p.in(from), to: p.in(to)}); err != nil {
		return err
	}
	return p.dir.v.Rename(from, to)
}

// remove removes name from the part's directory; that it is gone is success.
func (p *Part) remove(name string) error {
	if err := p.step(step{op: opRemove, path: p.in(name)}); err != nil {
		return err
	}
	if err := p.dir.v.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
