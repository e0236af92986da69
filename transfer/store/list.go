package store

import (
	"container/heap"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
)

// List returns up to limit entries of the directory p, by name, after the name
// after ("" for the first page), and whether more follow. The last entry's name
// is the next page's after. Symbolic links are listed, not followed; special
// files have no Kind; files of unfinished transfers are hidden. Memory is bounded
// by limit, whatever the directory holds. A p that is a file is listed as itself.
func (t *Tree) List(p, after string, limit int) (entries []Entry, more bool, err error) {
	c, err := Clean(p)
	if err != nil {
		return nil, false, err
	}
	fi, err := t.root.Stat(c)
	if err != nil {
		return nil, false, fmt.Errorf("list: %w", t.explain(c, 0, err))
	}
	if !fi.IsDir() {
		e, err := t.Stat(c)
		if errors.Is(err, ErrSpecial) {
			err = nil
		}
		return []Entry{e}, false, err
	}
	err = t.within(c, func(d *os.Root) error {
		entries, more, err = t.page(d, c, after, max(limit, 1))
		return err
	})
	if err != nil {
		return nil, false, fmt.Errorf("list: %w", t.explain(c, 0, err))
	}
	return entries, more, nil
}

func (t *Tree) page(d *os.Root, dir, after string, limit int) (entries []Entry, more bool, err error) {
	f, err := d.Open(".")
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	var first nameHeap // the limit smallest names, largest on top
	for {
		names, err := f.Readdirnames(scanBatch)
		for _, name := range names {
			if name <= after || reserved(name) {
				continue
			}
			if len(first) == limit {
				more = true
				if name >= first[0] {
					continue
				}
				first[0] = name
				heap.Fix(&first, 0)
				continue
			}
			heap.Push(&first, name)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, false, err
		}
	}
	slices.Sort(first)
	for _, name := range first {
		fi, err := d.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, false, err
		}
		e, err := entryOf(inDir(dir, name), fi)
		if e.Kind == KindSymlink && err == nil {
			e.Target, _ = d.Readlink(path.Base(name)) // gone since: listed without its text
		}
		entries = append(entries, e)
	}
	return entries, more, nil
}

type nameHeap []string

func (h nameHeap) Len() int           { return len(h) }
func (h nameHeap) Less(i, j int) bool { return h[i] > h[j] }
func (h nameHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *nameHeap) Push(x any)        { *h = append(*h, x.(string)) }
func (h *nameHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
