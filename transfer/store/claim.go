package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"time"
)

const (
	lockRetry = 5 * time.Millisecond
	lockLimit = 15 * time.Second // a claim or commit takes far less; a stopped node must not block us for good
	claimsMax = 64
)

// OpenPart claims the part of the file at p for a session, creating what is
// missing: parent directories, the part, its space. What the journal says is
// durable for the same source identity, size and block size is kept (see
// Part.Durable); otherwise the part starts over.
//
// Errors: ErrPath; ErrDirectory and ErrNotDirectory; ErrFenced when a newer
// session of the same transfer has claimed it; ErrTaken while another transfer
// writes it; ErrNoSpace before any data is written, when the file cannot fit;
// ErrBusy. ctx bounds the wait for the lock, which other claims and commits of
// this file hold briefly.
func (t *Tree) OpenPart(ctx context.Context, p string, spec PartSpec) (*Part, error) {
	dir, base, err := cleanFile(p)
	if err != nil {
		return nil, err
	}
	if err := spec.check(); err != nil {
		return nil, fmt.Errorf("open part of %s: %w", p, err)
	}
	d, hit, err := t.makeDir(dir)
	if err == nil && hit && !t.leadsTo(dir, d.v) {
		t.dirs.drop(d)
		t.dirs.release(d)
		d, _, err = t.makeDir(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("create directory of %s: %w", p, t.explain(p, 0, err))
	}
	c := &Part{
		t: t, dir: d, dirPath: dir, base: base, path: path.Join(dir, base), spec: spec,
		part: partName(base), journal: journalName(base),
	}
	if fi, err := d.v.Lstat(base); err == nil && fi.IsDir() { // say so before gigabytes were sent
		t.dirs.release(d)
		return nil, fmt.Errorf("open part: %s: %w", c.path, ErrDirectory)
	}
	for range claimsMax {
		ok, err := c.claim(ctx)
		if err != nil {
			t.dirs.release(d)
			return nil, fmt.Errorf("open part: %w", t.explain(c.path, spec.Size, err))
		}
		if ok {
			return c, nil
		}
	}
	t.dirs.release(d)
	return nil, fmt.Errorf("open part of %s: %w", c.path, ErrBusy)
}

// claim tries once; false means that the part went away under us or had to start
// over, so try again.
func (p *Part) claim(ctx context.Context) (ok bool, err error) {
	d := p.dir.v.Root
	if err := p.step(step{op: opCreate, path: p.in(p.part)}); err != nil {
		return false, err
	}
	f, err := d.OpenFile(p.part, os.O_RDWR|os.O_CREATE|openNonblock, 0o600)
	if err != nil {
		if escaped(err) { // somebody put a link here: never write through it
			return false, p.remove(p.part)
		}
		return false, err
	}
	unlock, err := lock(ctx, f)
	if err != nil {
		_ = f.Close()
		return false, err
	}
	defer unlock()
	defer func() {
		if !ok {
			_ = f.Close()
		}
	}()
	fi, err := f.Stat()
	if err != nil {
		return false, err
	}
	named, err := d.Lstat(p.part)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil // committed or removed while we waited
	case err != nil:
		return false, err
	case named.Mode().Type() == fs.ModeSymlink:
		return false, p.remove(p.part)
	case !os.SameFile(fi, named):
		return false, nil
	}
	old, err := readJournal(d, p.journal)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errJournal) {
		return false, err
	}
	if old != nil && old.spec.Transfer == p.spec.Transfer && old.spec.Epoch > p.spec.Epoch {
		return false, fmt.Errorf("%s: session %d is writing it, this one is %d: %w", p.path, old.spec.Epoch, p.spec.Epoch, ErrFenced)
	}
	if old != nil && old.spec.Transfer != p.spec.Transfer && held(d, p.journal) {
		return false, fmt.Errorf("%s: %w", p.path, ErrTaken)
	}
	resume := old != nil && !p.spec.Fresh && old.spec.same(p.spec) && fi.Size() == p.spec.Size
	if !resume && (old != nil || fi.Size() > 0) {
		// A new inode: a session that still writes the old one cannot reach it.
		if err := p.remove(p.journal); err != nil {
			return false, err
		}
		p.spec.Fresh = false // what is there from now on is not what the caller wanted gone
		return false, p.remove(p.part)
	}
	if resume {
		p.ledger = old
		p.ledger.spec = p.spec
	} else {
		p.ledger = newLedger(p.spec)
		if err := p.allocate(f); err != nil {
			_ = p.remove(p.part)
			return false, err
		}
	}
	p.resumed = p.ledger.blocks.count()
	if err := p.writeJournal(); err != nil {
		return false, err
	}
	p.f, p.memory = f, newMemoryPart(f, p.j)
	return true, nil
}

// allocate reserves the file's space, so that a full disk shows before any data
// is sent.
func (p *Part) allocate(f *os.File) error {
	if p.spec.Size == 0 {
		return nil
	}
	if err := p.step(step{op: opAllocate, path: p.in(p.part), size: p.spec.Size}); err != nil {
		return err
	}
	if p.spec.Sparse {
		return f.Truncate(p.spec.Size)
	}
	return preallocate(f, p.spec.Size)
}

// writeJournal puts a journal of our own in place of whatever is there: this is
// the claim.
func (p *Part) writeJournal() (err error) {
	b, sum := p.ledger.encode()
	tmp := draftName(p.base)
	if err := p.remove(tmp); err != nil { // of a claim that died
		return err
	}
	if err := p.step(step{op: opCreate, path: p.in(tmp)}); err != nil {
		return err
	}
	j, err := p.dir.v.OpenFile(tmp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = j.Close()
			_ = p.dir.v.Remove(tmp)
		}
	}()
	if err := tryLock(j); err != nil { // held until the part ends: see held
		return err
	}
	if err := p.step(step{op: opWrite, path: p.in(tmp), data: b}); err != nil {
		return err
	}
	if _, err := j.Write(b); err != nil {
		return err
	}
	if err := p.syncFile(tmp, j, false); err != nil {
		return err
	}
	if err := p.rename(tmp, p.journal); err != nil {
		return err
	}
	if p.jid, err = j.Stat(); err != nil {
		return err
	}
	p.j, p.jsum, p.joff = j, sum, int64(len(b))
	return nil
}

// held reports whether a live session has the journal called name in d. In doubt
// it says no: then the last one wins.
func held(d *os.Root, name string) bool {
	f, err := d.OpenFile(name, os.O_RDWR|openNonblock, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(tryLock(f), ErrBusy)
}

// readJournal reads the journal called name in d; a link is not followed.
func readJournal(d *os.Root, name string) (*ledger, error) {
	fi, err := d.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, errJournal
	}
	f, err := d.OpenFile(name, os.O_RDONLY|openNonblock, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, headerSize+maxBlocks*recordSize))
	if err != nil {
		return nil, err
	}
	return parseJournal(b)
}

// lock takes the exclusive lock of a part file. Systems without locks go
// without: then two sessions that claim in the same instant may both believe in
// their claim until the first of them next looks.
func lock(ctx context.Context, f *os.File) (unlock func(), err error) {
	deadline := time.Now().Add(lockLimit)
	for {
		err := tryLock(f)
		if err == nil {
			return func() { unlockFile(f) }, nil
		}
		if !errors.Is(err, ErrBusy) {
			return nil, err
		}
		if time.Now().After(deadline) {
			return nil, ErrBusy
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(lockRetry):
		}
	}
}
