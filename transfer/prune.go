package transfer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"runtime"
	"sort"
	"strings"
	"sync"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/filter"
	"github.com/godwit/godwit/transfer/store"
)

// keeping is what a sender has, for a receiver that deletes the rest.
type keeping struct {
	clean func() bool // nothing failed; without the session's lock

	mu    sync.Mutex
	pairs []Pair
}

// name notes one thing by its name at the receiver.
func (k *keeping) name(to string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.pairs = append(k.pairs, Pair{Source: to})
}

// tell sends the names, unless something is missing that may only be unreadable,
// or the sources are empty, as a disk that is not mounted is.
func (k *keeping) tell(send func(control.Type, []byte), trouble bool) {
	if trouble || !k.clean() || len(k.pairs) == 0 {
		return
	}
	pageNames(k.pairs, send)
}

// pruning removes from a destination what the sender does not have.
type pruning struct {
	tree   *store.Tree
	dest   string
	scopes []string // below dest; "" is dest itself
	filter *filter.Filter
	links  bool // links at the destination stay: none are sent
	max    int64
	dry    bool

	kept  map[string]struct{} // names below dest
	bytes int                 // of kept
	last  bool
}

// foldNames: systems on which names that differ in case only are one.
const foldNames = runtime.GOOS == "darwin" || runtime.GOOS == "windows"

func (p *pruning) key(name string) string {
	if foldNames {
		return strings.ToLower(name)
	}
	return name
}

// push takes a page of the names that stay.
func (p *pruning) push(page control.Names) error {
	if p.last {
		return fmt.Errorf("names to keep: %w", control.ErrMalformed)
	}
	if p.kept == nil {
		p.kept = map[string]struct{}{}
	}
	for _, pair := range page.Pairs {
		if p.bytes += len(pair[0]) + keptName; p.bytes > maxKeptBytes {
			return fmt.Errorf("names to keep, more than %d bytes: %w", maxKeptBytes, control.ErrMalformed)
		}
		p.kept[p.key(path.Clean(pair[0]))] = struct{}{}
	}
	p.last = page.Last
	return nil
}

// Bounds of the names that a client may send: some ten million.
const (
	maxKeptBytes = 1 << 30
	keptName     = 48 // what a name takes in a map beside its bytes
)

// extras are what is there and not to stay, deepest first.
func (p *pruning) extras(ctx context.Context) ([]store.Entry, error) {
	var out []store.Entry
	for _, scope := range p.scopes {
		root := path.Join(p.dest, scope)
		o := store.ScanOptions{Roots: []string{root}}
		if root == "." {
			o.Roots = nil
		}
		want := wants(p.filter, root)
		for e, err := range p.tree.Scan(ctx, o) {
			if errors.Is(err, store.ErrSpecial) {
				continue // never ours
			}
			if errors.Is(err, fs.ErrNotExist) {
				continue // a dry run into nothing, or gone by itself
			}
			if err != nil {
				return nil, err
			}
			if e.Path == root || e.Kind == store.KindSymlink && p.links {
				continue
			}
			if want != nil {
				if wanted, _ := want(&e); !wanted {
					continue
				}
			}
			name := e.Path
			if p.dest != "." {
				name = e.Path[len(p.dest)+1:]
			}
			if _, ok := p.kept[p.key(name)]; !ok {
				out = append(out, e)
			}
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Path > out[j].Path })
	return out, nil
}

// removedPage is how many entries one Removed frame holds: names of 4 KiB with
// every byte escaped still fit.
const removedPage = 40

// run removes the extras once the list of what stays is complete.
func (p *pruning) run(ctx context.Context, tell func(control.Removed)) {
	if !p.last {
		return
	}
	extras, err := p.extras(ctx)
	if err != nil {
		tell(control.Removed{Failed: []control.Trouble{{Code: string(storeCode(err)), Message: "nothing was deleted: " + err.Error()}}})
		return
	}
	if p.max > 0 && int64(len(extras)) > p.max {
		tell(control.Removed{TooMany: int64(len(extras))})
		return
	}
	var page control.Removed
	for _, e := range extras {
		if ctx.Err() != nil {
			break
		}
		if !p.dry {
			err = p.remove(e)
		}
		switch {
		case errors.Is(err, store.ErrNotEmpty), errors.Is(err, fs.ErrNotExist):
			err = nil // holds something that stays, or went by itself
			continue
		case err != nil:
			page.Failed = append(page.Failed, control.Trouble{Path: e.Path, Code: string(storeCode(err)), Message: "cannot delete: " + err.Error()})
		default:
			page.Entries = append(page.Entries, control.ListEntry{Name: e.Path, Type: typeName(e.Kind), Size: e.Size})
		}
		if len(page.Entries)+len(page.Failed) >= removedPage {
			tell(page)
			page = control.Removed{}
		}
	}
	if len(page.Entries)+len(page.Failed) > 0 {
		tell(page)
	}
}

func (p *pruning) remove(e store.Entry) error {
	if e.Kind == store.KindDir {
		return p.tree.RemoveDir(e.Path)
	}
	return p.tree.RemoveFile(e)
}
