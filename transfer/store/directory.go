package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Mkdir creates the directory p and its missing parents. One that exists, also
// through a link inside the tree, is success. It is created writable for its
// owner whatever its mode is to be; see SetDir.
func (t *Tree) Mkdir(p string) error {
	c, err := Clean(p)
	if err != nil {
		return err
	}
	if err := t.mkdirs(c); err != nil {
		return fmt.Errorf("create directory: %w", t.explain(c, 0, err))
	}
	return nil
}

// SetDir gives the directory p its metadata: to be called when everything below
// it is in place, as later changes below would change its mtime and a read-only
// mode would forbid them. To make it durable as well, use Batch.AddDir.
func (t *Tree) SetDir(p string, m Meta) error {
	c, err := Clean(p)
	if err != nil {
		return err
	}
	if err := t.setDir(c, m); err != nil {
		return fmt.Errorf("set attributes of directory %s: %w", c, t.explain(c, 0, err))
	}
	return nil
}

func (t *Tree) setDir(c string, m Meta) error {
	if err := t.step(step{op: opAttributes, path: c}); err != nil {
		return err
	}
	return t.within(c, func(d *os.Root) error {
		atime, mtime := m.times()
		err := setDirMore(d, m, func() error { return d.Chmod(".", m.Mode.Perm()) })
		return errors.Join(err, d.Chtimes(".", atime, mtime))
	})
}

// syncNames makes the names in dir, and those leading to it, durable.
func (t *Tree) syncNames(dir string) error {
	err := t.within(dir, func(d *os.Root) error { return t.syncDir(dir, d) })
	if err != nil {
		return err
	}
	return t.syncMade(dir)
}

// syncAll flushes the file systems that hold dirs, data and names.
func (t *Tree) syncAll(dirs map[string]struct{}) error {
	t.mu.Lock()
	made := make([]string, 0, len(t.made))
	for dir := range t.made {
		made = append(made, dir)
	}
	t.mu.Unlock()
	devices := map[uint64]bool{}
	for dir := range dirs {
		err := t.within(dir, func(d *os.Root) error {
			f, err := d.Open(".")
			if err != nil {
				return err
			}
			defer f.Close()
			fi, err := f.Stat()
			if err != nil {
				return err
			}
			if dev := fileID(fi).Dev; devices[dev] {
				return nil
			} else {
				devices[dev] = true
			}
			if err := t.step(step{op: opSyncAll, path: dir}); err != nil {
				return err
			}
			return syncfs(f)
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // removed since: its files fail by themselves
			return err
		}
	}
	if len(devices) == 1 {
		t.mu.Lock()
		for _, dir := range made {
			delete(t.made, dir)
		}
		t.mu.Unlock()
	}
	return nil
}

// CheckLink reports why a link at p could not have this text; see [Batch.AddSymlink].
func (t *Tree) CheckLink(p, target string) error {
	dir, _, err := cleanFile(p)
	if err != nil {
		return err
	}
	return t.checkTarget(dir, target)
}

// checkTarget refuses link texts that lead outside, judged by the text alone: a
// link that is harmless here may still be made to escape by moving directories,
// and is then refused when followed.
func (t *Tree) checkTarget(dir, target string) error {
	if target == "" || strings.IndexByte(target, 0) >= 0 || len(target) > maxPath {
		return &PathError{Path: target, Reason: "it cannot be the text of a symbolic link"}
	}
	if t.opts.EscapingLinks {
		return nil
	}
	if path.IsAbs(target) || filepath.IsAbs(target) || onWindows && strings.ContainsAny(target, `\:`) {
		return &PathError{Path: target, Reason: "the symbolic link is absolute, and would lead out of what this node gives access to (--symlinks skip leaves it out, follow sends what it leads to)"}
	}
	to := path.Join(dir, target)
	if to == ".." || strings.HasPrefix(to, "../") {
		return &PathError{Path: target, Reason: "the symbolic link leads out of what this node gives access to (--symlinks skip leaves it out, follow sends what it leads to)"}
	}
	return nil
}
