package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// scanAll collects a scan: entries by path, errors by path.
func scanAll(t *testing.T, tree *Tree, o ScanOptions) (map[string]Entry, map[string]error) {
	t.Helper()
	entries, errs := map[string]Entry{}, map[string]error{}
	for e, err := range tree.Scan(t.Context(), o) {
		if err != nil {
			errs[e.Path] = err
			continue
		}
		if _, twice := entries[e.Path]; twice {
			t.Errorf("%s was yielded twice", e.Path)
		}
		if dir := path.Dir(e.Path); dir != "." && len(o.Roots) == 0 {
			if _, ok := entries[dir]; !ok {
				t.Errorf("%s came before its directory", e.Path)
			}
		}
		entries[e.Path] = e
	}
	return entries, errs
}

func sortedKeys[V any](m map[string]V) string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return strings.Join(keys, " ")
}

func TestScanFindsEverythingOnce(t *testing.T) {
	t.Parallel()
	tree, dir := newTree(t)
	want := map[string]int64{}
	for d := range 30 {
		for f := range 15 {
			name := fmt.Sprintf("d%d/e%d/f%d", d%7, d, f)
			want[name] = int64(d + f)
			write(t, filepath.Join(dir, name), make([]byte, d+f))
		}
	}
	check(t, os.MkdirAll(filepath.Join(dir, "empty/deeper"), 0o755))
	for _, workers := range []int{1, 4} {
		entries, errs := scanAll(t, tree, ScanOptions{Workers: workers})
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		files := 0
		for p, e := range entries {
			if e.Kind == KindDir {
				continue
			}
			files++
			if size, ok := want[p]; !ok || e.Size != size || e.Kind != KindFile || e.Mtime == 0 || e.Mode != 0o644 {
				t.Errorf("%+v, want size %d", e, size)
			}
		}
		if files != len(want) || len(entries) != files+7+30+2 {
			t.Errorf("%d files of %d, %d entries", files, len(want), len(entries))
		}
		if e := entries["empty/deeper"]; e.Kind != KindDir {
			t.Errorf("empty directory: %+v", e)
		}
	}
	entries, _ := scanAll(t, tree, ScanOptions{Roots: []string{"d0/e0/f1", "empty"}})
	if got := sortedKeys(entries); got != "d0/e0/f1 empty empty/deeper" {
		t.Errorf("scan of two roots: %s", got)
	}
}

func TestScanTreatsLinksByPolicy(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	write(t, filepath.Join(outside, "secret"), []byte("x"))
	tree, dir := newTree(t)
	write(t, filepath.Join(dir, "d/f"), []byte("abc"))
	symlink(t, "d/f", filepath.Join(dir, "tofile"))
	symlink(t, "d", filepath.Join(dir, "todir"))
	symlink(t, "..", filepath.Join(dir, "d/loop"))
	symlink(t, "nowhere", filepath.Join(dir, "dangling"))
	symlink(t, outside, filepath.Join(dir, "escape"))

	entries, errs := scanAll(t, tree, ScanOptions{})
	if got := sortedKeys(entries); got != "d d/f d/loop dangling escape todir tofile" || len(errs) > 0 {
		t.Errorf("copy: %s, %v", got, errs)
	}
	if e := entries["escape"]; e.Kind != KindSymlink || e.Target != outside {
		t.Errorf("copied link: %+v", e)
	}
	entries, errs = scanAll(t, tree, ScanOptions{Symlinks: SkipSymlinks})
	if got := sortedKeys(entries); got != "d d/f" || len(errs) > 0 {
		t.Errorf("skip: %s, %v", got, errs)
	}
	entries, errs = scanAll(t, tree, ScanOptions{Symlinks: FollowSymlinks})
	if got := sortedKeys(entries); got != "d d/f d/loop todir todir/f todir/loop tofile" {
		t.Errorf("follow: %s", got)
	}
	if e := entries["tofile"]; e.Kind != KindFile || e.Size != 3 {
		t.Errorf("followed link: %+v", e)
	}
	if sortedKeys(errs) != "dangling escape" || !errors.Is(errs["escape"], ErrPath) || !errors.Is(errs["dangling"], fs.ErrNotExist) {
		t.Errorf("follow: errors %v", errs)
	}
}

