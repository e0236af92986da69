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
	"time"
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
	for tag, want := range map[uint64]error{1: nil, 3: fs.ErrExist, 4: ErrFenced, 5: nil, 6: nil, 7: nil, 8: nil} {
		if err := results[tag]; !errors.Is(err, want) {
			t.Errorf("file %d: %v, want %v", tag, err, want)
		}
	}
	if results[2] == nil {
		t.Error("a directory was replaced by a file")
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
	list, err := os.ReadDir(filepath.Join(dir, "d"))
	check(t, err)
	for _, e := range list {
		check(t, os.Chtimes(filepath.Join(dir, "d", e.Name()), past, past))
	}
	// Half of a part being old does not make it old.
	check(t, os.Chtimes(filepath.Join(dir, partName("live")), past, past))

	n, err := tree.Sweep(t.Context(), ".", past.Add(-time.Minute))
	check(t, err)
	if n != 0 {
		t.Errorf("removed %d young files", n)
	}
	n, err = tree.Sweep(t.Context(), ".", time.Now().Add(-time.Minute))
	check(t, err)
	if n != 4 {
		t.Errorf("removed %d", n)
	}
	if got := names(t, filepath.Join(dir, "d")); got != "user.part" {
		t.Errorf("left %s", got)
	}
	check(t, finish(t.Context(), live, content, Meta{Mode: 0o644}))
}

func TestOverwritePolicies(t *testing.T) {
	t.Parallel()
	const sec = int64(time.Second)
	src := Entry{Kind: KindFile, Size: 10, Mtime: 100*sec + 123_456_789}
	same := src
	coarse := src
	coarse.Mtime = 100 * sec
	micro := src
	micro.Mtime = 100*sec + 123_456_000
	older, newer, longer := src, src, src
	older.Mtime, newer.Mtime, longer.Size = 50*sec+1, 200*sec+1, 11
	link := Entry{Kind: KindSymlink, Target: "x", Mtime: src.Mtime}
	for _, c := range []struct {
		name                                  string
		dst                                   Entry
		never, always, diff, older, diffOlder bool
	}{
		{"the same", same, false, true, false, false, false},
		{"the same on a file system of seconds", coarse, false, true, false, false, false},
		{"the same on a file system of microseconds", micro, false, true, false, false, false},
		{"older", older, false, true, true, true, true},
		{"newer", newer, false, true, true, false, false},
		{"of another size, same time", longer, false, true, true, false, false},
		{"a link", link, false, true, true, false, false},
	} {
		for o, want := range map[string]bool{"never": c.never, "always": c.always, "diff": c.diff, "": c.diff, "older": c.older, "diff+older": c.diffOlder} {
			policy, err := ParseOverwrite(o)
			check(t, err)
			if got := policy.Replace(src, c.dst); got != want {
				t.Errorf("%s replaces a destination that is %s: %t", policy, c.name, got)
			}
		}
	}
	if _, err := ParseOverwrite("sometimes"); err == nil {
		t.Error("accepted an unknown policy")
	}
	if OverwriteAlways.Replace(Entry{Kind: KindDir}, Entry{Kind: KindDir}) {
		t.Error("a directory replaces itself")
	}
}
