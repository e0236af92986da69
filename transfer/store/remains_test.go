package store

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestWhoWritesAFileClearsWhatTheDeadLeftOfIt(t *testing.T) {
	t.Parallel()
	if onWindows {
		t.Skip("no change time on Windows: Sweep removes what is left")
	}
	tree, dir := newTree(t)
	m := Meta{Mode: 0o600, Mtime: 1}
	// Two processes die with a file each in a batch that was never flushed.
	slow := openTree(t, dir).NewBatch()
	check(t, slow.Add(1, "d/a", []byte("old"), m))
	check(t, openTree(t, dir).NewBatch().Add(1, "d/b", []byte("old"), m))
	time.Sleep(20 * time.Millisecond) // change times have the grain of the kernel's tick

	// A session to a place where nothing should be leaves all alone.
	b := tree.NewBatch()
	check(t, b.Add(1, "d/a", []byte("new"), m))
	if n := temporary(t, dir); n != 3 {
		t.Fatalf("%d temporary files, want the two that were left and a new one", n)
	}
	flush(t, b)

	b = tree.NewClearingBatch()
	check(t, b.Add(1, "d/a", []byte("newer"), m))
	check(t, b.Add(2, "d/e", []byte("new"), m))
	if n := temporary(t, dir); n != 3 {
		t.Errorf("%d temporary files, want those of this session and that of a file which it does not write", n)
	}
	flush(t, b)
	wantFile(t, filepath.Join(dir, "d", "a"), []byte("newer"))
	if n := temporary(t, dir); n != 1 {
		t.Errorf("%d temporary files, want that of a file which nobody wrote again", n)
	}

	// One of the dead was only slow: it does not undo what came after it.
	_ = slow.Flush(t.Context(), func(_ uint64, err error) {
		if !errors.Is(err, ErrFenced) {
			t.Errorf("the slow session's file: %v", err)
		}
	})
	wantFile(t, filepath.Join(dir, "d", "a"), []byte("newer"))
}

func TestTidyRemovesAJournalWhosePartBecameTheFile(t *testing.T) {
	t.Parallel()
	tree, dir := newTree(t)
	content := noise(3*block, 1)
	p := mustOpen(t, tree, "f", specFor(content, 1))
	tree.Tidy("f")
	check(t, put(p, content, 0)) // a live one is left alone
	check(t, p.Close())
	tree.Tidy("f") // as is what can be resumed
	p = mustOpen(t, tree, "f", specFor(content, 1))
	journal, err := os.ReadFile(filepath.Join(dir, journalName("f")))
	check(t, err)
	check(t, finish(t.Context(), p, content, Meta{Mode: 0o644}))
	check(t, os.WriteFile(filepath.Join(dir, journalName("f")), journal, 0o600)) // it died before it removed that
	tree.Tidy("f")
	if got := names(t, dir); got != "f" {
		t.Errorf("there is %s", got)
	}
}

func temporary(t *testing.T, dir string) int {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "d", namePrefix+"*"+tempSuffix))
	check(t, err)
	for _, f := range found {
		if !reserved(filepath.Base(f)) {
			t.Errorf("%s is no reserved name", f)
		}
		if _, err := os.Lstat(f); err != nil {
			t.Error(err)
		}
	}
	return len(found)
}
