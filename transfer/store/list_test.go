package store

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestListPagesByName(t *testing.T) {
	t.Parallel()
	tree, dir := newTree(t)
	for i := range 25 {
		write(t, filepath.Join(dir, fmt.Sprintf("d/f%02d", i)), make([]byte, i))
	}
	check(t, os.Mkdir(filepath.Join(dir, "d/sub"), 0o755))
	symlink(t, "f00", filepath.Join(dir, "d/zlink"))
	p := mustOpen(t, tree, "d/unfinished", specFor(nil, 1))
	check(t, p.Close())
	var got []string
	after := ""
	for {
		entries, more, err := tree.List("d", after, 10)
		check(t, err)
		for _, e := range entries {
			got = append(got, strings.TrimPrefix(e.Path, "d/"))
			after = got[len(got)-1]
		}
		if !more {
			break
		}
		if len(entries) != 10 {
			t.Fatalf("page of %d", len(entries))
		}
	}
	if len(got) != 27 || got[0] != "f00" || got[24] != "f24" || got[25] != "sub" || got[26] != "zlink" {
		t.Errorf("listed %v", got)
	}
	one, more, err := tree.List("d/f07", "", 10)
	check(t, err)
	if more || len(one) != 1 || one[0].Size != 7 || one[0].Path != "d/f07" {
		t.Errorf("a file lists as %+v", one)
	}
	_, _, err = tree.List("nowhere", "", 10)
	wantErr(t, err, fs.ErrNotExist)
}

func TestSweepRemovesOnlyWhatIsOldAndOurs(t *testing.T) {
	t.Parallel()
	tree, dir := newTree(t)
	write(t, filepath.Join(dir, "d/user.part"), nil)
	content := noise(block, 1)
	old := mustOpen(t, tree, "d/old", specFor(content, 1))
	check(t, old.Close())
	b := tree.NewBatch()
	check(t, b.Add(1, "d/temp", nil, Meta{}))
	live := mustOpen(t, tree, "live", specFor(content, 1))
	write(t, filepath.Join(dir, "d", journalName("orphan")), nil)
	past := time.Now().Add(-time.Hour)
	write(t, filepath.Join(dir, "d", journalName("young")), nil)
	list, err := os.ReadDir(filepath.Join(dir, "d"))
	check(t, err)
	for _, e := range list {
		check(t, os.Chtimes(filepath.Join(dir, "d", e.Name()), past, past))
	}
	// Half of a part being old does not make it old.
	check(t, os.Chtimes(filepath.Join(dir, partName("live")), past, past))

	// A temporary file has the time of its source, so what counts is the change
	// of it, which was just now; and so is that of all that lies here.
	n, err := tree.Sweep(t.Context(), ".", time.Now().Add(-time.Minute))
	check(t, err)
	if n != 0 {
		t.Errorf("removed %d young files", n)
	}
	check(t, os.Chtimes(filepath.Join(dir, "d", journalName("young")), past, time.Now().Add(3*time.Hour)))
	n, err = tree.Sweep(t.Context(), ".", time.Now().Add(2*time.Hour))
	check(t, err)
	if n != 4 {
		t.Errorf("removed %d", n)
	}
	check(t, os.Remove(filepath.Join(dir, "d", journalName("young"))))
	if got := names(t, filepath.Join(dir, "d")); got != "user.part" {
		t.Errorf("left %s", got)
	}
	check(t, finish(t.Context(), live, content, Meta{Mode: 0o644}))
}
