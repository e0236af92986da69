package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"sync"
)

// Symlinks says what a scan does with symbolic links.
type Symlinks uint8

// Symbolic link policies.
const (
	CopySymlinks   Symlinks = iota // send the link itself; the default
	FollowSymlinks                 // send what it leads to, if that is inside the tree
	SkipSymlinks                   // send nothing
)

// ParseSymlinks reads copy, copy+force, follow or skip; "" is copy. What force
// adds is the receiver's.
func ParseSymlinks(s string) (Symlinks, error) {
	switch s {
	case "", "copy", "copy+force":
		return CopySymlinks, nil
	case "follow":
		return FollowSymlinks, nil
	case "skip":
		return SkipSymlinks, nil
	}
	return 0, fmt.Errorf("symlink policy %q is not one of copy, copy+force, follow, skip", s)
}

// ScanOptions say what to scan and how.
type ScanOptions struct {
	Roots    []string // paths to start from; none means the whole tree
	Symlinks Symlinks
	Workers  int // directories read at once; 4 when 0
	// Wants is asked for every entry, from several goroutines: whether it is
	// yielded and, for a directory, whether it is entered. nil: all is.
	Wants func(e *Entry) (yield, enter bool)
}

const (
	scanBatch   = 256 // names read and handed over at once
	scanWorkers = 4
	maxDepth    = maxPath / 2 // no clean path is deeper; ends loops of followed links
)

// Scan yields every entry below the given roots while directories are still
// being read, in no order except that a directory comes before what is in it. The
// first entries come after one directory was read. Directories are yielded too,
// empty ones as well; the tree's own root is not.
//
// An entry that cannot be read is yielded with its path and an error, and the
// scan goes on. Special files come with ErrSpecial; with FollowSymlinks, links
// that lead outside come with ErrPath, and links into their own parents are not
// entered again. The only error that ends a scan is ctx's, yielded with an empty
// Entry. Files of unfinished transfers are left out. All goroutines have ended
// when the loop is over, also when it was left early.
func (t *Tree) Scan(ctx context.Context, o ScanOptions) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		s := &scan{t: t, ctx: ctx, links: o.Symlinks, wants: o.Wants, out: make(chan []found, 8)}
		s.wake.L = &s.mu
		if o.Workers <= 0 {
			o.Workers = scanWorkers
		}
		stop := context.AfterFunc(ctx, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.wake.Broadcast()
		})
		var wg sync.WaitGroup
		defer func() {
			cancel()
			for range s.out { // let blocked workers go
			}
			stop()
		}()
		s.busy = 1 // the roots
		for range o.Workers {
			wg.Go(s.work)
		}
		wg.Go(func() { s.start(o.Roots) })
		go func() { wg.Wait(); close(s.out) }()
		for batch := range s.out {
			for _, f := range batch {
				if !yield(f.Entry, f.err) {
					return
				}
			}
		}
		if err := ctx.Err(); err != nil {
			yield(Entry{}, err)
		}
	}
}

type found struct {
	Entry
	err error
}

// branch is a directory to read and its ancestors, by which loops of followed
// links are known.
type branch struct {
	path  string
	id    FileID
	above *branch
	depth int
}

type scan struct {
	t     *Tree
	ctx   context.Context
	links Symlinks
	wants func(*Entry) (yield, enter bool)
	out   chan []found

	mu   sync.Mutex
	wake sync.Cond
	todo []*branch // a stack: depth first keeps it short
	busy int       // goroutines that may still push
}

func (s *scan) start(roots []string) {
	defer s.idle()
	if len(roots) == 0 {
		roots = []string{"."}
	}
	for _, r := range roots {
		p, err := Clean(r)
		if err != nil {
			s.send([]found{{Entry{Path: r}, err}})
			continue
		}
		if p == "." {
			b := &branch{path: p}
			if fi, err := s.t.root.Stat(p); err == nil {
				b.id = fileID(fi)
			}
			s.push([]*branch{b})
			continue
		}
		fi, err := s.t.root.Lstat(p)
		if err != nil {
			s.send([]found{{Entry{Path: p}, s.t.explain(p, 0, err)}})
			continue
		}
		f, b, ok := s.classify(s.t.root, p, fi, nil)
		if ok && !s.send([]found{f}) {
			return
		}
		if b != nil {
			s.push([]*branch{b})
		}
	}
}

func (s *scan) work() {
	for {
		b := s.pop()
		if b == nil {
			return
		}
		s.read(b)
		s.idle()
	}
}

