package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// flush flushes b and returns what became of each tag.
func flush(t *testing.T, b *Batch) map[uint64]error {
	t.Helper()
	results := map[uint64]error{}
	check(t, b.Flush(t.Context(), func(tag uint64, err error) { results[tag] = err }))
	return results
}

func TestBatchShowsNothingBeforeFlushAndAllAfter(t *testing.T) {
	t.Parallel()
	tree, dir := newTree(t)
	b := tree.NewBatch()
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := w; i < 200; i += 4 {
				m := Meta{Mode: 0o640, Mtime: int64(i)*1_000_000_000 + 300}
				if err := b.Add(uint64(i), fmt.Sprintf("d%d/f%d", i%9, i), noise(i, uint64(i)), m); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if files, bytes := b.Len(); files != 200 || bytes != 199*200/2 {
		t.Errorf("%d files, %d bytes wait", files, bytes)
	}
	if entries, _ := scanAll(t, tree, ScanOptions{}); len(entries) != 9 {
		t.Errorf("visible before the flush: %s", sortedKeys(entries))
	}
	results := flush(t, b)
	for i := range 200 {
		if err, ok := results[uint64(i)]; !ok || err != nil {
			t.Errorf("file %d: %v %v", i, ok, err)
		}
		name := filepath.Join(dir, fmt.Sprintf("d%d/f%d", i%9, i))
		wantFile(t, name, noise(i, uint64(i)))
		fi, err := os.Stat(name)
		check(t, err)
		if fi.ModTime().UnixNano() != int64(i)*1_000_000_000+300 || !onWindows && fi.Mode() != 0o640 {
			t.Errorf("%s: %v %v", name, fi.Mode(), fi.ModTime())
		}
	}
	if n, _ := b.Len(); n != 0 || len(flush(t, b)) != 0 {
		t.Error("files were flushed twice")
	}
}

func TestBatchFailsOnlyTheFileConcerned(t *testing.T) {
	t.Parallel()
	tree, dir := newTree(t)
	write(t, filepath.Join(dir, "taken/x"), []byte("x"))
	write(t, filepath.Join(dir, "kept"), []byte("theirs"))
	content := noise(2*block, 1)
	lost := mustOpen(t, tree, "lost", specFor(content, 1))
	check(t, put(lost, content, 0, 1))
	won := mustOpen(t, tree, "won", specFor(content, 1))
	b := tree.NewBatch()
	wantErr(t, b.AddPart(0, won, Meta{}), ErrIncomplete)
	check(t, put(won, content, 0, 1))
	check(t, b.Add(1, "a", []byte("a"), Meta{Mode: 0o644}))
	check(t, b.Add(2, "taken", []byte("b"), Meta{Mode: 0o644}))
	check(t, b.Add(3, "kept", []byte("ours"), Meta{Mode: 0o644, NoReplace: true}))
	check(t, b.AddPart(4, lost, Meta{Mode: 0o644}))
	check(t, b.AddPart(5, won, Meta{Mode: 0o600}))
	check(t, b.AddDir(6, "empty", Meta{Mode: 0o700, Mtime: 5_000_000_000}))
	check(t, b.AddDir(7, ".", Meta{Mode: 0o755, Mtime: 6_000_000_000}))
	check(t, b.Add(8, "z", []byte("z"), Meta{Mode: 0o644}))
	s := specFor(content, 1)
	s.Epoch++
	thief := mustOpen(t, openTree(t, dir), "lost", s)

	results := flush(t, b)
	for tag, want := range map[uint64]error{1: nil, 2: ErrDirectory, 3: fs.ErrExist, 4: ErrFenced, 5: nil, 6: nil, 7: nil, 8: nil} {
		if err := results[tag]; !errors.Is(err, want) {
			t.Errorf("file %d: %v, want %v", tag, err, want)
		}
	}
	wantFile(t, filepath.Join(dir, "a"), []byte("a"))
	wantFile(t, filepath.Join(dir, "kept"), []byte("theirs"))
	wantFile(t, filepath.Join(dir, "taken/x"), []byte("x"))
	wantFile(t, filepath.Join(dir, "won"), content)
	fi, err := os.Stat(filepath.Join(dir, "empty"))
	check(t, err)
	if fi.ModTime().Unix() != 5 || !onWindows && fi.Mode().Perm() != 0o700 {
		t.Errorf("directory: %v %v", fi.Mode(), fi.ModTime())
	}
	check(t, put(thief, content, 0, 1))
	check(t, thief.Commit(t.Context(), Meta{Mode: 0o644}))
	if got := names(t, dir); strings.Contains(got, "*") {
		t.Errorf("left behind: %s", got)
	}
}

func TestDiscardedBatchLeavesNothing(t *testing.T) {
	t.Parallel()
	tree, dir := newTree(t)
	b := tree.NewBatch()
	check(t, b.Add(1, "a", []byte("a"), Meta{}))
	check(t, b.AddSymlink(2, "l", "a", Meta{}))
	p := mustOpen(t, tree, "p", specFor(nil, 1))
	check(t, b.AddPart(3, p, Meta{}))
	b.Discard()
	if got := names(t, dir); got != "*.journal *.part" {
		t.Errorf("left behind: %s", got)
	}
}

func TestFailedFlushIsReportedForEveryFile(t *testing.T) {
	t.Parallel()
	tree, dir := newTree(t)
	if !haveSyncfs {
		t.Skip("files are flushed one by one here")
	}
	b := tree.NewBatch()
	check(t, b.Add(1, "a", []byte("a"), Meta{}))
	check(t, b.Add(2, "b", []byte("b"), Meta{}))
	tree.onStep = func(s step) error {
		if s.op == opSyncAll {
			return syscall.EIO
		}
		return nil
	}
	failed := 0
	err := b.Flush(t.Context(), func(_ uint64, err error) {
		if errors.Is(err, syscall.EIO) {
			failed++
		}
	})
	wantErr(t, err, syscall.EIO)
	if failed != 2 {
		t.Errorf("%d of 2 reported", failed)
	}
	if got := names(t, dir); got != "" {
		t.Errorf("left behind: %s", got)
	}
}
