package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

func timeNow() time.Time { return time.Now() }

const onLinux = haveSyncfs

func TestCommitPutsContentAndMetadataInPlace(t *testing.T) {
	t.Parallel()
	tree, dir := newTree(t)
	for _, n := range []int{0, 1, block, 5*block + 17} {
		content := noise(n, 1)
		p := mustOpen(t, tree, "new/dir/f", specFor(content, byte(n)))
		check(t, finish(t.Context(), p, content, Meta{Mode: 0o4751, Mtime: 1_234_567_890_123_456_700}))
		wantFile(t, filepath.Join(dir, "new/dir/f"), content)
		fi, err := os.Stat(filepath.Join(dir, "new/dir/f"))
		check(t, err)
		if fi.ModTime().UnixNano() != 1_234_567_890_123_456_700 {
			t.Errorf("mtime %v", fi.ModTime())
		}
		if !onWindows && fi.Mode() != 0o751 {
			t.Errorf("mode %v: special bits from a peer must not arrive", fi.Mode())
		}
		if got := names(t, filepath.Join(dir, "new/dir")); got != "f" {
			t.Errorf("left behind: %s", got)
		}
		_, err = p.WriteAt([]byte{1}, 0)
		wantErr(t, err, ErrClosed)
		wantErr(t, p.Commit(t.Context(), Meta{}), ErrClosed)
	}
}

