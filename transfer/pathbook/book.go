package pathbook

import (
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// Most is how many paths a book holds.
const Most = 256

// Book is a memory of paths. Its methods are safe for concurrent use, and those of
// a nil Book do nothing.
type Book struct {
	now  func() time.Time
	file File // nil: in memory only
	log  *slog.Logger

	saving sync.Mutex // before mu, which nobody holds while the file is read or written
	mu     sync.Mutex
	paths  map[Key]Path
	learnt map[Key]Path // since the last save
	saved  time.Time
}

// New returns a book; file, which may be nil, is where it is kept. It is read at
// once.
func New(now func() time.Time, file File, log *slog.Logger) *Book {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	b := &Book{now: now, file: file, log: log, learnt: map[Key]Path{}}
	b.paths = b.read()
	return b
}

// read never fails: see the package comment.
func (b *Book) read() map[Key]Path {
	if b.file == nil {
		return map[Key]Path{}
	}
	data, err := b.file.Read()
	var paths map[Key]Path
	if err == nil {
		paths, err = decode(data)
	}
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			b.log.Debug("the memory of paths is not to be read and counts as empty", "error", err)
		}
		return map[Key]Path{}
	}
	b.prune(paths)
	return paths
}

// prune drops what is old, or too much.
func (b *Book) prune(paths map[Key]Path) {
	now := b.now()
	maps.DeleteFunc(paths, func(_ Key, p Path) bool { return !p.fresh(now) })
	if len(paths) <= Most {
		return
	}
	keys := slices.Collect(maps.Keys(paths))
	slices.SortFunc(keys, func(x, y Key) int { return paths[x].Seen.Compare(paths[y].Seen) })
	for _, k := range keys[:len(keys)-Most] {
		delete(paths, k)
	}
}

// Path is what is known of a path; not ok: nothing that is still good.
func (b *Book) Path(k Key) (p Path, ok bool) {
	if b == nil {
		return p, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	p, ok = b.paths[k]
	if !ok || !p.fresh(b.now()) {
		return Path{}, false
	}
	return p, true
}

// Learn adds what is known of a path now; p.Seen is of no account. What cannot be
// true is left out.
func (b *Book) Learn(k Key, p Path) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if p.Seen = b.now(); !p.valid() {
		return
	}
	for _, m := range []map[Key]Path{b.paths, b.learnt} {
		old, ok := m[k]
		if !ok || !old.fresh(p.Seen) {
			old = Path{}
		}
		old.add(p)
		m[k] = old
		b.prune(m)
	}
}

// SaveEvery is Save unless that was called less than d ago.
func (b *Book) SaveEvery(d time.Duration) error {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	early := b.now().Sub(b.saved) < d
	b.mu.Unlock()
	if early {
		return nil
	}
	return b.Save()
}

// Save adds what was learnt since the last time to the file, if there is one. An
// error is of no consequence but for the memory, and tried again with the next.
// However slow the file is, only another Save waits for it.
func (b *Book) Save() error {
	if b == nil || b.file == nil {
		return nil
	}
	b.saving.Lock()
	defer b.saving.Unlock()
	learnt := b.news()
	if len(learnt) == 0 {
		return nil
	}
	paths := b.read() // others may have written since
	merge(paths, learnt)
	b.prune(paths)
	err := b.file.Replace(encode(paths))
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		merge(learnt, b.learnt)
		b.learnt = learnt
		return err
	}
	merge(paths, b.learnt) // while the file was written
	b.prune(paths)
	b.paths = paths
	return nil
}

// news takes what was learnt since the last save.
func (b *Book) news() map[Key]Path {
	b.mu.Lock()
	defer b.mu.Unlock()
	learnt := b.learnt
	if len(learnt) > 0 {
		b.learnt, b.saved = map[Key]Path{}, b.now()
	}
	return learnt
}

// merge adds what was learnt later.
func merge(paths, later map[Key]Path) {
	for k, p := range later {
		old := paths[k]
		old.add(p)
		paths[k] = old
	}
}
