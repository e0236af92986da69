package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestOnlyWhatIsUnchangedIsRemovedOrMoved(t *testing.T) {
	t.Parallel()
	tree, dir := newTree(t)
	write(t, filepath.Join(dir, "d/f"), []byte("one"))
	e, err := tree.Stat("d/f")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "d/f"), []byte("another"))
	if err := tree.RemoveFile(e); !errors.Is(err, ErrChanged) {
		t.Errorf("remove: %v", err)
	}
	if err := tree.MoveFile(e, "away/f"); !errors.Is(err, ErrChanged) {
		t.Errorf("move: %v", err)
	}
	if e, err = tree.Stat("d/f"); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "taken"), nil)
	for to, want := range map[string]error{"taken": fs.ErrExist, "../out": ErrPath, "/out": ErrPath} {
		if err := tree.MoveFile(e, to); !errors.Is(err, want) {
			t.Errorf("move to %s: %v", to, err)
		}
	}
	if err := tree.RemoveDir("d"); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("full directory: %v", err)
	}
	if err := tree.MoveFile(e, "away/f"); err != nil {
		t.Fatal(err)
	}
	if err := tree.RemoveDir("d"); err != nil {
		t.Error(err)
	}
	if e, err = tree.Stat("away/f"); err != nil {
		t.Fatal(err)
	}
	if err := tree.RemoveFile(e); err != nil {
		t.Error(err)
	}
	if err := tree.RemoveFile(e); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("twice: %v", err)
	}
}

func TestNothingIsRemovedOutsideOfTheTree(t *testing.T) {
	t.Parallel()
	tree, dir := newTree(t)
	outside := t.TempDir()
	write(t, filepath.Join(outside, "f"), []byte("precious"))
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Skip(err)
	}
	fi, err := os.Stat(filepath.Join(outside, "f"))
	if err != nil {
		t.Fatal(err)
	}
	e, _ := entryOf("link/f", fi)
	if err := tree.RemoveFile(e); !errors.Is(err, ErrPath) {
		t.Errorf("file through a link: %v", err)
	}
	if err := tree.RemoveDir("link"); !errors.Is(err, ErrNotDirectory) {
		t.Errorf("the link as a directory: %v", err)
	}
	if s, err := tree.OpenStream(context.Background(), "link/g", false); !errors.Is(err, ErrPath) {
		t.Errorf("stream through a link: %v %v", s, err)
	}
	if _, err := os.Stat(filepath.Join(outside, "f")); err != nil {
		t.Error(err)
	}
}

func TestStreamAppearsWholeAndForItsWriterOnly(t *testing.T) {
	t.Parallel()
	tree, dir := newTree(t)
	s, err := tree.OpenStream(t.Context(), "in/f", false)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if other, err := tree.OpenStream(ctx, "in/f", true); err == nil {
		t.Errorf("two writers: %v", other)
	}
	if _, err := s.WriteAt([]byte("hello, rest"), 0); err != nil {
		t.Fatal(err)
	}
	if err := s.Sync(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "in/f")); err == nil {
		t.Error("it shows before it is whole")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	// A later session finds what was written.
	if s, err = tree.OpenStream(t.Context(), "in/f", true); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 5)
	if _, err := s.ReadAt(b, 0); err != nil || string(b) != "hello" {
		t.Errorf("%q %v", b, err)
	}
	if err := s.Commit(5, Meta{Mode: 0o600, Mtime: 1e18}); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "in/f")); err != nil || string(b) != "hello" {
		t.Errorf("%q %v", b, err)
	}
	if err := s.Commit(5, Meta{}); !errors.Is(err, ErrClosed) {
		t.Errorf("twice: %v", err)
	}
	// One that lost its name to a part of another transfer becomes nothing.
	if s, err = tree.OpenStream(t.Context(), "g", false); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, partName("g"))); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(0, Meta{}); !errors.Is(err, ErrFenced) {
		t.Errorf("without its name: %v", err)
	}
}

func TestBackupIsNeverReplaced(t *testing.T) {
	t.Parallel()
	tree, dir := newTree(t)
	put := func(content string) error {
		b := tree.NewBatch()
		if err := b.Add(1, "f", []byte(content), Meta{Mode: 0o644, Backup: "~"}); err != nil {
			return err
		}
		var failed error
		if err := b.Flush(t.Context(), func(_ uint64, err error) { failed = err }); err != nil {
			return err
		}
		return failed
	}
	if err := errors.Join(put("1"), put("2")); err != nil {
		t.Fatal(err)
	}
	if err := put("3"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second backup: %v", err)
	}
	for name, want := range map[string]string{"f": "2", "f~": "1"} {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(b) != want {
			t.Errorf("%s: %q %v", name, b, err)
		}
	}
}