func TestScanReportsSpecialFilesAndHidesParts(t *testing.T) {
	t.Parallel()
	tree, dir := newTree(t)
	write(t, filepath.Join(dir, "f"), nil)
	p := mustOpen(t, tree, "g", specFor(noise(block, 1), 1))
	check(t, p.Close())
	if err := exec.CommandContext(t.Context(), "mkfifo", filepath.Join(dir, "pipe")).Run(); err != nil {
		t.Skip("no mkfifo:", err)
	}
	entries, errs := scanAll(t, tree, ScanOptions{})
	if sortedKeys(entries) != "f" || sortedKeys(errs) != "pipe" || !errors.Is(errs["pipe"], ErrSpecial) {
		t.Errorf("%v, %v", entries, errs)
	}
	_, err := tree.OpenFile(Entry{Path: "pipe", Kind: KindFile}) // must not wait for a writer
	wantErr(t, err, ErrChanged)
}

func TestScanEndsWhenLeftEarlyOrCancelled(t *testing.T) {
	t.Parallel()
	tree, dir := newTree(t)
	for i := range 600 {
		write(t, filepath.Join(dir, fmt.Sprintf("d%d/f%d", i%50, i)), nil)
	}
	for range tree.Scan(t.Context(), ScanOptions{}) {
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	var last error
	for _, err := range tree.Scan(ctx, ScanOptions{}) {
		if n++; n == 10 {
			cancel()
		}
		last = err
	}
	wantErr(t, last, context.Canceled)
}

// TestUnreadableEntriesDoNotStopTheScan runs itself without privileges when root,
// whom no mode bits stop.
func TestUnreadableEntriesDoNotStopTheScan(t *testing.T) {
	t.Parallel()
	if onWindows {
		t.Skip("mode bits do not stop reading on Windows")
	}
	const env = "GODWIT_STORE_TEST_UNREADABLE"
	dir := os.Getenv(env)
	if dir == "" && os.Geteuid() == 0 {
		dir, err := os.MkdirTemp("", "unreadable-")
		check(t, err)
		defer os.RemoveAll(dir)
		check(t, os.Chmod(dir, 0o777))
		self, err := os.Executable()
		check(t, err)
		raw, err := os.ReadFile(self)
		check(t, err)
		bin := filepath.Join(dir, "test")
		check(t, os.WriteFile(bin, raw, 0o755))
		check(t, os.Mkdir(filepath.Join(dir, "work"), 0o777))
		check(t, os.Chmod(filepath.Join(dir, "work"), 0o777))
		cmd := exec.CommandContext(t.Context(), bin, "-test.run=^TestUnreadableEntriesDoNotStopTheScan$", "-test.v")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), env+"="+filepath.Join(dir, "work"), "TMPDIR="+filepath.Join(dir, "work"))
		cmd.SysProcAttr = asNobody()
		out, err := cmd.CombinedOutput()
		if err != nil || !bytes.Contains(out, []byte("--- PASS")) {
			t.Fatalf("as nobody: %v\n%s", err, out)
		}
		return
	}
	if dir == "" {
		dir = t.TempDir()
	}
	write(t, filepath.Join(dir, "ok/f"), []byte("f"))
	write(t, filepath.Join(dir, "locked/f"), []byte("f"))
	write(t, filepath.Join(dir, "unreadable"), []byte("f"))
	check(t, os.Chmod(filepath.Join(dir, "unreadable"), 0))
	check(t, os.Chmod(filepath.Join(dir, "locked"), 0))
	defer os.Chmod(filepath.Join(dir, "locked"), 0o755)
	tree := openTree(t, dir)
	entries, errs := scanAll(t, tree, ScanOptions{})
	if sortedKeys(entries) != "locked ok ok/f unreadable" || sortedKeys(errs) != "locked" || !errors.Is(errs["locked"], fs.ErrPermission) {
		t.Errorf("%v, %v", sortedKeys(entries), errs)
	}
	_, err := tree.OpenFile(entries["unreadable"])
	wantErr(t, err, fs.ErrPermission)
	if err := tree.Close(); err != nil {
		t.Error(err)
	}
}

