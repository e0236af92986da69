package store

import (
	"container/heap"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
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
	d, err := t.root.OpenRoot(c) // not the cache: what is shown is what is there now
	if err == nil {
		defer d.Close()
		entries, more, err = page(d, c, after, max(limit, 1))
	}
	if err != nil {
		return nil, false, fmt.Errorf("list: %w", t.explain(c, 0, err))
	}
	return entries, more, nil
}

func page(d *os.Root, dir, after string, limit int) (entries []Entry, more bool, err error) {
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
		e, err := look(d, inDir(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed since
		}
		if err != nil && !errors.Is(err, ErrSpecial) {
			return nil, false, err
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
