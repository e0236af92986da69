package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"sync"
)

// Stream is a file being received whose size nobody knows yet. It has no journal:
// what was written is known to the sender, which keeps the rest. While one is
// open, its name beside the target is locked. WriteAt, ReadAt and Sync may be
// called concurrently.
type Stream struct {
	t    *Tree
	dir  string
	base string
	path string

	mu sync.RWMutex // held shared by calls, exclusively by those that end it
	f  *os.File     // nil once ended
}

// OpenStream opens the stream of the file at p, with what is in it when resume is
// set, else empty. Errors: ErrPath, ErrDirectory, ErrNotDirectory, ErrBusy or
// ErrTaken when another session writes it.
func (t *Tree) OpenStream(ctx context.Context, p string, resume bool) (*Stream, error) {
	dir, base, err := cleanFile(p)
	if err != nil {
		return nil, err
	}
	s := &Stream{t: t, dir: dir, base: base, path: inDir(dir, base)}
	for range claimsMax {
		err := t.making(dir, func(d *os.Root) error { return s.claim(ctx, d, resume) })
		if err != nil {
			return nil, fmt.Errorf("open stream: %s: %w", s.path, t.explain(s.path, 0, err))
		}
		if s.f != nil {
			return s, nil
		}
	}
	return nil, fmt.Errorf("open stream: %s: %w", s.path, ErrBusy)
}

// claim tries once; no file afterwards means that the name changed hands.
func (s *Stream) claim(ctx context.Context, d *os.Root, resume bool) error {
	if fi, err := d.Lstat(s.base); err == nil && fi.IsDir() {
		return ErrDirectory
	}
	name := partName(s.base)
	if err := s.t.step(step{op: opCreate, path: inDir(s.dir, name)}); err != nil {
		return err
	}
	if held(d, journalName(s.base)) {
		return ErrTaken
	}
	if err := d.Remove(journalName(s.base)); err == nil {
		resume = false // a part of another transfer: it starts over
	}
	f, err := d.OpenFile(name, os.O_RDWR|os.O_CREATE|openNonblock, 0o600)
	if err != nil {
		if escaped(err) { // somebody put a link here: never write through it
			return d.Remove(name)
		}
		return err
	}
	if _, err := lock(ctx, f); err != nil { // until it is closed
		_ = f.Close()
		return err
	}
	named, err := d.Lstat(name)
	have, ferr := f.Stat()
	if err != nil || ferr != nil || named.Mode().Type() == fs.ModeSymlink || !os.SameFile(named, have) {
		_ = f.Close()
		if err == nil && named.Mode().Type() == fs.ModeSymlink {
			return d.Remove(name)
		}
		return ferr
	}
	if !resume {
		if err := f.Truncate(0); err != nil {
			_ = f.Close()
			return err
		}
	}
	s.f = f
	return nil
}

// WriteAt puts b in place. Errors: ErrNoSpace, ErrClosed.
func (s *Stream) WriteAt(b []byte, off int64) (int, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.f == nil {
		return 0, ErrClosed
	}
	if s.t.onStep != nil {
		if err := s.t.step(step{op: opWrite, path: s.part(), off: off, data: b}); err != nil {
			return 0, s.wrap("write", err)
		}
	}
	n, err := s.f.WriteAt(b, off)
	return n, s.wrap("write", err)
}

// ReadAt reads what was written, as io.ReaderAt does.
func (s *Stream) ReadAt(b []byte, off int64) (int, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.f == nil {
		return 0, ErrClosed
	}
	n, err := s.f.ReadAt(b, off)
	if err != nil && !errors.Is(err, io.EOF) {
		err = s.wrap("read back", err)
	}
	return n, err
}

// Sync makes what was written before the call durable.
func (s *Stream) Sync() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.f == nil {
		return ErrClosed
	}
	if err := s.t.step(step{op: opSyncFile, path: s.part()}); err != nil {
		return s.wrap("sync", err)
	}
	return s.wrap("sync", dataSync(s.f))
}

// Commit makes the first size bytes the file, durable before it shows. The caller
// has compared their hash with the source's. The stream is ended, whatever the
// outcome. Errors: ErrFenced when the name is no longer this stream's,
// ErrIncomplete, fs.ErrExist, ErrDirectory, ErrNoSpace.
func (s *Stream) Commit(size int64, m Meta) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.f == nil {
		return ErrClosed
	}
	defer func() { _ = s.f.Close(); s.f = nil }()
	name := partName(s.base)
	return s.wrap("commit", s.t.within(s.dir, func(d *os.Root) error {
		fi, err := s.f.Stat()
		if err != nil {
			return err
		}
		if fi.Size() < size {
			return ErrIncomplete
		}
		if named, err := d.Lstat(name); err != nil || !os.SameFile(named, fi) {
			return ErrFenced
		}
		if err := s.f.Truncate(size); err != nil {
			return err
		}
		if err := s.t.setFile(s.dir, d, name, s.f, m); err != nil {
			return err
		}
		if err := s.t.step(step{op: opSyncFile, path: s.part()}); err != nil {
			return err
		}
		if err := s.f.Sync(); err != nil {
			return err
		}
		if err := s.t.publish(s.dir, d, name, s.base, m); err != nil {
			return err
		}
		if err := s.t.syncDir(s.dir, d); err != nil {
			return err
		}
		return s.t.syncMade(s.dir)
	}))
}

// Close ends the use of the stream and leaves what was written for a later
// session, or for Sweep.
func (s *Stream) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.f == nil {
		return nil
	}
	err := s.f.Close()
	s.f = nil
	return err
}

// Discard removes what was written.
func (s *Stream) Discard() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.f == nil {
		return nil
	}
	fi, err := s.f.Stat()
	if err == nil {
		name := partName(s.base)
		err = s.t.within(s.dir, func(d *os.Root) error {
			if named, err := d.Lstat(name); err != nil || !os.SameFile(named, fi) {
				return nil //nolint:nilerr // gone, or another session's by now
			}
			return d.Remove(name)
		})
	}
	err = errors.Join(err, s.f.Close())
	s.f = nil
	return err
}

func (s *Stream) part() string { return path.Join(s.dir, partName(s.base)) }

func (s *Stream) wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", what, s.path, s.t.explain(s.path, 0, err))
}
