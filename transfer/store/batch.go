package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"sync"
	"time"
)

// Batch makes many files durable for the price of one flush: Add writes each
// under a temporary name, Flush flushes the file system once, renames all and
// flushes their directories. Add and Flush may be called concurrently; a file
// added during a Flush belongs to the next.
type Batch struct {
	t       *Tree
	mu      sync.Mutex
	items   []item
	bytes   int64
	remains map[string]map[stem][]string // by directory; nil: none are looked for
	since   time.Time
}

// item waits for its rename: a temporary name, or a part.
type item struct {
	tag       uint64
	dir, base string
	temp      string
	part      *Part
	meta      Meta
	isDir     bool
	unlock    func()
	err       error
}

// fewDirs is how many directories are flushed one by one before one flush of the
// file system is the cheaper way.
const fewDirs = 4

// NewBatch returns an empty batch.
func (t *Tree) NewBatch() *Batch { return &Batch{t: t} }

// NewClearingBatch returns an empty batch that takes away what earlier sessions,
// of any transfer, left of the files that it adds when their process died. A
// session that is not quite dead fails for those files with ErrFenced.
func (t *Tree) NewClearingBatch() *Batch {
	return &Batch{t: t, since: time.Now(), remains: map[string]map[stem][]string{}}
}

// clear removes what was left of the file base in a directory. What it cannot
// remove is left for Sweep.
func (b *Batch) clear(dir string, d *os.Root, base string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.remains == nil {
		return
	}
	left, ok := b.remains[dir]
	if !ok {
		left = b.t.remains(d, b.since)
		b.remains[dir] = left
	}
	for _, name := range left[stemOf(base)] {
		_ = d.Remove(name)
	}
}

// remains are the temporary files in a directory that were there before a moment.
func (t *Tree) remains(d *os.Root, before time.Time) map[stem][]string {
	f, err := d.Open(".")
	if err != nil {
		return nil
	}
	defer f.Close()
	found := map[stem][]string{}
	for {
		names, err := f.Readdirnames(scanBatch)
		for _, name := range names {
			of, ok := leftBy(name, t.nonce)
			if !ok {
				continue
			}
			// The modification time is that of the source.
			fi, err := d.Lstat(name)
			if err != nil {
				continue
			}
			if changed := fileID(fi).Ctime; changed != 0 && changed < before.UnixNano() {
				found[of] = append(found[of], name)
			}
		}
		if err != nil {
			return found
		}
	}
}

// Len is the number of files that wait for Flush, and their bytes. 1,000 files
// or 32 MiB are a good size.
func (b *Batch) Len() (files int, bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.items), b.bytes
}

