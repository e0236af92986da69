package manager

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestMachinesGetTheProgramOfTheirArchitecture(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	own, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	p := newPrograms(dir, slog.New(slog.DiscardHandler))
	if sums := p.sums(); len(sums) != 0 {
		t.Errorf("an empty directory has %v", sums)
	}
	put := func(name string, data []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("godwit-node", own)
	put("godwit-node-linux-arm64", []byte("#!/bin/sh\n"))
	first := sha256.Sum256(own)
	sums := p.sums()
	if len(sums) != 1 || sums[runtime.GOARCH] != hex.EncodeToString(first[:]) {
		t.Fatalf("sums %v, want %x of %s alone", sums, first, runtime.GOARCH)
	}
	f, err := p.find(runtime.GOARCH, sums[runtime.GOARCH])
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(f)
	_ = f.Close() // it was only read
	if err != nil || sha256.Sum256(got) != first {
		t.Errorf("another program came (%d bytes, %v)", len(got), err)
	}
	// An upgrade: what was promised before is gone, and never another under its name.
	put("godwit-node", append(own, 0))
	if _, err := p.find(runtime.GOARCH, sums[runtime.GOARCH]); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the old checksum yields %v", err)
	}
	if after := p.sums(); after[runtime.GOARCH] == sums[runtime.GOARCH] || len(after) != 1 {
		t.Errorf("after the upgrade %v", after)
	}
}
