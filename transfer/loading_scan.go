package transfer

import (
	"fmt"
	"path"
	"time"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/job"
	"github.com/godwit/godwit/transfer/seal"
	"github.com/godwit/godwit/transfer/store"
)

// source is one root of a sending session.
type source struct {
	tree *store.Tree
	path string // in tree; "." for all of it
	name string // where it appears at the receiver; "" for the contents alone

	synthetic *Synthetic // instead of a tree
	seed      uint64
	stream    *stream // instead of a tree
}

// tally counts what a scan found and tells it now and then.
type tally struct {
	files, bytes int64
	trouble      bool // something could not be read
	reported     time.Time
}

// scan adds what it finds to the sender while others read already.
func (l *loading) scan() {
	t := tally{reported: time.Now()}
	for i := range l.sources {
		src := &l.sources[i]
		var ok bool
		switch {
		case src.stream != nil:
			ok = l.scanStream(src.stream, &t)
		case src.synthetic != nil:
			ok = l.scanSynthetic(src, &t)
		case l.names != nil:
			ok = l.scanNames(*src, &t)
		default:
			ok = l.scanTree(*src, src.path, &t)
		}
		if !ok {
			return
		}
	}
	l.report(t.files, t.bytes, true)
	if !l.settle(t.trouble) {
		return
	}
	l.lock.Lock()
	defer l.lock.Unlock()
	if !l.stop {
		l.snd.ScanDone()
		l.wake()
	}
}

// scanTree adds what is at root, in src.tree; false to stop.
func (l *loading) scanTree(src source, root string, t *tally) bool {
	roots := []string{root}
	if root == "." {
		roots = nil
	}
	o := store.ScanOptions{Roots: roots, Symlinks: l.symlinks, Wants: wants(l.filter, src.path)}
	for e, err := range src.tree.Scan(l.ctx, o) {
		if l.ctx.Err() != nil {
			return false
		}
		if !l.found(src, e, err, t) {
			return false
		}
	}
	return true
}

// scanNames adds what a list names, below src; false to stop.
func (l *loading) scanNames(src source, t *tally) bool {
	want := wants(l.filter, src.path)
	for {
		pairs, more := l.next()
		for _, p := range pairs {
			at := path.Join(src.path, p.Source)
			named := source{tree: src.tree, path: at, name: path.Join(src.name, p.Destination)}
			e, err := src.tree.Stat(at)
			if err == nil && e.Kind != store.KindFile { // directories, and links by their policy
				named.path = src.path // filters see paths below the source
				if !l.scanListed(src, named.name, at, t) {
					return false
				}
				continue
			}
			if err == nil && want != nil {
				if send, _ := want(&e); !send {
					continue
				}
			}
			if !l.found(named, e, err, t) {
				return false
			}
		}
		if !more {
			return l.ctx.Err() == nil
		}
	}
}

// scanListed adds the directory or link at root, which appears as name.
func (l *loading) scanListed(src source, name, root string, t *tally) bool {
	o := store.ScanOptions{Roots: []string{root}, Symlinks: l.symlinks, Wants: wants(l.filter, src.path)}
	for e, err := range src.tree.Scan(l.ctx, o) {
		if l.ctx.Err() != nil || !l.found(source{tree: src.tree, path: root, name: name}, e, err, t) {
			return false
		}
	}
	return true
}

// found takes one entry of a scan; false to stop.
func (l *loading) found(src source, e store.Entry, err error, t *tally) bool {
	to := appears(src, e.Path)
	if err != nil {
		t.trouble = true
		l.lock.Lock()
		l.trouble(to, sourceCode(err), err.Error())
		l.lock.Unlock()
		return true
	}
	f := &sourceFile{tree: src.tree, entry: e}
	if e.Kind == store.KindFile {
		t.files++
		t.bytes += l.size(f)
		if l.sealing != nil {
			to += seal.Suffix
		}
	}
	return l.add(f, to, t)
}

func (l *loading) report(files, bytes int64, final bool) {
	l.control(control.TypeTotals, control.Totals{Files: files, Bytes: bytes, Final: final})
	l.lock.Lock()
	defer l.lock.Unlock()
	l.totals(files, bytes, final)
}

