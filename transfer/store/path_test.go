package store

import (
	"errors"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

func TestCleanRefusesWhatCouldEscapeOrCollide(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 256)
	for name, p := range map[string]string{
		"empty":                        "",
		"parent":                       "..",
		"parent inside":                "a/../b",
		"parent that stays inside":     "a/b/..",
		"parent behind a slash":        "../a",
		"absolute":                     "/etc/passwd",
		"two slashes":                  "//a",
		"NUL":                          "a\x00b",
		"backslash parent":             `a\..\..\b`,
		"backslash parent at the end":  `a\..`,
		"mixed parent":                 `a/..\b`,
		"backslash absolute":           `\windows`,
		"UNC":                          `\\host\share`,
		"drive":                        `C:\windows`,
		"name too long":                "a/" + long,
		"path too long":                strings.Repeat("a/", 2049),
		"part of a file":               "d/" + partName("f"),
		"journal of a file":            journalName("f"),
		"temporary file":               namePrefix + strings.Repeat("0", nameDigits) + tempSuffix + "/x",
		"part in upper case":           strings.ToUpper(partName("f")),
		"reserved name as a directory": partName("f") + "/x",
	} {
		got, err := Clean(p)
		var pe *PathError
		if !errors.Is(err, ErrPath) || !errors.As(err, &pe) || pe.Reason == "" {
			t.Errorf("%s: Clean(%.40q) = %q, %v", name, p, got, err)
		}
	}
}

