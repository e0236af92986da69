package store

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// disk is a model of a disk with a volatile cache: what each step of a Tree
// changes, what a flush makes durable, and every state that a power failure may
// leave. It is harsh: data that was not flushed is lost although its file's name
// survives, a name is lost although its data was flushed; but names change in
// order, as every journaling file system has it.
type disk struct {
	names   map[string]*inode // as programs see them
	durable map[string]*inode // as the platter has them
	pending []change          // changes of names since, in order
}

type inode struct {
	dir         bool
	now, synced []byte
}

type change struct {
	set, unset string
	node       *inode
}

func (c change) apply(names map[string]*inode) {
	if c.unset != "" {
		delete(names, c.unset)
	}
	if c.set != "" {
		names[c.set] = c.node
	}
}

// newDisk holds files, durable.
func newDisk(files map[string][]byte) *disk {
	d := &disk{names: map[string]*inode{}}
	for name, content := range files {
		d.names[name] = &inode{now: content, synced: content}
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			d.names[dir] = &inode{dir: true}
		}
	}
	d.durable = maps.Clone(d.names)
	return d
}

func (d *disk) change(c change) {
	c.apply(d.names)
	d.pending = append(d.pending, c)
}

// do is one step of a Tree.
func (d *disk) do(s step) {
	n := d.names[s.path]
	switch s.op {
	case opMkdir:
		if n == nil {
			d.change(change{set: s.path, node: &inode{dir: true}})
		}
	case opCreate:
		if n == nil {
			d.change(change{set: s.path, node: &inode{}})
		}
	case opAllocate:
		n.now = make([]byte, s.size)
		n.synced = n.now // a size, being metadata, may survive without data
	case opWrite:
		grown := make([]byte, max(len(n.now), int(s.off)+len(s.data)))
		copy(grown, n.now)
		copy(grown[s.off:], s.data)
		n.now = grown
	case opSyncFile:
		n.synced = n.now
	case opSyncDir:
		d.syncNames(s.path)
	case opSyncAll:
		for _, n := range d.names {
			n.synced = n.now
		}
		d.durable, d.pending = maps.Clone(d.names), nil
	case opRename:
		d.change(change{unset: s.path, set: s.to, node: n})
	case opRemove:
		d.change(change{unset: s.path})
	}
}

// syncNames makes the names in dir durable, and with them, order being kept, all
// that changed before the last change there.
func (d *disk) syncNames(dir string) {
	last := -1
	for i, c := range d.pending {
		if c.set != "" && path.Dir(c.set) == dir || c.unset != "" && path.Dir(c.unset) == dir {
			last = i
		}
	}
	for _, c := range d.pending[:last+1] {
		c.apply(d.durable)
	}
	d.pending = slices.Clone(d.pending[last+1:])
}

// crash yields what a power failure now may leave.
func (d *disk) crash(each func(names map[string]*inode, flushed string)) {
	for kept := range len(d.pending) + 1 {
		names := maps.Clone(d.durable)
		for _, c := range d.pending[:kept] {
			c.apply(names)
		}
		for _, flushed := range []string{"nothing", partSuffix, journalSuffix, ""} {
			each(names, flushed)
		}
	}
}

// content is what a file holds after the crash, when of the data not flushed only
// that of files whose names end in flushed had been written back by chance.
func (n *inode) content(name, flushed string) []byte {
	if strings.HasSuffix(name, flushed) {
		return n.now
	}
	return n.synced
}

// restore makes dir hold names.
func restore(t *testing.T, dir string, names map[string]*inode, flushed string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(names)) {
		n := names[name]
		at := filepath.Join(dir, filepath.FromSlash(name))
		if n.dir {
			check(t, os.MkdirAll(at, 0o755))
			continue
		}
		if _, err := os.Stat(filepath.Dir(at)); err != nil {
			continue // its directory's name was lost, and the file with it
		}
		check(t, os.WriteFile(at, n.content(name, flushed), 0o600))
	}
}

// fingerprint tells states apart so that equal ones are tried once.
func fingerprint(names map[string]*inode, flushed string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(names)) {
		n := names[name]
		content := n.content(name, flushed)
		fmt.Fprintf(&b, "%s %t %d %x\n", name, n.dir, len(content), content)
	}
	return b.String()
}

// afterPowerLoss runs work on a tree that holds files, and calls verify with a
// directory for every state that a power failure at any step of it may leave.
// durable is what work had last passed to its promise, -1 once it had returned.
func afterPowerLoss(t *testing.T, files map[string][]byte, work func(tree *Tree, promise func(blocks int)) error, verify func(t *testing.T, dir string, durable int)) {
	t.Helper()
	live := t.TempDir()
	for name, content := range files {
		write(t, filepath.Join(live, name), content)
	}
	tree := openTree(t, live)
	var steps []step
	tree.onStep = func(s step) error {
		s.data = bytes.Clone(s.data)
		steps = append(steps, s)
		return nil
	}
	promises := map[int]int{} // by number of steps
	check(t, work(tree, func(blocks int) { promises[len(steps)] = blocks }))
	promises[len(steps)] = -1
	durable := 0
	model := newDisk(files)
	tried := map[string]bool{}
	states := 0
	for i := range len(steps) + 1 {
		if n, ok := promises[i]; ok {
			durable = n
		}
		model.crash(func(names map[string]*inode, flushed string) {
			key := fmt.Sprint(durable, fingerprint(names, flushed))
			if tried[key] || t.Failed() {
				return
			}
			tried[key] = true
			states++
			dir, err := os.MkdirTemp(live, "crash-")
			check(t, err)
			restore(t, dir, names, flushed)
			verify(t, dir, durable)
			check(t, os.RemoveAll(dir))
			if t.Failed() {
				t.Logf("after %d of %d steps (written back by chance: *%s):\n%s", i, len(steps), flushed, story(steps[:i]))
			}
		})
		if i < len(steps) {
			model.do(steps[i])
		}
	}
	t.Logf("%d steps, %d states", len(steps), states)
}

var opNames = [...]string{"", "mkdir", "create", "allocate", "write", "sync file", "sync directory", "sync all", "attributes", "rename", "remove", "symlink"}

func story(steps []step) string {
	var b strings.Builder
	for _, s := range steps {
		fmt.Fprintf(&b, "  %s %s %s (%d bytes at %d)\n", opNames[s.op], s.path, s.to, len(s.data), s.off)
	}
	return b.String()
}
