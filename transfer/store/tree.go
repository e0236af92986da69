package store

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"sync"
	"sync/atomic"
	"time"
)

// Options of a Tree; the zero value is good for a server.
type Options struct {
	// OpenDirs and OpenFiles bound the idle handles kept open: 256 and 128 when 0.
	OpenDirs, OpenFiles int
	// EscapingLinks lets Symlink create links whose text leads outside the tree.
	// They are never followed by a Tree, but other programs would.
	EscapingLinks bool
}

// Tree is a directory tree, confined. Safe for concurrent use.
type Tree struct {
	root  *os.Root
	opts  Options
	dirs  *cache[*directory]
	files *cache[*source]

	start  time.Time     // for directory.seen
	seq    atomic.Uint64 // temporary names of this process
	nonce  nonce
	onStep func(step) error // tests see, and fail, every change before it is made

	mu   sync.Mutex
	made map[string]struct{} // directories whose own entry may not be durable yet
}

// Open confines a Tree to the existing directory dir.
func Open(dir string, o Options) (*Tree, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open directory: %w", err)
	}
	return New(root, o), nil
}

// New confines a Tree to root, which the Tree closes when it is closed.
func New(root *os.Root, o Options) *Tree {
	if o.OpenDirs <= 0 {
		o.OpenDirs = 256
	}
	if o.OpenFiles <= 0 {
		o.OpenFiles = 128
	}
	t := &Tree{
		root:  root,
		start: time.Now(),
		opts:  o,
		dirs:  newCache[*directory](o.OpenDirs),
		files: newCache[*source](o.OpenFiles),
		made:  map[string]struct{}{},
	}
	_, _ = rand.Read(t.nonce[:]) // never fails; only keeps two processes' temporary names apart
	return t
}

// Close closes the root and all idle handles. Files, parts and batches that are
// still open fail from now on with ErrClosed or the system's own error.
func (t *Tree) Close() error {
	t.dirs.end()
	t.files.end()
	return t.root.Close()
}

// Stat describes the entry at p without following a final symbolic link. The
// error matches fs.ErrNotExist when there is none.
func (t *Tree) Stat(p string) (Entry, error) {
	p, err := Clean(p)
	if err != nil {
		return Entry{}, err
	}
	var e Entry
	err = t.within(path.Dir(p), func(d *os.Root) error {
		e, err = look(d, p)
		return err
	})
	return e, t.explain(p, 0, err)
}

// look describes p, which is in the directory d.
func look(d *os.Root, p string) (Entry, error) {
	name := path.Base(p)
	fi, err := d.Lstat(name)
	if err != nil {
		return Entry{Path: p}, err
	}
	e, err := entryOf(p, fi)
	if e.Kind == KindSymlink {
		e.Target, err = d.Readlink(name)
	}
	return e, err
}

// directory is an open directory, and when its path was last seen to lead there.
type directory struct {
	*os.Root
	seen atomic.Int64 // ns since the Tree was made
}

// trust is how long a cached directory is taken to be what its path leads to.
// Within it, a directory moved by somebody else looks like a move that came a
// moment later; an open costs more than everything else about a small file.
const trust = time.Second

// dir returns a handle on the directory dir (clean), for t.dirs.release.
func (t *Tree) dir(dir string) (s *slot[*directory], hit bool, err error) {
	for {
		s, hit, err := t.dirs.acquire(dir, func() (*directory, error) {
			r, err := t.root.OpenRoot(dir)
			if err != nil {
				return nil, err
			}
			d := &directory{Root: r}
			d.seen.Store(int64(time.Since(t.start)))
			return d, nil
		})
		if err != nil || !hit || int64(time.Since(t.start))-s.v.seen.Load() < int64(trust) || t.leadsTo(dir, s.v) {
			return s, hit, err
		}
		t.dirs.drop(s)
		t.dirs.release(s)
	}
}