func (s *scan) pop() *branch {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.todo) == 0 && s.busy > 0 && s.ctx.Err() == nil {
		s.wake.Wait()
	}
	if len(s.todo) == 0 || s.ctx.Err() != nil {
		return nil
	}
	b := s.todo[len(s.todo)-1]
	s.todo = s.todo[:len(s.todo)-1]
	s.busy++
	return b
}

func (s *scan) push(bs []*branch) {
	if len(bs) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.todo = append(s.todo, bs...)
	s.wake.Broadcast()
}

func (s *scan) idle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy--; s.busy == 0 {
		s.wake.Broadcast()
	}
}

// send hands entries over; false means that the scan was ended.
func (s *scan) send(batch []found) bool {
	if len(batch) == 0 {
		return true
	}
	select {
	case s.out <- batch:
		return true
	case <-s.ctx.Done():
		return false
	}
}

// read yields what is in b and pushes its directories.
func (s *scan) read(b *branch) {
	d, err := s.t.root.OpenRoot(b.path) // not the cache: a scan sees what is there now
	if err != nil {
		s.send([]found{{Entry{Path: b.path}, fmt.Errorf("open directory: %w", s.t.explain(b.path, 0, err))}})
		return
	}
	defer d.Close()
	f, err := d.Open(".")
	if err != nil {
		s.send([]found{{Entry{Path: b.path}, fmt.Errorf("read directory: %w", err)}})
		return
	}
	defer f.Close()
	for {
		names, err := f.Readdirnames(scanBatch)
		batch := make([]found, 0, len(names)+1)
		var below []*branch
		for _, name := range names {
			if reserved(name) {
				continue
			}
			p := name
			if b.path != "." {
				p = b.path + "/" + name
			}
			fi, err := d.Lstat(name)
			if err != nil {
				if !errors.Is(err, fs.ErrNotExist) { // else: removed since
					batch = append(batch, found{Entry{Path: p}, err})
				}
				continue
			}
			f, sub, ok := s.classify(d, p, fi, b)
			if ok {
				batch = append(batch, f)
			}
			if sub != nil {
				below = append(below, sub)
			}
		}
		if err != nil && !errors.Is(err, io.EOF) {
			batch = append(batch, found{Entry{Path: b.path}, fmt.Errorf("read directory: %w", err)})
		}
		if !s.send(batch) {
			return
		}
		s.push(below)
		if err != nil {
			return
		}
	}
}

// classify makes fi at p an entry, and a branch when it is to be entered; ok says
// that there is something to yield. d is p's directory, or the root.
func (s *scan) classify(d *os.Root, p string, fi fs.FileInfo, above *branch) (f found, sub *branch, ok bool) {
	linked := fi.Mode().Type() == fs.ModeSymlink
	if linked && s.links == SkipSymlinks {
		return f, nil, false
	}
	if linked && s.links == FollowSymlinks {
		target, err := s.t.root.Stat(p)
		if err != nil {
			return found{Entry{Path: p, Kind: KindSymlink}, fmt.Errorf("follow symbolic link: %w", s.t.explain(p, 0, err))}, nil, true
		}
		fi = target
	}
	e, err := entryOf(p, fi)
	if err != nil {
		if s.wants != nil {
			if yield, _ := s.wants(&e); !yield {
				return f, nil, false // nobody asked for this pipe or device
			}
		}
		return found{e, err}, nil, true
	}
	switch e.Kind {
	case KindSymlink:
		name := path.Base(p)
		if d == s.t.root {
			name = p
		}
		if e.Target, err = d.Readlink(name); err != nil {
			return found{e, fmt.Errorf("read symbolic link: %w", err)}, nil, true
		}
	case KindDir:
		sub = &branch{path: p, id: e.File, above: above}
		if above != nil {
			sub.depth = above.depth + 1
		}
		if linked && sub.loops() || sub.depth > maxDepth {
			sub = nil
		}
	}
	if s.wants != nil {
		yield, enter := s.wants(&e)
		if !enter {
			sub = nil
		}
		return found{Entry: e}, sub, yield
	}
	return found{Entry: e}, sub, true
}

// loops reports whether b is the same directory as one of its ancestors.
func (b *branch) loops() bool {
	for a := b.above; a != nil; a = a.above {
		if a.id.Ino == b.id.Ino && a.id.Dev == b.id.Dev && b.id.Ino != 0 {
			return true
		}
	}
	return false
}
