package store

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestASessionThatResumesClearsWhatADeadNodeLeft(t *testing.T) {
	t.Parallel()
	if onWindows {
		t.Skip("no change time on Windows: Sweep removes what is left")
	}
	tree, dir := newTree(t)
	mine, other := [16]byte{1}, [16]byte{2}
	m := Meta{Mode: 0o600, Mtime: 1}
	// Two nodes die with a file each in a batch that was never flushed.
	check(t, openTree(t, dir).NewBatchOf(mine, false).Add(1, "d/a", []byte("old"), m))
	check(t, openTree(t, dir).NewBatchOf(other, false).Add(1, "d/b", []byte("old"), m))
	time.Sleep(20 * time.Millisecond) // change times have the grain of the kernel's tick

	// A session that does not resume leaves all alone.
	b := tree.NewBatchOf(mine, false)
	check(t, b.Add(1, "d/c", []byte("new"), m))
	if n := temporary(t, dir); n != 3 {
		t.Fatalf("%d temporary files, want the two that were left and a new one", n)
	}
	flush(t, b)

	b = tree.NewBatchOf(mine, true)
	check(t, b.Add(1, "d/a", []byte("new"), m))
	check(t, b.Add(2, "d/e", []byte("new"), m))
	if n := temporary(t, dir); n != 3 {
		t.Errorf("%d temporary files, want those of this session and the other transfer's", n)
	}
	flush(t, b)
	wantFile(t, filepath.Join(dir, "d", "a"), []byte("new"))
	if n := temporary(t, dir); n != 1 {
		t.Errorf("%d temporary files, want the other transfer's only", n)
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
