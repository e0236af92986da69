package transfer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/store"
)

// maxNames bounds the names in a Hello; beyond, the receiver asks anyway.
const maxNames = 1000

// localPath is a path of the user with what its ending says.
type localPath struct {
	dir      string // to open
	base     string // in dir; "." for dir itself
	contents bool   // only what is in it
}

func parseLocal(p string) localPath {
	slash := p == "" || os.IsPathSeparator(p[len(p)-1])
	clean := filepath.Clean(p)
	if slash || clean == "." || clean == ".." || strings.HasSuffix(clean, string(filepath.Separator)+"..") {
		return localPath{dir: clean, base: ".", contents: true}
	}
	return localPath{dir: filepath.Dir(clean), base: filepath.Base(clean)}
}

// pushEnd opens the sources.
func (t *Transfer) pushEnd(h *control.Hello) (clientEnd, error) {
	var end clientEnd
	load := &loading{pool: &clientPool, skip: t.ledger.has, scope: []byte("godwit")}
	load.symlinks, _ = store.ParseSymlinks(string(t.job.Options.Symlinks)) // validated with the job
	for _, s := range t.job.Sources {
		p := parseLocal(s)
		tree, err := store.Open(p.dir, store.Options{})
		if err == nil {
			end.trees = append(end.trees, tree)
			_, err = tree.Stat(p.base)
		}
		if err != nil {
			end.close()
			return clientEnd{}, newError(sourceCode(err), "cannot read source "+s, cause(err))
		}
		src := source{tree: tree, path: p.base}
		if !p.contents {
			src.name = filepath.ToSlash(p.base)
			h.Names = append(h.Names, src.name)
		}
		load.sources = append(load.sources, src)
	}
	if err := distinct(h.Names); err != nil {
		end.close()
		return clientEnd{}, err
	}
	h.Single = len(t.job.Sources) == 1 && len(h.Names) == 1
	if len(h.Names) < len(t.job.Sources) || len(h.Names) > maxNames {
		h.Names = nil // contents: whatever is at the destination counts
	}
	h.Into = t.job.Destination == "" || strings.HasSuffix(t.job.Destination, "/")
	h.Paths = []string{remote(t.job.Destination)}
	end.load = load
	return end, nil
}

// pullEnd opens the destination.
func (t *Transfer) pullEnd(h *control.Hello, attempt int) (clientEnd, error) {
	for _, s := range t.job.Sources {
		p := remote(s)
		if strings.HasSuffix(s, "/") && !strings.HasSuffix(p, "/") {
			p += "/"
		}
		h.Paths = append(h.Paths, p)
	}
	single, names := singleName(h.Paths)
	if err := distinct(names); err != nil {
		return clientEnd{}, err
	}
	p := parseLocal(t.job.Destination)
	full := filepath.Join(p.dir, p.base)
	fi, err := os.Stat(full)
	isDir := err == nil && fi.IsDir()
	if !isDir && p.contents {
		if err := os.MkdirAll(full, 0o777); err != nil {
			return clientEnd{}, newError(storeCode(err), "cannot create "+t.job.Destination, cause(err))
		}
		isDir = true
	}
	land := &landingConfig{dest: p.base, epoch: h.Epoch, noResume: h.NoResume, noTimes: h.NoTimes, noModes: h.NoModes, skip: t.ledger.has}
	dir := p.dir
	switch {
	case isDir:
		dir, land.dest = full, "."
	case err == nil && !single:
		return clientEnd{}, newError(CodeInvalid, t.job.Destination+" is a file: several sources need a directory", nil)
	case single:
		land.rename = true
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return clientEnd{}, newError(storeCode(err), "cannot create "+dir, cause(err))
	}
	tree, err := store.Open(dir, store.Options{EscapingLinks: true})
	if err != nil {
		return clientEnd{}, newError(storeCode(err), "cannot open "+dir, cause(err))
	}
	land.tree = tree
	land.overwrite, _ = store.ParseOverwrite(h.Overwrite) // validated with job and spec
	h.Ask = attempt > 1 || mayHave(tree, land.dest, land.rename, names)
	return clientEnd{land: land, trees: []*store.Tree{tree}}, nil
}

// singleName reports whether paths name one thing, and the names at the top of
// what comes; nil when only contents do.
func singleName(paths []string) (single bool, names []string) {
	for _, p := range paths {
		if strings.HasSuffix(p, "/") || path.Clean(p) == "." {
			return false, nil
		}
		names = append(names, path.Base(p))
	}
	return len(paths) == 1, names
}

// distinct refuses two sources that would land under one name.
func distinct(names []string) error {
	seen := map[string]bool{}
	for _, n := range names {
		if seen[n] {
			return newError(CodeInvalid, fmt.Sprintf("two sources are named %s: they would overwrite each other", n), nil)
		}
		seen[n] = true
	}
	return nil
}

// mayHave reports whether something of what will come may be at dest already,
// whole or in part.
func mayHave(tree *store.Tree, dest string, rename bool, names []string) bool {
	if rename {
		return tree.HasAny(dest)
	}
	if len(names) == 0 || len(names) > maxNames {
		entries, _, err := tree.List(dest, "", 1)
		return err == nil && len(entries) > 0 || tree.HasParts(dest)
	}
	for _, n := range names {
		if tree.HasAny(path.Join(dest, n)) {
			return true
		}
	}
	return false
}

// cause strips the path that messages name themselves.
func cause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return fmt.Errorf("%w", err)
}
