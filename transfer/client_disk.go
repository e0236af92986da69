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
	"github.com/godwit/godwit/transfer/filter"
	"github.com/godwit/godwit/transfer/seal"
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
	o := &t.job.Options
	load := &loading{pool: &clientPool, skip: t.ledger.has, scope: []byte("godwit"), dense: t.job.dense(), attributes: keep(o.Preserve)}
	load.symlinks, _ = store.ParseSymlinks(string(o.Symlinks)) // validated with the job
	load.filter, _ = filter.New(o.Filter)
	end.load = load
	if t.sealing != nil {
		load.sealing, load.dense = t.sealing, true
		load.scope = t.sealing.scope
	}
	h.Into = t.job.Destination == "" || strings.HasSuffix(t.job.Destination, "/")
	h.Paths = []string{remote(t.job.Destination)}
	switch {
	case t.stream != nil:
		load.sources = []source{{stream: t.stream, name: t.stream.name}}
		h.Names, h.Single, h.Named = []string{t.stream.name}, true, t.job.Input != nil
		return end, nil
	case t.job.Synthetic != nil:
		name := t.job.Synthetic.Kind()
		load.sources = []source{{synthetic: t.job.Synthetic, seed: t.seed, name: name}}
		h.Names, h.Single = []string{name}, t.job.Synthetic.Files == 1
		return end, nil
	}
	if err := t.openSources(&end, h); err != nil {
		end.close()
		return clientEnd{}, err
	}
	h.Single = len(t.job.Sources) == 1 && len(h.Names) == 1 && len(t.job.Pairs) == 0
	if t.sealing != nil {
		h.Names, h.Suffix = nil, seal.Suffix // files have other names there
	}
	if len(h.Names) < len(t.job.Sources) || len(h.Names) > maxNames {
		h.Names = nil // contents: whatever is at the destination counts
	}
	if !o.DryRun && o.Afterwards != AfterKeep {
		load.after = t.afterwards(&end)
	}
	return end, nil
}

// openSources opens what the job names, and what a list names below it.
func (t *Transfer) openSources(end *clientEnd, h *control.Hello) error {
	load := end.load
	if len(t.job.Pairs) > 0 {
		load.names = &names{last: true}
		for _, p := range t.job.Pairs {
			from, to, err := p.clean()
			if err != nil {
				return err
			}
			load.names.pairs = append(load.names.pairs, Pair{from, to})
		}
	}
	var scopes []string
	for _, s := range t.job.Sources {
		p := parseLocal(s)
		if load.names != nil { // paths of the list start here
			p = localPath{dir: filepath.Clean(s), base: ".", contents: true}
		}
		tree, err := store.Open(p.dir, store.Options{})
		var e store.Entry
		if err == nil {
			end.add(tree, p.dir)
			e, err = tree.Stat(p.base)
		}
		if err != nil {
			return newError(sourceCode(err), "cannot read source "+s, cause(err))
		}
		src := source{tree: tree, path: p.base}
		if !p.contents {
			src.name = filepath.ToSlash(p.base)
			h.Names = append(h.Names, src.name)
		}
		if e.Kind == store.KindDir {
			scopes = append(scopes, src.name)
		}
		load.sources = append(load.sources, src)
	}
	if t.job.Options.Delete {
		if len(scopes) == 0 {
			return newError(CodeInvalid, "delete needs a source that is a directory", nil)
		}
		h.Delete = &control.Delete{Scopes: scopes, Max: t.job.Options.maxDelete()}
		load.keep = &keeping{clean: t.ledger.clean}
	}
	return distinct(h.Names)
}

// afterwards is what becomes of this side's sources.
func (t *Transfer) afterwards(end *clientEnd) *afterwards {
	a := &afterwards{act: removeSource, prune: t.job.Options.EmptyDirs, failed: t.ledger.kept}
	if t.job.Options.Afterwards == AfterMove {
		a.act = func(f *sourceFile, to string) error {
			if err := f.tree.Unchanged(f.entry); err != nil {
				return err
			}
			target := filepath.Join(t.job.Options.MoveTo, filepath.FromSlash(to))
			if err := os.MkdirAll(filepath.Dir(target), 0o777); err != nil {
				return err
			}
			if _, err := os.Lstat(target); !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("move to %s: %w", target, errors.Join(fs.ErrExist, err))
			}
			return os.Rename(filepath.Join(end.dirs[f.tree], filepath.FromSlash(f.entry.Path)), target)
		}
	}
	return a
}