// appears is the name at the receiver of a path in src.
func appears(src source, p string) string {
	if src.path == "." {
		return path.Join(src.name, p)
	}
	if p == src.path {
		return src.name
	}
	return path.Join(src.name, p[len(src.path)+1:])
}

// add gives one entry to the sender, once that has room; false to stop.
func (l *loading) add(f *sourceFile, to string, t *tally) bool {
	if to == "" || to == "." {
		return true // the root itself
	}
	if _, err := store.Clean(to); err != nil {
		t.trouble = true
		l.lock.Lock()
		defer l.lock.Unlock()
		l.trouble(to, CodePath, err.Error())
		return true
	}
	dir := f.entry.Kind == store.KindDir
	if l.keep != nil {
		l.keep.name(to)
	}
	if l.after != nil && dir {
		l.after.dir(f)
	}
	if !dir && l.skip != nil && l.skip(to) {
		return true
	}
	if err := l.describe(f); err != nil {
		t.trouble = true
		l.lock.Lock()
		defer l.lock.Unlock()
		l.trouble(to, sourceCode(err), err.Error())
		return true
	}
	return l.addEntry(l.entry(f, to), t)
}

// addEntry waits for room in the sender; false to stop.
func (l *loading) addEntry(entry job.Entry, t *tally) bool {
	l.lock.Lock()
	for !l.snd.Room() && !l.stop {
		l.ready.Wait()
	}
	if l.stop {
		l.lock.Unlock()
		return false
	}
	l.snd.Add(entry)
	if l.snd.Wants() {
		l.wanted.Signal()
	}
	l.wake()
	l.lock.Unlock()
	if time.Since(t.reported) > 200*time.Millisecond {
		t.reported = time.Now()
		l.report(t.files, t.bytes, false)
	}
	return true
}

// settle holds the end of the session back until what follows on commits is
// done: sources removed, extras told. false to stop.
func (l *loading) settle(trouble bool) bool {
	if l.after == nil && l.keep == nil {
		return true
	}
	l.lock.Lock()
	for !l.stop && !l.snd.Stopped() && (l.snd.Stats().Open > 0 || l.after != nil && l.after.pending > 0) {
		l.ready.Wait()
	}
	over := l.stop || l.snd.Stopped()
	l.lock.Unlock()
	if over {
		return false
	}
	if l.after != nil {
		l.after.emptyDirs()
	}
	if l.keep != nil {
		l.keep.tell(l.bulk, trouble)
	}
	return true
}

// names is a list of what is meant, as it arrives. It is guarded by its session's
// lock.
type names struct {
	pairs []Pair
	bytes int
	last  bool
}

// maxNameBytes bounds what a list that waits may hold.
const maxNameBytes = 256 << 20

// push takes a page from a client, whose paths may be anything.
func (n *names) push(page control.Names) error {
	if n.last {
		return errUnexpected
	}
	for _, p := range page.Pairs {
		pair := Pair{p[0], p[1]}
		from, to, err := pair.clean()
		if err != nil {
			return err
		}
		if n.bytes += len(from) + len(to); n.bytes > maxNameBytes {
			return fmt.Errorf("list: more than %d bytes of names wait: %w", maxNameBytes, control.ErrMalformed)
		}
		n.pairs = append(n.pairs, Pair{from, to})
	}
	n.last = page.Last
	return nil
}

// next waits for names; more says that others may follow.
func (l *loading) next() (pairs []Pair, more bool) {
	l.lock.Lock()
	defer l.lock.Unlock()
	for len(l.names.pairs) == 0 && !l.names.last && !l.stop {
		l.ready.Wait()
	}
	pairs = l.names.pairs
	l.names.pairs, l.names.bytes = nil, 0
	return pairs, !l.names.last && !l.stop
}

// pageBytes is about how long a page of names is.
const pageBytes = 128 << 10

// pageNames calls send with frames that hold pairs.
func pageNames(pairs []Pair, send func(t control.Type, body []byte)) {
	var page control.Names
	room := 0
	for _, p := range pairs {
		page.Pairs = append(page.Pairs, [2]string{p.Source, p.Destination})
		if room += len(p.Source) + len(p.Destination); room > pageBytes {
			send(control.TypeNames, control.AppendNames(nil, page))
			page, room = control.Names{}, 0
		}
	}
	page.Last = true
	send(control.TypeNames, control.AppendNames(nil, page))
}
