package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
)

// ErrNotEmpty: a directory that is to be removed holds something.
var ErrNotEmpty = errors.New("directory is not empty")

// RemoveFile removes the file or link that a scan described, unless it is no
// longer as it was then: ErrChanged. That it is gone already matches
// fs.ErrNotExist.
func (t *Tree) RemoveFile(e Entry) error {
	return t.unchanged(e, func(d *os.Root, base string) error {
		if err := t.step(step{op: opRemove, path: e.Path}); err != nil {
			return err
		}
		return d.Remove(base)
	})
}

// MoveFile gives the file or link that a scan described another path in the
// tree. It replaces nothing: fs.ErrExist. Missing directories are made.
func (t *Tree) MoveFile(e Entry, to string) error {
	dir, base, err := cleanFile(to)
	if err != nil {
		return err
	}
	if err := t.mkdirs(dir); err != nil {
		return fmt.Errorf("create directory of %s: %w", to, t.explain(to, 0, err))
	}
	return t.unchanged(e, func(*os.Root, string) error {
		to := inDir(dir, base)
		if _, err := t.root.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("move %s to %s: %w", e.Path, to, errors.Join(fs.ErrExist, err))
		}
		if err := t.step(step{op: opRename, path: e.Path, to: to}); err != nil {
			return err
		}
		return t.root.Rename(e.Path, to)
	})
}

// Unchanged returns ErrChanged unless e still is as a scan described it.
func (t *Tree) Unchanged(e Entry) error {
	return t.unchanged(e, func(*os.Root, string) error { return nil })
}

func (t *Tree) unchanged(e Entry, do func(d *os.Root, base string) error) error {
	dir, base, err := cleanFile(e.Path)
	if err != nil {
		return err
	}
	err = t.within(dir, func(d *os.Root) error {
		now, err := look(d, e.Path)
		switch {
		case err != nil:
			return err
		case now.Kind != e.Kind || now.Target != e.Target:
			return fmt.Errorf("%s is something else now: %w", e.Path, ErrChanged)
		case e.Kind == KindFile && now != e:
			return fmt.Errorf("%s was changed after it was sent: %w", e.Path, ErrChanged)
		}
		return do(d, base)
	})
	return t.explain(e.Path, 0, err)
}

// RemoveDir removes a directory that holds nothing: ErrNotEmpty.
func (t *Tree) RemoveDir(p string) error {
	dir, base, err := cleanFile(p)
	if err != nil {
		return err
	}
	err = t.within(dir, func(d *os.Root) error {
		fi, err := d.Lstat(base)
		if err != nil {
			return err
		}
		if !fi.IsDir() {
			return ErrNotDirectory
		}
		if f, err := d.Open(base); err == nil {
			names, _ := f.Readdirnames(1)
			_ = f.Close()
			if len(names) > 0 {
				return ErrNotEmpty
			}
		}
		if err := t.step(step{op: opRemove, path: path.Join(dir, base)}); err != nil {
			return err
		}
		return d.Remove(base)
	})
	return t.explain(p, 0, err)
}