// leadsTo reports whether the path dir still leads to d.
func (t *Tree) leadsTo(dir string, d *directory) bool {
	now, err := t.root.Stat(dir)
	if err != nil {
		return false
	}
	was, err := d.Stat(".")
	if err != nil || !os.SameFile(now, was) {
		return false
	}
	d.seen.Store(int64(time.Since(t.start)))
	return true
}

// within calls do with a handle on dir. A cached handle may be of a directory
// that was since removed or replaced, so ErrNotExist is tried once more afresh.
func (t *Tree) within(dir string, do func(*os.Root) error) error {
	return t.inside(dir, t.dir, do)
}

// making is within, creating what is missing of dir with mode 0777 less the
// umask. The new directories are remembered until their entries are durable.
func (t *Tree) making(dir string, do func(*os.Root) error) error {
	return t.inside(dir, t.makeDir, do)
}

func (t *Tree) inside(dir string, open func(string) (*slot[*directory], bool, error), do func(*os.Root) error) error {
	for {
		s, hit, err := open(dir)
		if err != nil {
			return err
		}
		err = do(s.v.Root)
		stale := hit && errors.Is(err, fs.ErrNotExist) && !t.leadsTo(dir, s.v)
		if stale {
			t.dirs.drop(s)
		}
		t.dirs.release(s)
		if !stale {
			return err
		}
	}
}

func (t *Tree) makeDir(dir string) (s *slot[*directory], hit bool, err error) {
	s, hit, err = t.dir(dir)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return s, hit, err
	}
	if err := t.mkdirs(dir); err != nil {
		return nil, false, err
	}
	return t.dir(dir)
}

// mkdirs creates dir and its missing parents.
func (t *Tree) mkdirs(dir string) error {
	if dir == "." {
		return nil
	}
	err := t.mkdir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if err := t.mkdirs(path.Dir(dir)); err != nil {
			return err
		}
		err = t.mkdir(dir)
	}
	return err
}

// mkdir creates one directory; that it exists already is success.
func (t *Tree) mkdir(dir string) error {
	if err := t.step(step{op: opMkdir, path: dir}); err != nil {
		return err
	}
	err := t.root.Mkdir(dir, 0o777)
	if errors.Is(err, fs.ErrExist) {
		fi, serr := t.root.Stat(dir) // a link to a directory inside the tree will do
		if serr != nil {
			return serr
		}
		if !fi.IsDir() {
			return fmt.Errorf("%s: %w", dir, ErrNotDirectory)
		}
		return nil
	}
	if err != nil {
		return err
	}
	t.mu.Lock()
	t.made[dir] = struct{}{}
	t.mu.Unlock()
	return nil
}

// syncMade makes the entries of dir and its parents durable where this Tree
// created them.
func (t *Tree) syncMade(dir string) error {
	for ; dir != "."; dir = path.Dir(dir) {
		t.mu.Lock()
		_, ok := t.made[dir]
		t.mu.Unlock()
		if !ok {
			continue
		}
		up := path.Dir(dir)
		if err := t.within(up, func(d *os.Root) error { return t.syncDir(up, d) }); err != nil {
			return err
		}
		t.mu.Lock()
		delete(t.made, dir)
		t.mu.Unlock()
	}
	return nil
}

// syncDir makes the entries of dir durable.
func (t *Tree) syncDir(dir string, d *os.Root) error {
	if err := t.step(step{op: opSyncDir, path: dir}); err != nil {
		return err
	}
	if onWindows {
		return nil // NTFS journals names itself and cannot flush a directory
	}
	f, err := d.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// tempName is a name that no other call, process or node uses.
func (t *Tree) tempName(base string) string { return tempName(stemOf(base), t.nonce, t.seq.Add(1)) }

// Free is the number of bytes that this process may still write to the root's
// file system, or -1 when the system does not say.
func (t *Tree) Free() int64 {
	f, err := t.root.Open(".")
	if err != nil {
		return -1
	}
	defer f.Close()
	return freeBytes(f)
}
