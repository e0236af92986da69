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
	dirs  *cache[*os.Root]
	files *cache[*source]

	seq    atomic.Uint64 // temporary names of this process
	nonce  [8]byte
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
		opts:  o,
		dirs:  newCache[*os.Root](o.OpenDirs),
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
	if p == "." {
		fi, err := t.root.Stat(".")
		if err != nil {
			return Entry{}, err
		}
		return entryOf(p, fi)
	}
	var fi fs.FileInfo
	err = t.within(path.Dir(p), func(d *os.Root) error {
		fi, err = d.Lstat(path.Base(p))
		return err
	})
	if err != nil {
		return Entry{}, t.explain(p, 0, err)
	}
	return entryOf(p, fi)
}

// dir returns a handle on the directory dir (clean), for t.dirs.release.
func (t *Tree) dir(dir string) (s *slot[*os.Root], hit bool, err error) {
	return t.dirs.acquire(dir, func() (*os.Root, error) { return t.root.OpenRoot(dir) })
}

// within calls do with a handle on dir. A cached handle may be of a directory
// that was since removed or replaced, so ErrNotExist is tried once more afresh.
func (t *Tree) within(dir string, do func(*os.Root) error) error {
	for {
		s, hit, err := t.dir(dir)
		if err != nil {
			return err
		}
		err = do(s.v)
		stale := hit && errors.Is(err, fs.ErrNotExist)
		if stale {
			t.dirs.drop(s)
		}
		t.dirs.release(s)
		if !stale {
			return err
		}
	}
}

// makeDir is dir, creating what is missing with mode 0777 less the umask. The
// new directories are remembered until syncMade makes their entries durable.
func (t *Tree) makeDir(dir string) (*slot[*os.Root], error) {
	s, hit, err := t.dir(dir)
	if hit && err == nil {
		// The handle may be of a directory that was removed meanwhile.
		if _, serr := t.root.Stat(dir); !errors.Is(serr, fs.ErrNotExist) {
			return s, nil
		}
		t.dirs.drop(s)
		t.dirs.release(s)
		s, _, err = t.dir(dir)
	}
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return s, err
	}
	if err := t.mkdirs(dir); err != nil {
		return nil, err
	}
	s, _, err = t.dir(dir)
	return s, err
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
			return fmt.Errorf("create directory %s: a file of that name exists", dir)
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
		s, _, err := t.dir(path.Dir(dir))
		if err != nil {
			return err
		}
		err = t.syncDir(path.Dir(dir), s.v)
		t.dirs.release(s)
		if err != nil {
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
func (t *Tree) tempName() string {
	return fmt.Sprintf("%s%x%016x%s", namePrefix, t.nonce, t.seq.Add(1), tempSuffix)
}

// free is the number of bytes available, or -1.
func (t *Tree) free() int64 {
	f, err := t.root.Open(".")
	if err != nil {
		return -1
	}
	defer f.Close()
	return freeBytes(f)
}
