package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/godwit/godwit/transfer/filter"
	"github.com/godwit/godwit/transfer/store"
)

// openStream starts to read the job's input, if it has one.
func (t *Transfer) openStream() error {
	j := &t.job
	in, name := j.Input, path.Base(j.Destination)
	mode := uint32(0o644)
	if j.Grow > 0 {
		f, err := os.Open(j.Sources[0])
		if err != nil {
			return newError(sourceCode(err), "cannot read source "+j.Sources[0], cause(err))
		}
		fi, err := f.Stat()
		if err == nil && !fi.Mode().IsRegular() {
			err = store.ErrSpecial
		}
		if err != nil {
			_ = f.Close()
			return newError(sourceCode(err), "cannot read source "+j.Sources[0], cause(err))
		}
		name, mode = filepath.Base(j.Sources[0]), uint32(fi.Mode().Perm())
		in = &growing{f: f, patience: j.Grow, over: make(chan struct{})}
	}
	if in == nil {
		return nil
	}
	t.stream = newStream(name, j.Options.Memory/2)
	t.stream.mode = mode
	t.input = in
	go t.stream.run(in)
	return nil
}

func (t *Transfer) closeStream() {
	if t.stream == nil {
		return
	}
	t.stream.end()
	if g, ok := t.input.(*growing); ok {
		close(g.over)
	}
}

// growing reads a file that is still written, until it has not grown for a while.
type growing struct {
	f        *os.File
	patience time.Duration
	over     chan struct{}
}

// growLook is how often a file is looked at that has no more yet.
const growLook = 200 * time.Millisecond

func (g *growing) Read(b []byte) (int, error) {
	for waited := time.Duration(0); ; waited += growLook {
		n, err := g.f.Read(b)
		if n > 0 || err != nil && !errors.Is(err, io.EOF) {
			return n, err
		}
		if waited >= g.patience {
			_ = g.f.Close()
			return 0, io.EOF
		}
		select {
		case <-time.After(min(growLook, g.patience)):
		case <-g.over:
			_ = g.f.Close()
			return 0, fs.ErrClosed
		}
	}
}

// deleteExtras ends a job whose last session went well. At a pull's destination
// extras are this side's to delete; a push's receiver has told what it did.
func (t *Transfer) deleteExtras(ctx context.Context) error {
	o := &t.job.Options
	if !o.Delete {
		return nil
	}
	if t.ledger.empty() {
		return newError(CodeInvalid, "the sources are empty: nothing was deleted, in case a disk is missing", nil)
	}
	if t.job.Direction == Pull && t.ledger.clean() {
		p, err := t.localPruning()
		if err != nil || p == nil {
			return err
		}
		defer func() { _ = p.tree.Close() }()
		p.run(ctx, t.ledger.removed)
	}
	if n := t.ledger.deleteRefused(); n > 0 {
		return newError(CodeInvalid, fmt.Sprintf("%d files and directories at the destination are not in the sources, more than the %d that may be deleted: nothing was", n, o.maxDelete()), nil)
	}
	return nil
}

// localPruning is the pruning of a pull's destination.
func (t *Transfer) localPruning() (*pruning, error) {
	o := &t.job.Options
	f, err := filter.New(o.Filter)
	if err != nil {
		return nil, err // validated with the job
	}
	dest := filepath.Clean(t.job.Destination)
	tree, err := store.Open(dest, store.Options{})
	if o.DryRun && errors.Is(err, fs.ErrNotExist) {
		return nil, nil // nothing is there to delete
	}
	if err != nil {
		return nil, newError(storeCode(err), "cannot open "+dest, cause(err))
	}
	p := &pruning{
		tree: tree, dest: ".", filter: f, links: o.Symlinks == SymlinksSkip, max: o.maxDelete(), dry: o.DryRun, last: true,
		kept: map[string]struct{}{},
	}
	for _, s := range t.job.Sources {
		name := path.Base(remote(s))
		if strings.HasSuffix(s, "/") || name == "." {
			name = ""
		}
		if e, err := tree.Stat(first(name, ".")); err == nil && e.Kind == store.KindDir {
			p.scopes = append(p.scopes, name)
		}
	}
	if len(p.scopes) == 0 {
		_ = tree.Close()
		return nil, newError(CodeInvalid, "delete needs a source that is a directory", nil)
	}
	for name := range t.ledger.names {
		p.kept[p.key(name)] = struct{}{}
	}
	return p, nil
}

// name notes a name below the destination that a pull's sources have; under the
// session's lock.
func (l *ledger) name(landed, dest string) {
	if dest != "." {
		landed = strings.TrimPrefix(landed, dest+"/")
	}
	if l.names == nil {
		l.names = map[string]struct{}{}
	}
	l.names[landed] = struct{}{}
}

// empty reports that no source held anything.
func (l *ledger) empty() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended == 0
}

func (l *ledger) deleteRefused() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tooMany
}
