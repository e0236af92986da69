package store

import (
	"io"
	"os"
	"path"
)

// HasAny reports whether p exists or was begun: something, whatever its kind,
// has the name, or an unfinished transfer left a part for it. When in doubt it
// says yes.
func (t *Tree) HasAny(p string) bool {
	dir, base, err := cleanFile(p)
	if err != nil {
		return true
	}
	if _, err := t.root.Lstat(p); err == nil || !os.IsNotExist(err) {
		return true
	}
	_, err = t.root.Lstat(path.Join(dir, journalName(base)))
	return !os.IsNotExist(err)
}

// HasParts reports whether unfinished transfers left something directly in the
// directory p. When in doubt it says yes, and no for one that does not exist.
func (t *Tree) HasParts(p string) bool {
	c, err := Clean(p)
	if err != nil {
		return true
	}
	f, err := t.root.Open(c)
	if err != nil {
		return !os.IsNotExist(err)
	}
	defer f.Close()
	for {
		names, err := f.Readdirnames(scanBatch)
		for _, n := range names {
			if reserved(n) {
				return true
			}
		}
		if err == io.EOF {
			return false
		}
		if err != nil {
			return true
		}
	}
}
