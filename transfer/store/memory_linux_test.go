//go:build amd64 || arm64

package store

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// memoryTree is a tree in a file system that keeps its files in memory.
func memoryTree(t *testing.T) (*Tree, string) {
	t.Helper()
	path, err := os.MkdirTemp("/dev/shm", "godwit-memory-")
	if err != nil {
		t.Skip("no file system in memory here:", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(path) })
	dir, err := os.Open(path)
	check(t, err)
	defer dir.Close()
	if !inMemory(dir) {
		t.Skip("/dev/shm is not in memory here")
	}
	return openTree(t, path), path
}

// TestMemoryTakesWholeBlocks: pieces of a block lie where they belong.
func TestMemoryTakesWholeBlocks(t *testing.T) {
	t.Parallel()
	tree, _ := memoryTree(t)
	const size = 1 << 20
	content := noise(3*size+777, 7)
	s := specFor(content, 1)
	s.BlockSize = size
	p := mustOpen(t, tree, "f", s)
	if p.memory == nil {
		t.Error("writes go the long way")
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
	if !bytes.Equal(got, content) {
		t.Error("the file is not what was written")
	}
	check(t, p.Close())
	if _, err := p.WriteAt(content[:block], 0); !errors.Is(err, ErrClosed) {
		t.Errorf("written after its end: %v", err)
	}
}

// TestMemoryIsFenced at once, also where the journal has another name, as a copy of
// the tree by links gives it.
func TestMemoryIsFenced(t *testing.T) {
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

// memorySource is a file of size bytes in memory, opened to read, and whether it is
// read as such.
func memorySource(t *testing.T, size int) (f *File, name string, data []byte, memory bool) {
	t.Helper()
	tree, dir := memoryTree(t)
	name = filepath.Join(dir, "f")
	data = noise(size, 21)
	write(t, name, data)
	e, err := tree.Stat("f")
	check(t, err)
	f, err = tree.OpenFile(e)
	check(t, err)
	t.Cleanup(func() { check(t, f.Close()) })
	s, err := f.acquire()
	check(t, err)
	defer tree.files.release(s)
	return f, name, data, s.v.memory != nil
}

func TestMemoryReadsAsOtherFilesDo(t *testing.T) {
	t.Parallel()
	f, name, data, memory := memorySource(t, memoryLeast+3*memoryPiece+77)
	if !memory {
		t.Error("reads go the long way")
	}
	for _, span := range [][2]int{{0, 0}, {0, 1}, {5, memoryPiece}, {77, memoryPiece + 1}, {0, len(data)}, {len(data) - 9, 9}} {
		b := make([]byte, span[1])
		if n, err := f.ReadAt(b, int64(span[0])); n != len(b) || err != nil || !bytes.Equal(b, data[span[0]:span[0]+span[1]]) {
			t.Errorf("%d bytes at %d: %d, %v", span[1], span[0], n, err)
		}
	}
	b := make([]byte, 2*memoryPiece)
	if n, err := f.ReadAt(b, int64(len(data)-memoryPiece-5)); n != memoryPiece+5 || err != io.EOF || !bytes.Equal(b[:n], data[len(data)-n:]) { //nolint:errorlint // readers of package io compare
		t.Errorf("past the end: %d, %v", n, err)
	}
	check(t, os.Truncate(name, 9))
	if n, err := f.ReadAt(b, 0); n != 9 || !errors.Is(err, io.EOF) {
		t.Errorf("of a file that shrank: %d, %v", n, err)
	}
	if err := f.Check(); !errors.Is(err, ErrChanged) {
		t.Errorf("a file that shrank: %v", err)
	}
	if n, err := f.ReadAt(b, -1); n != 0 || err == nil {
		t.Errorf("before the beginning: %d, %v", n, err)
	}
}

func TestSmallSourcesAreNotAskedWhereTheyAre(t *testing.T) {
	t.Parallel()
	if _, _, _, memory := memorySource(t, memoryLeast-1); memory {
		t.Error("asked")
	}
}
