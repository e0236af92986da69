package transfer

import (
	"errors"
	"io/fs"
	"sort"
	"sync"

	"github.com/godwit/godwit/transfer/store"
)

// afterwards removes or moves sources once their receiver has them for good. A
// file that is no longer as it was sent stays.
type afterwards struct {
	act    func(f *sourceFile, to string) error
	prune  bool // directories that are empty then go too
	failed func(path string, code Code, message string)

	load    *loading
	todo    []sent // guarded by the session's lock
	pending int    // of todo, and in work

	mu   sync.Mutex
	dirs []*sourceFile
}

type sent struct {
	file *sourceFile
	to   string
}

// start works until the session is over and all is done.
func (a *afterwards) start(l *loading) {
	a.load = l
	l.workers.Go(a.work)
}

// add takes a file that was committed; under the session's lock.
func (a *afterwards) add(f *sourceFile, to string) {
	if f.tree == nil || f.entry.Kind == store.KindDir {
		return
	}
	a.todo = append(a.todo, sent{f, to})
	a.pending++
}

// dir notes a directory of the source.
func (a *afterwards) dir(f *sourceFile) {
	if !a.prune {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.dirs = append(a.dirs, f)
}

func (a *afterwards) work() {
	l := a.load
	l.lock.Lock()
	defer l.lock.Unlock()
	for {
		for len(a.todo) == 0 && !l.stop {
			l.ready.Wait()
		}
		if len(a.todo) == 0 {
			return
		}
		todo := a.todo
		a.todo = nil
		l.lock.Unlock()
		for _, x := range todo {
			if err := a.act(x.file, x.to); err != nil {
				a.failed(x.to, sourceCode(err), err.Error())
			}
		}
		l.lock.Lock()
		a.pending -= len(todo)
		l.ready.Broadcast()
	}
}

// emptyDirs removes the directories of the sources that hold nothing any more,
// deepest first. The sources themselves stay.
func (a *afterwards) emptyDirs() {
	a.mu.Lock()
	dirs := a.dirs
	a.dirs = nil
	a.mu.Unlock()
	sort.Slice(dirs, func(i, j int) bool { return dirs[i].entry.Path > dirs[j].entry.Path })
	for _, d := range dirs {
		if a.load.isSource(d) {
			continue
		}
		err := d.tree.RemoveDir(d.entry.Path)
		if err != nil && !errors.Is(err, store.ErrNotEmpty) && !errors.Is(err, fs.ErrNotExist) {
			a.failed(d.entry.Path, sourceCode(err), err.Error())
		}
	}
}

func (l *loading) isSource(f *sourceFile) bool {
	for _, s := range l.sources {
		if s.tree == f.tree && s.path == f.entry.Path {
			return true
		}
	}
	return false
}

// removeSource is AfterRemove.
func removeSource(f *sourceFile, _ string) error { return f.tree.RemoveFile(f.entry) }