func TestCleanKeepsOrdinaryNames(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		".": ".", "./": ".", "a": "a", "a/": "a", "a//b/./c": "a/b/c", "...": "...", "..a/b..": "..a/b..",
		"-rf": "-rf", "a b\n": "a b\n", ".godwit-notes": ".godwit-notes", namePrefix + "x" + partSuffix: namePrefix + "x" + partSuffix,
		strings.Repeat("x", 255): strings.Repeat("x", 255),
	} {
		if onWindows && strings.Trim(in, "./ ") != in {
			continue
		}
		if got, err := Clean(in); got != want || err != nil {
			t.Errorf("Clean(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
	if !onWindows {
		if got, err := Clean(`dev-disk\x2duuid.swap`); err != nil || got != `dev-disk\x2duuid.swap` {
			t.Errorf("a backslash in a name: %q, %v", got, err)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"a/b", "../x", "a/../../x", "/x", `..\x`, "a\x00", "a/./b//c/", "C:/x", partName("f"), "\xff/é", "."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, p string) {
		c, err := Clean(p)
		if err != nil {
			if !errors.Is(err, ErrPath) {
				t.Fatalf("Clean(%q): untyped %v", p, err)
			}
			return
		}
		if again, err := Clean(c); err != nil || again != c {
			t.Fatalf("Clean(%q) = %q, but Clean of that is %q, %v", p, c, again, err)
		}
		if path.IsAbs(c) || !filepath.IsLocal(filepath.FromSlash(c)) || path.Clean(c) != c || strings.ContainsRune(c, 0) {
			t.Fatalf("Clean(%q) = %q", p, c)
		}
		for _, name := range strings.FieldsFunc(c, func(r rune) bool { return r == '/' || r == '\\' }) {
			if name == ".." {
				t.Fatalf("Clean(%q) = %q keeps a parent", p, c)
			}
		}
	})
}

func TestEveryEntryPointRefusesBadPaths(t *testing.T) {
	t.Parallel()
	tree, _ := newTree(t)
	for _, p := range []string{"", "../x", "/x", "a/../../x", partName("f")} {
		b := tree.NewBatch()
		_, openErr := tree.OpenPart(t.Context(), p, specFor(nil, 1))
		_, fileErr := tree.OpenFile(Entry{Path: p})
		_, statErr := tree.Stat(p)
		_, _, listErr := tree.List(p, "", 1)
		_, sweepErr := tree.Sweep(t.Context(), p, timeNow())
		for name, err := range map[string]error{
			"OpenPart": openErr, "OpenFile": fileErr, "Stat": statErr, "List": listErr, "Sweep": sweepErr,
			"Mkdir": tree.Mkdir(p), "SetDir": tree.SetDir(p, Meta{}), "Add": b.Add(1, p, nil, Meta{}),
			"AddSymlink": b.AddSymlink(1, p, "x", Meta{}), "AddDir": b.AddDir(1, p, Meta{}),
		} {
			if !errors.Is(err, ErrPath) {
				t.Errorf("%s(%q): %v", name, p, err)
			}
		}
		for _, err := range tree.Scan(t.Context(), ScanOptions{Roots: []string{p}}) {
			if !errors.Is(err, ErrPath) {
				t.Errorf("Scan(%q): %v", p, err)
			}
		}
	}
}

func TestLinksThatEscapeAreNeverFollowed(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	write(t, filepath.Join(outside, "secret"), []byte("secret"))
	tree, dir := newTree(t)
	symlink(t, outside, filepath.Join(dir, "abs"))
	rel, err := filepath.Rel(dir, outside)
	check(t, err)
	symlink(t, rel, filepath.Join(dir, "rel"))
	symlink(t, filepath.Join(outside, "secret"), filepath.Join(dir, "file"))
	symlink(t, "abs", filepath.Join(dir, "chain"))

	for _, p := range []string{"abs/secret", "rel/secret", "chain/secret", "file"} {
		_, err := tree.OpenFile(Entry{Path: p, Size: 6})
		wantErr(t, err, ErrPath)
	}
	for _, p := range []string{"abs/new", "rel/new", "chain/sub/new"} {
		_, err := tree.OpenPart(t.Context(), p, specFor([]byte("x"), 1))
		wantErr(t, err, ErrPath)
		b := tree.NewBatch()
		wantErr(t, b.Add(1, p, []byte("x"), Meta{Mode: 0o600}), ErrPath)
		wantErr(t, tree.Mkdir(p), ErrPath)
		_, err = tree.Stat(p)
		wantErr(t, err, ErrPath)
	}
	_, _, err = tree.List("abs", "", 10)
	wantErr(t, err, ErrPath)
	if got := names(t, outside); got != "secret" {
		t.Fatalf("outside now has %s", got)
	}
}

func TestFinalLinkIsReplacedNotFollowed(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(t.TempDir(), "victim")
	write(t, outside, []byte("victim"))
	tree, dir := newTree(t)
	write(t, filepath.Join(dir, "inside"), []byte("inside"))
	content := noise(3*block, 1)
	for name, target := range map[string]string{"out": outside, "in": "inside", "dangling": "nowhere"} {
		symlink(t, target, filepath.Join(dir, name))
		symlink(t, target, filepath.Join(dir, name+"2"))
		check(t, finish(t.Context(), mustOpen(t, tree, name, specFor(content, 1)), content, Meta{Mode: 0o644}))
		b := tree.NewBatch()
		check(t, b.Add(1, name+"2", content, Meta{Mode: 0o644}))
		check(t, b.Flush(t.Context(), func(_ uint64, err error) { check(t, err) }))
		wantFile(t, filepath.Join(dir, name), content)
		wantFile(t, filepath.Join(dir, name+"2"), content)
	}
	wantFile(t, outside, []byte("victim"))
	wantFile(t, filepath.Join(dir, "inside"), []byte("inside"))
	if _, err := os.Lstat(filepath.Join(dir, "nowhere")); err == nil {
		t.Error("wrote through a dangling link")
	}
}

func TestLinksPlantedOnOwnNamesAreNotWrittenThrough(t *testing.T) {
	t.Parallel()
	tree, dir := newTree(t)
	write(t, filepath.Join(dir, "victim"), []byte("victim"))
	outside := filepath.Join(t.TempDir(), "victim")
	write(t, outside, []byte("victim"))
	content := noise(2*block, 1)
	for _, target := range []string{"victim", outside} {
		symlink(t, target, filepath.Join(dir, partName("f")))
		symlink(t, target, filepath.Join(dir, journalName("f")))
		check(t, finish(t.Context(), mustOpen(t, tree, "f", specFor(content, 1)), content, Meta{Mode: 0o644}))
		wantFile(t, filepath.Join(dir, "f"), content)
		wantFile(t, filepath.Join(dir, "victim"), []byte("victim"))
		wantFile(t, outside, []byte("victim"))
	}
}

func TestLinkInsideTheTreeIsUsable(t *testing.T) {
	t.Parallel()
	tree, dir := newTree(t)
	write(t, filepath.Join(dir, "real", "f"), []byte("abc"))
	symlink(t, "../real", filepath.Join(dir, "a", "link"))
	symlink(t, "../real/f", filepath.Join(dir, "a", "file"))
	b := tree.NewBatch()
	check(t, b.Add(1, "a/link/g", []byte("new"), Meta{Mode: 0o644}))
	check(t, b.Flush(t.Context(), func(_ uint64, err error) { check(t, err) }))
	wantFile(t, filepath.Join(dir, "real", "g"), []byte("new"))
	for e, err := range tree.Scan(t.Context(), ScanOptions{Roots: []string{"a"}, Symlinks: FollowSymlinks}) {
		check(t, err)
		if e.Kind != KindFile {
			continue
		}
		f, err := tree.OpenFile(e)
		check(t, err)
		buf := make([]byte, 3)
		if _, err := f.ReadAt(buf, 0); err != nil {
			t.Errorf("%s: %v", e.Path, err)
		}
	}
}

func TestSymlinkTargetsThatLeadOutsideAreRefused(t *testing.T) {
	t.Parallel()
	tree, dir := newTree(t)
	b := tree.NewBatch()
	for _, target := range []string{"/etc/passwd", "../x", "a/../../x", "", "a\x00"} {
		wantErr(t, b.AddSymlink(1, "link", target, Meta{}), ErrPath)
	}
	wantErr(t, b.AddSymlink(1, "d/link", "../../x", Meta{}), ErrPath)
	check(t, b.AddSymlink(1, "d/link", "../x", Meta{Mtime: 1_000_000_007}))
	check(t, b.Flush(t.Context(), func(_ uint64, err error) { check(t, err) }))
	e, err := tree.Stat("d/link")
	check(t, err)
	if e.Kind != KindSymlink || e.Target != "../x" {
		t.Fatalf("%+v", e)
	}
	if onLinux && e.Mtime != 1_000_000_007 {
		t.Errorf("mtime %d", e.Mtime)
	}

	open, err := Open(dir, Options{EscapingLinks: true})
	check(t, err)
	defer open.Close()
	b = open.NewBatch()
	check(t, b.AddSymlink(1, "out", "/etc/passwd", Meta{}))
	check(t, b.Flush(t.Context(), func(_ uint64, err error) { check(t, err) }))
	_, err = open.OpenFile(Entry{Path: "out"})
	wantErr(t, err, ErrPath)
}
