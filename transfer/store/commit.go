package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/godwit/godwit/transfer/detail"
)

// Meta is what a file or directory gets beside its content.
type Meta struct {
	Mode  fs.FileMode // permission bits; others are ignored, so no setuid arrives from a peer
	Mtime int64       // ns since 1970
	// NoReplace makes the commit fail with fs.ErrExist when something has taken
	// the name; else a file or link there is replaced, a link never followed.
	NoReplace bool
	// Backup, when not empty, is appended to the name that a replaced file or
	// link keeps beside the new one; there is no moment without either.
	Backup string
	// Detail is what else the source said, of which what Keep names is set.
	Detail *detail.Detail
	Keep   Attributes
}

// Commit makes the part the file: metadata, flush, rename over the target, flush
// of the directory, removal of the journal. On success the part is ended, and
// the file is durable. On error the target is untouched or, when the very last
// flush failed, already the new file; the part is ended and, unless it became the
// file, resumable. Errors: ErrIncomplete (the part goes on), ErrFenced,
// fs.ErrExist, ErrDirectory, ErrNoSpace.
//
// The caller has compared the root of the leaves with the source's. ctx bounds
// the wait for the lock.
func (p *Part) Commit(ctx context.Context, m Meta) error {
	p.use.Lock()
	defer p.use.Unlock()
	if p.f == nil {
		return ErrClosed
	}
	if n := p.Missing(); n > 0 {
		return fmt.Errorf("commit %s: %d of %d: %w", p.path, n, p.spec.blocks(), ErrIncomplete)
	}
	defer func() { _ = p.end() }()
	unlock, err := p.prepare(ctx, m)
	if err != nil {
		return err
	}
	defer unlock()
	if err := p.syncFile(p.part, p.f, true); err != nil {
		return p.wrap("sync", err)
	}
	if err := p.publish(m); err != nil {
		return err
	}
	if err := p.syncNames(); err != nil {
		return p.wrap("sync directory of", err)
	}
	// The file is in place: a journal left behind is only litter.
	_ = p.remove(p.journal)
	return nil
}

// prepare locks the part, makes sure that it is ours and gives it its metadata.
func (p *Part) prepare(ctx context.Context, m Meta) (unlock func(), err error) {
	if p.failed != nil {
		return nil, p.failed
	}
	unlock, err = lock(ctx, p.f)
	if err != nil {
		return nil, p.wrap("commit", err)
	}
	if err = p.fence(); err == nil {
		err = p.wrap("set attributes of", p.t.setFile(p.dirPath, p.dir.v.Root, p.part, p.f, m))
	}
	if err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

// publish renames the durable part over its target. Caller holds the lock.
func (p *Part) publish(m Meta) error {
	if err := p.fence(); err != nil {
		return err
	}
	return p.wrap("commit", p.t.publish(p.dirPath, p.dir.v.Root, p.part, p.base, m))
}

// publish moves name from to the name to in d, in one step for whoever looks.
func (t *Tree) publish(dir string, d *os.Root, from, to string, m Meta) error {
	s := step{op: opRename, path: inDir(dir, from), to: inDir(dir, to)}
	if err := t.step(s); err != nil {
		return err
	}
	if fi, err := d.Lstat(to); err == nil && fi.IsDir() {
		return ErrDirectory // what a rename would say differs by system
	}
	if m.Backup != "" {
		if err := backUp(d, to, m.Backup); err != nil {
			return err
		}
	}
	if !m.NoReplace {
		return d.Rename(from, to)
	}
	// A hard link fails if the name is taken, which a rename does not.
	switch err := d.Link(from, to); {
	case err == nil:
		return d.Remove(from)
	case errors.Is(err, fs.ErrExist):
		return err
	}
	// No hard links here: the window between look and rename stays.
	if _, err := d.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fs.ErrExist, err)
	}
	return d.Rename(from, to)
}

// backUp gives what is called name a second name; that nothing is is success.
func backUp(d *os.Root, name, suffix string) error {
	second := name + suffix
	if len(second) > maxName {
		second = name[:maxName-len(suffix)] + suffix
	}
	err := d.Link(name, second)
	switch {
	case err == nil, errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("keep the old version as %s: %w", second, err)
	}
	// No hard links here: for a moment there is neither.
	if err := d.Rename(name, second); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("keep the old version as %s: %w", second, err)
	}
	return nil
}

// setFile gives the file name in d, open as f, the metadata of m. Times go by
// name, as only that way has nanoseconds everywhere; the name is one of ours.
func (t *Tree) setFile(dir string, d *os.Root, name string, f *os.File, m Meta) error {
	if err := t.step(step{op: opAttributes, path: inDir(dir, name)}); err != nil {
		return err
	}
	if err := setOwner(m, f.Chown); err != nil {
		return err
	}
	if err := f.Chmod(m.Mode.Perm()); err != nil {
		return err
	}
	if err := setMore(f, m); err != nil {
		return err
	}
	atime, mtime := m.times()
	return d.Chtimes(name, atime, mtime)
}

func inDir(dir, name string) string {
	if dir == "." {
		return name
	}
	return dir + "/" + name
}