func TestReadsFromManyGoroutinesAndFewDescriptors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const files = 20
	for i := range files {
		write(t, filepath.Join(dir, fmt.Sprint(i)), noise(5000, uint64(i)))
	}
	tree, err := Open(dir, Options{OpenFiles: 3})
	check(t, err)
	defer tree.Close()
	entries, _ := scanAll(t, tree, ScanOptions{})
	var wg sync.WaitGroup
	for i := range files {
		f, err := tree.OpenFile(entries[fmt.Sprint(i)])
		check(t, err)
		for off := 0; off < 5000; off += 1000 {
			wg.Go(func() {
				buf := make([]byte, 1000)
				if _, err := f.ReadAt(buf, int64(off)); err != nil || !bytes.Equal(buf, noise(5000, uint64(i))[off:off+1000]) {
					t.Errorf("file %d at %d: %v", i, off, err)
				}
			})
		}
		if i%2 == 0 {
			check(t, f.Check())
		}
	}
	wg.Wait()
	if n := tree.files.order.Len(); n > 3 {
		t.Errorf("%d descriptors stay open", n)
	}
	f, err := tree.OpenFile(entries["0"])
	check(t, err)
	if n, err := f.ReadAt(make([]byte, 10), 4995); n != 5 || !errors.Is(err, io.EOF) {
		t.Errorf("read past the end: %d, %v", n, err)
	}
	check(t, f.Close())
	_, err = f.ReadAt(make([]byte, 1), 0)
	wantErr(t, err, ErrClosed)
}

func TestChangedSourceIsNoticed(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(t *testing.T, name string){
		"grown":         func(t *testing.T, name string) { write(t, name, noise(2000, 2)) },
		"rewritten":     func(t *testing.T, name string) { rewrite(t, name, noise(1000, 2)) },
		"time put back": rewriteAndHide,
		"replaced": func(t *testing.T, name string) {
			write(t, name+".new", noise(1000, 1))
			check(t, os.Rename(name+".new", name))
		},
		"replaced by dir": func(t *testing.T, name string) { check(t, os.Remove(name)); check(t, os.Mkdir(name, 0o755)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "time put back" && onWindows {
				t.Skip("no ctime on Windows")
			}
			tree, dir := newTree(t)
			file := filepath.Join(dir, "f")
			write(t, file, noise(1000, 1))
			check(t, os.Chtimes(file, time.Unix(1000, 0), time.Unix(1000, 0)))
			e, err := tree.Stat("f")
			check(t, err)
			f, err := tree.OpenFile(e)
			check(t, err)
			check(t, f.Check())
			change(t, file)
			wantErr(t, f.Check(), ErrChanged)
			fresh := openTree(t, dir)
			if _, err := fresh.OpenFile(e); !errors.Is(err, ErrChanged) {
				t.Errorf("opened by the old entry: %v", err)
			}
			now, err := tree.Stat("f")
			check(t, err)
			if now.Identity(nil) == e.Identity(nil) {
				t.Error("the identity stayed the same")
			}
			if now.Kind == KindFile {
				f, err := tree.OpenFile(now)
				check(t, err)
				check(t, f.Check())
			}
		})
	}
}

func rewrite(t *testing.T, name string, content []byte) {
	t.Helper()
	check(t, os.WriteFile(name, content, 0o644))
}

func rewriteAndHide(t *testing.T, name string) {
	t.Helper()
	rewrite(t, name, noise(1000, 2))
	check(t, os.Chtimes(name, time.Unix(1000, 0), time.Unix(1000, 0)))
}

func TestIdentityDependsOnScope(t *testing.T) {
	t.Parallel()
	e := Entry{Path: "f", Size: 1, Mtime: 2, File: FileID{Ino: 3, Ctime: 4}}
	if e.Identity([]byte("a")) == e.Identity([]byte("b")) {
		t.Error("two clients share an identity")
	}
	other := e
	other.Path, other.File.Dev = "elsewhere/f", 77
	if e.Identity(nil) != other.Identity(nil) {
		t.Error("the same file named from elsewhere has another identity")
	}
}

func TestReplacedDirectoryIsReadAfresh(t *testing.T) {
	t.Parallel()
	tree, dir := newTree(t)
	for i := range 3 {
		write(t, filepath.Join(dir, "d/f"), noise(100+i, uint64(i)))
		entries, _ := scanAll(t, tree, ScanOptions{})
		f, err := tree.OpenFile(entries["d/f"])
		check(t, err)
		buf := make([]byte, 100+i)
		_, err = f.ReadAt(buf, 0)
		check(t, err)
		if !bytes.Equal(buf, noise(100+i, uint64(i))) {
			t.Fatalf("round %d: read another directory's file", i)
		}
		check(t, os.Rename(filepath.Join(dir, "d"), filepath.Join(dir, fmt.Sprint("old", i))))
	}
}
