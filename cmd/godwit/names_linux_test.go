package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godwit/godwit/transfer/manifest"
)

// TestNamesOfAnyBytesAreToldApart: files whose names are no text travel, are listed and
// asked for by name, and no evidence takes one for the other.
func TestNamesOfAnyBytesAreToldApart(t *testing.T) {
	t.Parallel()
	src, there, receipts := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "m.json")
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Skipf("no such names here: %v", err)
		}
	}
	texts := map[string]string{"d\xff/caf\xe9": "one", "d\xff/caf\xe8": "two", "d\xff/caf\uFFFD": "three"}
	for name, text := range texts {
		write(filepath.Join(src, name), text)
	}
	s := serve(t, "--write", there)
	list, exit := events(t, "cp", "--json", "-r", "--manifest", receipts, filepath.Join(src, "d\xff"), s.address)
	if exit != exitOK {
		t.Fatalf("exit %d: %v", exit, list)
	}
	alike(t, src, there)
	told := map[string]bool{}
	for _, e := range list {
		if e["event"] == "file" {
			b, err := json.Marshal(e)
			var r manifest.Receipt
			if err != nil || json.Unmarshal(b, &r) != nil {
				t.Fatal(e)
			}
			told[r.Path] = true
		}
	}
	text, err := os.ReadFile(receipts)
	if err != nil {
		t.Fatal(err)
	}
	received := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		var r manifest.Receipt
		if err := json.Unmarshal([]byte(line), &r); err == nil && r.Outcome == "committed" {
			received[r.Path] = true
		}
	}
	for name := range texts {
		if !told[name] || !received[name] {
			t.Errorf("%q is not among events %+v or receipts %+v", name, told, received)
		}
	}
	// By the very name, of which another differs by a byte that is no text.
	back := filepath.Join(t.TempDir(), "one")
	runs(t, "cp", s.address+"d%FF/caf%E9", back)
	if b, err := os.ReadFile(back); err != nil || string(b) != "one" {
		t.Errorf("%q, %v", b, err)
	}
	if out := runs(t, "ls", s.address+"d%FF"); !strings.Contains(out, `caf\xe9`) || !strings.Contains(out, `caf\xe8`) {
		t.Errorf("listing:\n%s", out)
	}
	if out := runs(t, "cp", "-r", "--dry-run", "--exclude", "caf?", s.address+"d%FF/", t.TempDir()); strings.Contains(out, "copy caf") {
		t.Errorf("a pattern leaves names out, and they stay in:\n%s", out)
	}

	// What is deleted is below the directory that is meant, not below one that reads like it.
	write(filepath.Join(there, "d\uFFFD", "precious"), "stays")
	write(filepath.Join(there, "d\xff", "extra\xff"), "goes")
	if out := runs(t, "cp", "-r", "--delete", "--dry-run", filepath.Join(src, "d\xff"), s.address); !strings.Contains(out, `delete d\xff/extra\xff`) || strings.Contains(out, "precious") {
		t.Errorf("what would be deleted:\n%s", out)
	}
}