func TestManyGoroutinesFillOnePart(t *testing.T) {
	t.Parallel()
	tree, dir := newTree(t)
	content := noise(200*block-3, 2)
	p := mustOpen(t, tree, "f", specFor(content, 1))
	var wg sync.WaitGroup
	var mu sync.Mutex
	durable := 0
	for w := range 8 {
		wg.Go(func() {
			for i := w; i < 200; i += 8 {
				if err := put(p, content, i); err != nil {
					t.Error(err)
				}
				if i%5 == 0 {
					n, err := p.Sync()
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					durable += n
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	n, err := p.Sync()
	check(t, err)
	if durable+n != 200 {
		t.Errorf("Sync reported %d blocks of 200", durable+n)
	}
	check(t, p.Commit(t.Context(), Meta{Mode: 0o644}))
	wantFile(t, filepath.Join(dir, "f"), content)
}

func TestResumeKeepsExactlyWhatWasDurable(t *testing.T) {
	t.Parallel()
	tree, dir := newTree(t)
	content := noise(10*block, 3)
	s := specFor(content, 1)
	p := mustOpen(t, tree, "f", s)
	check(t, put(p, content, 7, 0, 3))
	n, err := p.Sync()
	check(t, err)
	if n != 3 {
		t.Fatalf("%d durable", n)
	}
	check(t, put(p, content, 5)) // marked, never synced
	check(t, p.Close())

	s.Epoch = 2
	again := mustOpen(t, openTree(t, dir), "f", s)
	var have []int
	for i, leaf := range again.Marked() {
		have = append(have, i)
		if leaf != leafOf(content, i) {
			t.Errorf("leaf %d differs", i)
		}
	}
	if !slices.Equal(have, []int{0, 3, 7}) || again.Resumed() != 3 || again.Missing() != 7 {
		t.Fatalf("resumed %v (%d), missing %d", have, again.Resumed(), again.Missing())
	}
	wantErr(t, again.Commit(t.Context(), Meta{}), ErrIncomplete)
	check(t, finish(t.Context(), again, content, Meta{Mode: 0o644}))
	wantFile(t, filepath.Join(dir, "f"), content)
}

func TestAnotherSourceStartsOver(t *testing.T) {
	t.Parallel()
	old := noise(4*block, 4)
	for name, change := range map[string]func(*PartSpec){
		"identity":   func(s *PartSpec) { s.Identity[5] = 9 },
		"size":       func(s *PartSpec) { s.Size++ },
		"block size": func(s *PartSpec) { s.BlockSize *= 2 },
		"asked for":  func(s *PartSpec) { s.Fresh = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree, dir := newTree(t)
			s := specFor(old, 1)
			p := mustOpen(t, tree, "f", s)
			check(t, put(p, old, 0, 1))
			_, err := p.Sync()
			check(t, err)
			change(&s)
			again := mustOpen(t, tree, "f", s)
			if again.Resumed() != 0 {
				t.Fatalf("resumed %d blocks", again.Resumed())
			}
			// The old session cannot reach the new part's bytes, and is told.
			if _, err := p.WriteAt(old[:block], 0); !errors.Is(err, ErrFenced) {
				t.Errorf("old session writes: %v", err)
			}
			zero := make([]byte, block)
			got := make([]byte, block)
			_, err = again.ReadAt(got, 0)
			check(t, err)
			if !slices.Equal(got, zero) {
				t.Error("old bytes in the new part")
			}
			check(t, again.Discard())
			if got := names(t, dir); got != "" {
				t.Errorf("left behind: %s", got)
			}
		})
	}
}

func TestNewerSessionFencesOlder(t *testing.T) {
	t.Parallel()
	treeA, dir := newTree(t)
	treeB := openTree(t, dir) // another node on the same storage
	content := noise(6*block, 5)
	s := specFor(content, 1)
	s.Epoch = 5
	a := mustOpen(t, treeA, "f", s)
	check(t, put(a, content, 0, 1, 2))
	_, err := a.Sync()
	check(t, err)

	s.Epoch = 6
	b := mustOpen(t, treeB, "f", s)
	if b.Resumed() != 3 {
		t.Fatalf("resumed %d", b.Resumed())
	}
	_, err = a.WriteAt(content[:block], 0)
	wantErr(t, err, ErrFenced)
	a.Mark(3, Leaf{})
	_, err = a.Sync()
	wantErr(t, err, ErrFenced)
	a.Mark(4, Leaf{})
	a.Mark(5, Leaf{})
	wantErr(t, a.Commit(t.Context(), Meta{}), ErrFenced)

	s.Epoch = 5
	_, err = treeA.OpenPart(t.Context(), "f", s)
	wantErr(t, err, ErrFenced)

	check(t, finish(t.Context(), b, content, Meta{Mode: 0o644}))
	wantFile(t, filepath.Join(dir, "f"), content)
	check(t, a.Discard()) // what is left of a must not touch b's file
	wantFile(t, filepath.Join(dir, "f"), content)
}

func TestAnotherTransferIsRefusedWhileTheFirstLives(t *testing.T) {
	t.Parallel()
	tree, dir := newTree(t)
	content := noise(2*block, 6)
	s := specFor(content, 1)
	s.Epoch = 100
	a := mustOpen(t, tree, "f", s)
	check(t, put(a, content, 1))
	_, err := a.Sync()
	check(t, err)
	s.Transfer, s.Epoch = [16]byte{2}, 1
	_, err = openTree(t, dir).OpenPart(t.Context(), "f", s)
	if errors.Is(tryLock(locked(t, dir)), ErrBusy) { // where there are locks
		wantErr(t, err, ErrTaken)
		_, err = tree.OpenStream(t.Context(), "f", false)
		wantErr(t, err, ErrTaken)
		n, err := tree.Sweep(t.Context(), ".", time.Now().Add(time.Hour))
		check(t, err)
		if n != 0 {
			t.Errorf("%d files of a live session were swept", n)
		}
		check(t, put(a, content, 0)) // the refused left no trace
		_, err = a.Sync()
		check(t, err)
	}
	// It dies: whoever comes next goes on with what is durable.
	check(t, a.j.Close())
	b := mustOpen(t, tree, "f", s)
	if b.Resumed() != 2 {
		t.Errorf("same source, resumed %d", b.Resumed())
	}
	_, err = a.Sync()
	if err == nil {
		t.Error("the dead go on writing")
	}
}

// locked is a file that is locked where the system can.
func locked(t *testing.T, dir string) *os.File {
	t.Helper()
	for range 2 {
		f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
		check(t, err)
		t.Cleanup(func() { _ = f.Close() })
		if tryLock(f) != nil {
			return f
		}
	}
	f, err := os.Open(filepath.Join(dir, "lock"))
	check(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func TestRacingClaimsLeaveOneOwner(t *testing.T) {
	t.Parallel()
	_, dir := newTree(t)
	content := noise(4*block, 7)
	const sessions = 8
	results := make([]error, sessions)
	var wg sync.WaitGroup
	for i := range sessions {
		tree := openTree(t, dir)
		wg.Go(func() {
			s := specFor(content, byte(i%2)) // two sources fight as well
			s.Epoch = uint64(i)
			p, err := tree.OpenPart(t.Context(), "f", s)
			if err == nil {
				err = finish(t.Context(), p, content, Meta{Mode: 0o644})
				_ = p.Close()
			}
			results[i] = err
		})
	}
	wg.Wait()
	won := 0
	for i, err := range results {
		if err == nil {
			won++
		} else if !errors.Is(err, ErrFenced) && !errors.Is(err, ErrBusy) {
			t.Errorf("session %d: %v", i, err)
		}
	}
	if won == 0 {
		t.Fatalf("nobody finished: %v", results)
	}
	wantFile(t, filepath.Join(dir, "f"), content)
	if got := names(t, dir); got != "f" {
		t.Errorf("left behind: %s", got)
	}
}

func TestTornJournalTailLosesOnlyItsBlocks(t *testing.T) {
	t.Parallel()
	tree, dir := newTree(t)
	content := noise(8*block, 8)
	s := specFor(content, 1)
	p := mustOpen(t, tree, "f", s)
	for i := range 5 {
		check(t, put(p, content, i))
		_, err := p.Sync()
		check(t, err)
	}
	check(t, p.Close())
	name := filepath.Join(dir, journalName("f"))
	whole, err := os.ReadFile(name)
	check(t, err)
	for cut := len(whole); cut > len(whole)-2*recordSize; cut -= 7 {
		check(t, os.WriteFile(name, whole[:cut], 0o600))
		p := mustOpen(t, tree, "f", s)
		if want := (cut - headerSize) / recordSize; p.Resumed() != want {
			t.Errorf("journal cut to %d bytes: resumed %d, want %d", cut, p.Resumed(), want)
		}
		check(t, p.Close())
	}
	check(t, os.WriteFile(name, whole[:headerSize-1], 0o600))
	if p := mustOpen(t, tree, "f", s); p.Resumed() != 0 {
		t.Errorf("no header, resumed %d", p.Resumed())
	}
}

func TestPartWithoutItsBytesIsNotResumed(t *testing.T) {
	t.Parallel()
	tree, dir := newTree(t)
	content := noise(4*block, 8)
	p := mustOpen(t, tree, "f", specFor(content, 1))
	check(t, put(p, content, 0))
	_, err := p.Sync()
	check(t, err)
	check(t, p.Close())
	check(t, os.Truncate(filepath.Join(dir, partName("f")), 100))
	if p := mustOpen(t, tree, "f", specFor(content, 1)); p.Resumed() != 0 {
		t.Errorf("resumed %d blocks of a truncated part", p.Resumed())
	}
}

func TestNoReplaceKeepsWhatAppearedMeanwhile(t *testing.T) {
	t.Parallel()
	tree, dir := newTree(t)
	content := noise(2*block, 9)
	p := mustOpen(t, tree, "f", specFor(content, 1))
	check(t, put(p, content, 0, 1))
	write(t, filepath.Join(dir, "f"), []byte("theirs"))
	wantErr(t, p.Commit(t.Context(), Meta{Mode: 0o644, NoReplace: true}), fs.ErrExist)
	wantFile(t, filepath.Join(dir, "f"), []byte("theirs"))
	check(t, os.Remove(filepath.Join(dir, "f")))
	p = mustOpen(t, tree, "f", specFor(content, 1))
	check(t, finish(t.Context(), p, content, Meta{Mode: 0o644, NoReplace: true}))
	wantFile(t, filepath.Join(dir, "f"), content)
	if got := names(t, dir); got != "f" {
		t.Errorf("left behind: %s", got)
	}
}

func TestDirectoryIsNotReplacedByFile(t *testing.T) {
	t.Parallel()
	tree, dir := newTree(t)
	write(t, filepath.Join(dir, "d", "x"), []byte("x"))
	_, err := tree.OpenPart(t.Context(), "d", specFor(nil, 1))
	wantErr(t, err, ErrDirectory)
	late := mustOpen(t, tree, "late", specFor(nil, 1))
	check(t, os.Mkdir(filepath.Join(dir, "late"), 0o755))
	wantErr(t, late.Commit(t.Context(), Meta{Mode: 0o644}), ErrDirectory)
	wantFile(t, filepath.Join(dir, "d", "x"), []byte("x"))
	_, err = tree.OpenPart(t.Context(), "d/x/y", specFor(nil, 1))
	wantErr(t, err, ErrNotDirectory)
	_, err = tree.OpenPart(t.Context(), "d/x/y/z", specFor(nil, 1))
	wantErr(t, err, ErrNotDirectory)
	wantErr(t, tree.Mkdir("d/x"), ErrNotDirectory)
}

func TestWritesOutsideTheFileAreRefused(t *testing.T) {
	t.Parallel()
	tree, _ := newTree(t)
	p := mustOpen(t, tree, "f", specFor(noise(block, 1), 1))
	for _, off := range []int64{-1, 1, block, 1 << 62} {
		if _, err := p.WriteAt(make([]byte, block), off); err == nil {
			t.Errorf("wrote %d bytes at %d of %d", block, off, block)
		}
	}
	for _, s := range []PartSpec{{Size: -1, BlockSize: block}, {Size: 1, BlockSize: 1000}, {Size: 1 << 62, BlockSize: block}, {Size: 1}} {
		if _, err := tree.OpenPart(t.Context(), "g", s); err == nil {
			t.Errorf("opened %+v", s)
		}
	}
}

func TestDirectoryRemovedUnderACachedHandleIsMadeAgain(t *testing.T) {
	t.Parallel()
	tree, dir := newTree(t)
	for range 3 {
		b := tree.NewBatch()
		check(t, b.Add(1, "a/b/small", []byte("s"), Meta{Mode: 0o644}))
		check(t, b.Flush(t.Context(), func(_ uint64, err error) { check(t, err) }))
		content := noise(block, 1)
		check(t, finish(t.Context(), mustOpen(t, tree, "a/b/big", specFor(content, 1)), content, Meta{Mode: 0o644}))
		wantFile(t, filepath.Join(dir, "a/b/small"), []byte("s"))
		wantFile(t, filepath.Join(dir, "a/b/big"), content)
		check(t, os.RemoveAll(filepath.Join(dir, "a")))
		_, err := tree.Stat("a/b/small")
		wantErr(t, err, fs.ErrNotExist)
	}
}
