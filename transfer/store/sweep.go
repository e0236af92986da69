package store

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"
)

// Sweep removes what unfinished transfers left behind below p and nobody has
// touched since before: parts with their journals, journals without part,
// temporary files. A live session keeps its part fresh by writing. It returns how many
// files were removed; what could not be read or removed is in the error, and the
// rest was swept all the same.
func (t *Tree) Sweep(ctx context.Context, p string, before time.Time) (removed int, err error) {
	c, err := Clean(p)
	if err != nil {
		return 0, err
	}
	todo := []string{c}
	var errs []error
	for len(todo) > 0 && ctx.Err() == nil {
		dir := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		err := t.within(dir, func(d *os.Root) error {
			below, n, err := sweepDir(d, before)
			for _, name := range below {
				todo = append(todo, inDir(dir, name))
			}
			removed += n
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return removed, errors.Join(append(errs, ctx.Err())...)
}

// Tidy removes the journal that a session left which died after the file p was in
// place. It is for files that stay as they are; what it cannot do is left for Sweep.
func (t *Tree) Tidy(p string) {
	dir, base, err := cleanFile(p)
	if err != nil {
		return
	}
	_ = t.within(dir, func(d *os.Root) error {
		_, err := d.Lstat(partName(base))
		if !errors.Is(err, fs.ErrNotExist) || held(d, journalName(base)) {
			return nil
		}
		return d.Remove(journalName(base))
	})
}

func sweepDir(d *os.Root, before time.Time) (below []string, removed int, err error) {
	f, err := d.Open(".")
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	var own []string
	for {
		list, err := f.ReadDir(scanBatch)
		for _, e := range list {
			switch {
			case e.IsDir():
				below = append(below, e.Name())
			case reserved(e.Name()):
				own = append(own, e.Name())
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return below, 0, err
		}
	}
	var errs []error
	for _, name := range own {
		n, err := sweepFile(d, name, before)
		removed += n
		errs = append(errs, err)
	}
	return below, removed, errors.Join(errs...)
}

// touched is when a file was last written or renamed. Temporary files have the
// time of their source already, so that of the last change counts as well; where
// the system does not tell that, such a file may be of now.
func touched(fi fs.FileInfo) time.Time {
	t, changed := fi.ModTime(), fileID(fi).Ctime
	if changed == 0 && strings.HasSuffix(fi.Name(), tempSuffix) {
		return time.Now()
	}
	if c := time.Unix(0, changed); c.After(t) {
		return c
	}
	return t
}

// sweepFile removes name if it and, for a part or journal, its other half are
// older than before.
func sweepFile(d *os.Root, name string, before time.Time) (removed int, err error) {
	names := []string{name}
	if stem, ok := strings.CutSuffix(name, partSuffix); ok {
		names = []string{stem + journalSuffix, name}
	} else if stem, ok := strings.CutSuffix(name, journalSuffix); ok {
		names = []string{name, stem + partSuffix}
	}
	found := names[:0:0]
	for _, n := range names {
		fi, err := d.Lstat(n)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return 0, err
		}
		if !touched(fi).Before(before) {
			return 0, nil
		}
		if strings.HasSuffix(n, journalSuffix) && held(d, n) {
			return 0, nil
		}
		found = append(found, n)
	}
	if len(found) == 0 {
		return 0, nil
	}
	if last := found[len(found)-1]; strings.HasSuffix(last, partSuffix) {
		f, err := d.OpenFile(last, os.O_RDWR|openNonblock, 0)
		if err != nil {
			return 0, err
		}
		defer f.Close()
		if err := tryLock(f); err != nil {
			if errors.Is(err, ErrBusy) {
				err = nil
			}
			return 0, err
		}
		defer unlockFile(f)
	}
	for _, n := range found {
		if err := d.Remove(n); err == nil {
			removed++
		} else if !errors.Is(err, fs.ErrNotExist) {
			return removed, err
		}
	}
	return removed, nil
}
