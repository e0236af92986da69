package store

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
)

// memoryTree is a tree in a file system in memory.
func memoryTree(t *testing.T) (*Tree, string) {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "godwit-quick-")
	if err != nil {
		t.Skip("no file system in memory here:", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return openTree(t, dir), dir
}

// TestQuickWritesAreWhole: pieces of a block lie where they belong.
func TestQuickWritesAreWhole(t *testing.T) {
	t.Parallel()
	tree, _ := memoryTree(t)
	const size = 1 << 20
	content := noise(3*size+777, 7)
	s := specFor(content, 1)
	s.BlockSize = size
	p := mustOpen(t, tree, "f", s)
	if runtime.GOARCH == "amd64" && p.quick == nil {
		t.Error("no quick writes here")
	}
	var writers sync.WaitGroup
	for off := 0; off < len(content); off += size {
		writers.Go(func() {
			b := content[off:min(off+size, len(content))]
			if n, err := p.WriteAt(b, int64(off)); n != len(b) || err != nil {
				t.Errorf("%d bytes written: %v", n, err)
			}
		})
	}
	writers.Wait()
	got := make([]byte, len(content))
	_, err := p.ReadAt(got, 0)
	check(t, err)
	if !slices.Equal(got, content) {
		t.Error("the file is not what was written")
	}
	check(t, p.Close())
	if _, err := p.WriteAt(content[:block], 0); !errors.Is(err, ErrClosed) {
		t.Errorf("written after its end: %v", err)
	}
}

// TestQuickWritesAreFenced at once, also where the journal has another name, as a
// copy of the tree by links gives it.
func TestQuickWritesAreFenced(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(dir string) error{
		"one name": func(string) error { return nil },
		"two names": func(dir string) error {
			return os.Link(filepath.Join(dir, journalName("f")), filepath.Join(dir, "copy"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree, dir := memoryTree(t)
			content := noise(2*block, 6)
			s := specFor(content, 1)
			a := mustOpen(t, tree, "f", s)
			check(t, put(a, content, 0))
			check(t, before(dir))
			check(t, put(a, content, 1)) // it is ours still
			s.Epoch++
			b := mustOpen(t, tree, "f", s)
			for range 2 {
				_, err := a.WriteAt(content[:block], 0)
				wantErr(t, err, ErrFenced)
			}
			check(t, b.Discard())
		})
	}
}