// Add writes a file with the given content, to appear at path when flushed. tag
// is the caller's, for Flush. data is the caller's again on return. Missing
// directories are created. Errors as of OpenPart; then nothing was added.
func (b *Batch) Add(tag uint64, p string, data []byte, m Meta) error {
	dir, base, err := cleanFile(p)
	if err != nil {
		return err
	}
	it := item{tag: tag, dir: dir, base: base, temp: b.t.tempName(base), meta: m}
	err = b.t.making(dir, func(d *os.Root) error {
		b.clear(dir, d, base)
		err := b.write(d, it, data, m)
		if err != nil {
			_ = d.Remove(it.temp)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("write %s: %w", p, b.t.explain(p, int64(len(data)), err))
	}
	b.push(it, int64(len(data)))
	return nil
}

func (b *Batch) write(d *os.Root, it item, data []byte, m Meta) (err error) {
	name := inDir(it.dir, it.temp)
	if err := b.t.step(step{op: opCreate, path: name}); err != nil {
		return err
	}
	f, err := d.OpenFile(it.temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if len(data) > 0 {
		if err := b.t.step(step{op: opWrite, path: name, data: data}); err != nil {
			return err
		}
		if _, err := f.Write(data); err != nil {
			return err
		}
	}
	if err := b.t.setFile(it.dir, d, it.temp, f, m); err != nil {
		return err
	}
	if haveSyncfs {
		return nil
	}
	if err := b.t.step(step{op: opSyncFile, path: name}); err != nil {
		return err
	}
	return f.Sync()
}

// AddSymlink creates a symbolic link, to appear at path when flushed. A target
// that leads outside the tree is refused with ErrPath unless
// Options.EscapingLinks. mtime is set where the system can.
func (b *Batch) AddSymlink(tag uint64, p, target string, m Meta) error {
	dir, base, err := cleanFile(p)
	if err != nil {
		return err
	}
	if err := b.t.checkTarget(dir, target); err != nil {
		return err
	}
	it := item{tag: tag, dir: dir, base: base, temp: b.t.tempName(base), meta: m}
	err = b.t.making(dir, func(d *os.Root) error {
		b.clear(dir, d, base)
		if err := b.t.step(step{op: opSymlink, path: inDir(dir, it.temp), to: target}); err != nil {
			return err
		}
		if err := d.Symlink(target, it.temp); err != nil {
			return err
		}
		if err := setLink(d, it.temp, m); err != nil {
			_ = d.Remove(it.temp)
			return err
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("create symbolic link %s: %w", p, b.t.explain(p, 0, err))
	}
	b.push(it, 0)
	return nil
}

// AddDir creates the directory p now and gives it its metadata when flushed,
// after the files of the same Flush are in place. See Tree.SetDir.
func (b *Batch) AddDir(tag uint64, p string, m Meta) error {
	c, err := Clean(p)
	if err != nil {
		return err
	}
	if err := b.t.Mkdir(c); err != nil {
		return err
	}
	b.push(item{tag: tag, dir: c, isDir: true, meta: m}, 0)
	return nil
}

// AddPart is a Commit that shares the batch's flush. The part is the batch's from
// now on: it ends with Flush, or with Discard, which leaves it to be resumed. Its
// ErrIncomplete comes at once.
func (b *Batch) AddPart(tag uint64, p *Part, m Meta) error {
	if n := p.Missing(); n > 0 {
		return fmt.Errorf("commit %s: %d of %d: %w", p.path, n, p.spec.blocks(), ErrIncomplete)
	}
	b.push(item{tag: tag, dir: p.dirPath, base: p.base, temp: p.part, part: p, meta: m}, 0)
	return nil
}

func (b *Batch) push(it item, n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.items = append(b.items, it)
	b.bytes += n
}

func (b *Batch) take() []item {
	b.mu.Lock()
	defer b.mu.Unlock()
	items := b.items
	b.items, b.bytes = nil, 0
	return items
}

// Flush makes everything added so far durable and visible, then calls done for
// each file in the order of adding: nil when it is in place for good, else why
// not. An error that concerns one file (a directory has its name, a newer session
// owns its part) leaves the others alone. The returned error, if any, is the one
// that failed all: done has it for each file. done runs on the caller's
// goroutine and may be nil.
func (b *Batch) Flush(ctx context.Context, done func(tag uint64, err error)) error {
	items := b.take()
	if len(items) == 0 {
		return nil
	}
	err := b.flush(ctx, items)
	for i := range items {
		it := &items[i]
		if it.err == nil {
			it.err = err
		}
		b.finish(it)
		if done != nil {
			done(it.tag, it.err)
		}
	}
	return err
}

func (b *Batch) flush(ctx context.Context, items []item) error {
	for i := range items {
		if it := &items[i]; it.part != nil {
			it.err = it.prepare(ctx)
		}
	}
	dirs := map[string]struct{}{}
	for i := range items {
		if items[i].err == nil {
			dirs[items[i].dir] = struct{}{}
		}
	}
	if haveSyncfs {
		if err := b.t.syncAll(dirs); err != nil {
			return fmt.Errorf("flush batch: %w", b.t.explain("batch", 0, err))
		}
	}
	clear(dirs)
	for i := range items {
		it := &items[i]
		if it.err != nil || it.isDir {
			continue
		}
		if it.err = b.publish(it); it.err == nil {
			dirs[it.dir] = struct{}{}
		}
	}
	for i := range items {
		it := &items[i]
		if !it.isDir {
			continue
		}
		if it.err = b.t.SetDir(it.dir, it.meta); it.err == nil {
			dirs[it.dir] = struct{}{}
		}
	}
	if haveSyncfs && len(dirs) > fewDirs {
		if err := b.t.syncAll(dirs); err != nil {
			return fmt.Errorf("flush batch: %w", err)
		}
		return nil
	}
	for dir := range dirs {
		if err := b.t.syncNames(dir); err != nil {
			return fmt.Errorf("flush directory: %w", err)
		}
	}
	return nil
}

func (b *Batch) publish(it *item) error {
	if it.part != nil {
		return it.part.publish(it.meta)
	}
	err := b.t.within(it.dir, func(d *os.Root) error {
		err := b.t.publish(it.dir, d, it.temp, it.base, it.meta)
		if errors.Is(err, fs.ErrNotExist) {
			if _, terr := d.Lstat(it.temp); errors.Is(terr, fs.ErrNotExist) {
				return ErrFenced // who writes the same file now has taken it away
			}
		}
		return err
	})
	if err != nil {
		p := path.Join(it.dir, it.base)
		return fmt.Errorf("commit %s: %w", p, b.t.explain(p, 0, err))
	}
	it.temp = ""
	return nil
}

// prepare readies a part for the flush.
func (it *item) prepare(ctx context.Context) error {
	p := it.part
	p.use.Lock()
	defer p.use.Unlock()
	if p.f == nil {
		return ErrClosed
	}
	unlock, err := p.prepare(ctx, it.meta)
	if err != nil {
		return err
	}
	it.unlock = unlock
	if haveSyncfs {
		return nil
	}
	return p.wrap("sync", p.syncFile(p.part, p.f, true))
}

// finish cleans up after a file that is in place or has failed.
func (b *Batch) finish(it *item) {
	if p := it.part; p != nil {
		if it.err == nil {
			_ = p.remove(p.journal) // the file is in place: only litter
		}
		if it.unlock != nil {
			it.unlock()
		}
		_ = p.Close()
		return
	}
	if it.err != nil && it.temp != "" {
		_ = b.t.within(it.dir, func(d *os.Root) error { return d.Remove(it.temp) })
	}
}

// Discard forgets everything added since the last Flush; nothing of it appears.
func (b *Batch) Discard() {
	for _, it := range b.take() {
		it.err = fs.ErrClosed
		b.finish(&it)
	}
}
