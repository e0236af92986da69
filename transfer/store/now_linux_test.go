package store

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// memoryFile is a file of size bytes in a tree in memory.
func memoryFile(t *testing.T, size int) (tree *Tree, name string, data []byte) {
	t.Helper()
	tree, dir := memoryTree(t)
	name = filepath.Join(dir, "f")
	data = noise(size, 21)
	write(t, name, data)
	f, err := os.Open(name)
	check(t, err)
	defer f.Close()
	if !inMemory(f) {
		t.Skip("/dev/shm is not in memory here")
	}
	return tree, name, data
}

func TestFilesInMemoryReadAsOthersDo(t *testing.T) {
	t.Parallel()
	tree, name, data := memoryFile(t, nowLeast+3*nowMost+77)
	e, err := tree.Stat("f")
	check(t, err)
	f, err := tree.OpenFile(e)
	check(t, err)
	defer f.Close()
	s, err := f.acquire()
	check(t, err)
	if s.v.now == nil {
		t.Error("reads go the long way")
	}
	tree.files.release(s)

	for _, span := range [][2]int{{0, 0}, {0, 1}, {5, nowMost}, {77, nowMost + 1}, {0, len(data)}, {len(data) - 9, 9}} {
		b := make([]byte, span[1])
		if n, err := f.ReadAt(b, int64(span[0])); n != len(b) || err != nil || !bytes.Equal(b, data[span[0]:span[0]+span[1]]) {
			t.Errorf("%d bytes at %d: %d, %v", span[1], span[0], n, err)
		}
	}
	b := make([]byte, 2*nowMost)
	if n, err := f.ReadAt(b, int64(len(data)-nowMost-5)); n != nowMost+5 || !errors.Is(err, io.EOF) || !bytes.Equal(b[:n], data[len(data)-n:]) {
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

func TestSmallFilesInMemoryAreNotAskedWhereTheyAre(t *testing.T) {
	t.Parallel()
	tree, _, _ := memoryFile(t, nowLeast-1)
	e, err := tree.Stat("f")
	check(t, err)
	f, err := tree.OpenFile(e)
	check(t, err)
	defer f.Close()
	s, err := f.acquire()
	check(t, err)
	defer tree.files.release(s)
	if s.v.now != nil {
		t.Error("asked")
	}
}
