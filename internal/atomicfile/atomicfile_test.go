package atomicfile

import (
	"os"
	"path/filepath"
	"testing"
)

// TestAFileIsReplacedAsAWholeAndIsItsOwnersAlone: with nothing left beside it.
func TestAFileIsReplacedAsAWholeAndIsItsOwnersAlone(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(string, []byte) error{"Write": Write, "Put": Put} {
		dir := t.TempDir()
		path := filepath.Join(dir, "state")
		if err := os.WriteFile(path, []byte("what was there, and longer"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := write(path, []byte("new")); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != "new" {
			t.Errorf("%s: the file is %q, %v", name, got, err)
		}
		if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
			t.Errorf("%s: its mode is %v, %v", name, fi.Mode(), err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
			t.Errorf("%s: beside it are %v, %v", name, left, err)
		}
	}
}

// TestWhatCannotBeReplacedStays: and nothing of the attempt.
func TestWhatCannotBeReplacedStays(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "state")
	if err := os.MkdirAll(filepath.Join(path, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if Write(path, []byte("new")) == nil {
		t.Error("a directory was replaced by a file")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("there are %v, %v", left, err)
	}
	if Write(filepath.Join(dir, "missing", "state"), nil) == nil {
		t.Error("a file was written where there is no directory")
	}
}
