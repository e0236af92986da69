package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"sync/atomic"
)

// File is a source file to read. It holds no descriptor of its own: the Tree
// keeps the most recently read files open, so a sender may hold very many.
type File struct {
	t      *Tree
	entry  Entry
	closed atomic.Bool
}

// memoryLeast is the least file that is worth asking whether it is in memory.
const memoryLeast = 1 << 20

// source is an open file and the entry that it was checked against.
type source struct {
	*os.File
	entry  Entry
	memory *memory // nil: reads may wait
}

// ReadAt is that of io.ReaderAt.
func (s *source) ReadAt(b []byte, off int64) (int, error) {
	if s.memory != nil {
		return s.memory.ReadAt(b, off)
	}
	return s.File.ReadAt(b, off)
}

// OpenFile opens the file that a scan or Stat described. When it is no longer
// the same (size, mtime, ctime, inode), the error is ErrChanged or matches
// fs.ErrNotExist.
func (t *Tree) OpenFile(e Entry) (*File, error) {
	if _, _, err := cleanFile(e.Path); err != nil {
		return nil, err
	}
	f := &File{t: t, entry: e}
	s, err := f.acquire()
	if err != nil {
		return nil, err
	}
	t.files.release(s)
	return f, nil
}

// Entry is what the file was opened by.
func (f *File) Entry() Entry { return f.entry }

// ReadAt reads as io.ReaderAt does: it fills b or returns an error, io.EOF at the
// end of the file; an io.EOF before Entry().Size says that the file has shrunk.
// Other changes it does not notice; see Check. b is the caller's.
func (f *File) ReadAt(b []byte, off int64) (int, error) {
	s, err := f.acquire()
	if err != nil {
		return 0, err
	}
	defer f.t.files.release(s)
	n, err := s.v.ReadAt(b, off)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("read %s: %w", f.entry.Path, err)
	}
	return n, err
}

// Check returns ErrChanged when the file is not as its Entry says. A sender calls
// it after the last block was read: bytes read before may then be of two
// versions. A file replaced by a rename is noticed too, through its ctime.
func (f *File) Check() error {
	s, err := f.acquire()
	if err != nil {
		return err
	}
	defer f.t.files.release(s)
	return f.entry.check(s.v.File)
}

// Close ends the use of f; the descriptor stays in the Tree's cache for others.
func (f *File) Close() error {
	f.closed.Store(true)
	return nil
}

func (f *File) acquire() (*slot[*source], error) {
	if f.closed.Load() {
		return nil, ErrClosed
	}
	for {
		s, hit, err := f.t.files.acquire(f.entry.Path, func() (*source, error) { return f.t.openSource(f.entry) })
		if err != nil {
			return nil, err
		}
		if s.v.entry == f.entry {
			return s, nil
		}
		// The path was opened for an older or newer state of the file.
		f.t.files.drop(s)
		f.t.files.release(s)
		if !hit {
			return nil, ErrChanged
		}
	}
}

func (t *Tree) openSource(e Entry) (*source, error) {
	f, err := t.openRead(e.Path)
	if err != nil {
		return nil, t.explain(e.Path, 0, err)
	}
	err = e.check(f)
	if errors.Is(err, ErrChanged) { // or was it read from a directory since moved?
		_ = f.Close()
		if f, err = t.root.OpenFile(e.Path, os.O_RDONLY|openNonblock, 0); err != nil {
			return nil, t.explain(e.Path, 0, err)
		}
		err = e.check(f)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	s := &source{File: f, entry: e}
	if e.Size >= memoryLeast {
		s.memory = newMemory(f)
	}
	return s, nil
}

// check returns ErrChanged unless f is the file of e, unchanged.
func (e Entry) check(f *os.File) error {
	fi, err := f.Stat()
	if err != nil {
		return fmt.Errorf("check source: %w", err)
	}
	if !e.sameState(fi) {
		return changed(e, fi)
	}
	return nil
}

// openRead opens p for reading without waiting, should a pipe have taken the
// file's place. The handle of p's directory is narrower than the root, so a link
// that leaves the directory but not the tree is resolved from the root.
func (t *Tree) openRead(p string) (f *os.File, err error) {
	err = t.within(path.Dir(p), func(d *os.Root) error {
		f, err = d.OpenFile(path.Base(p), os.O_RDONLY|openNonblock, 0)
		return err
	})
	if escaped(err) {
		f, err = t.root.OpenFile(p, os.O_RDONLY|openNonblock, 0)
	}
	return f, err
}

func changed(e Entry, fi fs.FileInfo) error {
	now, err := entryOf(e.Path, fi)
	switch {
	case err != nil || now.Kind != KindFile:
		return fmt.Errorf("%s is no longer a file: %w", e.Path, ErrChanged)
	case now.Size != e.Size:
		return fmt.Errorf("%s had %d bytes, now %d: %w", e.Path, e.Size, now.Size, ErrChanged)
	case now.Mtime != e.Mtime:
		return fmt.Errorf("%s was modified: %w", e.Path, ErrChanged)
	case now.File.Ino != e.File.Ino || now.File.Dev != e.File.Dev:
		return fmt.Errorf("%s was replaced: %w", e.Path, ErrChanged)
	}
	return fmt.Errorf("%s was touched: %w", e.Path, ErrChanged)
}