// pullEnd opens the destination.
func (t *Transfer) pullEnd(h *control.Hello, attempt int) (clientEnd, error) {
	for _, s := range t.job.Sources {
		p := remote(s)
		if (strings.HasSuffix(s, "/") || len(t.job.Pairs) > 0) && !strings.HasSuffix(p, "/") {
			p += "/"
		}
		h.Paths = append(h.Paths, p)
	}
	if s := t.job.Synthetic; s != nil {
		h.Paths = []string{s.Kind()}
		h.Synthetic = &control.Synthetic{Kind: s.Kind(), Files: s.Files, Size: s.Size, Seed: t.seed}
	}
	h.Listed = len(t.job.Pairs) > 0
	switch {
	case t.tape != nil:
		h.Ask = attempt > 1
		return clientEnd{sink: true, tape: t.tape}, nil
	case t.job.Options.Discard:
		return clientEnd{sink: true}, nil
	}
	single, names := singleName(h.Paths)
	if t.job.Synthetic != nil && t.job.Synthetic.Files > 1 {
		single = false
	}
	if err := distinct(names); err != nil {
		return clientEnd{}, err
	}
	land, dir, err := t.destination(h, single)
	if err != nil {
		return clientEnd{}, err
	}
	tree, err := store.Open(dir, store.Options{EscapingLinks: true})
	if err != nil {
		return clientEnd{}, newError(storeCode(err), "cannot open "+dir, cause(err))
	}
	land.tree = tree
	if single {
		land.only = names[0]
	}
	land.overwrite, _ = store.ParseOverwrite(h.Overwrite) // validated with job and spec
	h.Ask = attempt > 1 || h.DryRun || mayHave(tree, land.dest, land.rename, names)
	land.clears = h.Ask
	end := clientEnd{land: land}
	end.add(tree, dir)
	return end, nil
}

// destination says where in which directory a pull lands, and makes it, except in
// a dry run.
func (t *Transfer) destination(h *control.Hello, single bool) (*landingConfig, string, error) {
	p := parseLocal(t.job.Destination)
	full := filepath.Join(p.dir, p.base)
	fi, err := os.Stat(full)
	isDir := err == nil && fi.IsDir()
	if !isDir && p.contents && !h.DryRun {
		if err := os.MkdirAll(full, 0o777); err != nil {
			return nil, "", newError(storeCode(err), "cannot create "+t.job.Destination, cause(err))
		}
		isDir = true
	}
	o := &t.job.Options
	land := &landingConfig{
		dest: p.base, epoch: h.Epoch, noResume: h.NoResume, noTimes: h.NoTimes, noModes: h.NoModes, skip: t.ledger.has,
		force: o.Symlinks == SymlinksForce, backup: o.Backup, attributes: keep(o.Preserve), dry: o.DryRun,
		unseal: o.Unseal,
	}
	dir := p.dir
	switch {
	case isDir:
		dir, land.dest = full, "."
	case err == nil && !single:
		return nil, "", newError(CodeInvalid, t.job.Destination+" is a file: several sources need a directory", nil)
	case single && !p.contents:
		land.rename = true
	}
	if h.DryRun { // nothing is made: land from the nearest directory that is there
		for {
			fi, err := os.Stat(dir)
			if err == nil && fi.IsDir() {
				return land, dir, nil
			}
			up := filepath.Dir(dir)
			if up == dir || err == nil {
				return nil, "", newError(CodeNotFound, "there is no directory "+dir, nil)
			}
			land.dest = path.Join(filepath.ToSlash(filepath.Base(dir)), land.dest)
			dir = up
		}
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, "", newError(storeCode(err), "cannot create "+dir, cause(err))
	}
	return land, dir, nil
}

// keep is what attributes mean to a store.
func keep(list []Attribute) (a store.Attributes) {
	for _, x := range list {
		switch x {
		case KeepAccessTimes:
			a |= store.KeepAtimes
		case KeepOwners:
			a |= store.KeepOwners
		case KeepACLs:
			a |= store.KeepACLs
		case KeepXattrs:
			a |= store.KeepXattrs
		}
	}
	return a
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
