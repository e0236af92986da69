package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestADirectoryThatNoNodeHereCouldServeIsDoubted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		dir: "", dir + "/new": "", dir + "/new/": "", "relative": "",
		dir + "/file": "is no directory", dir + "/no/where": "neither",
	} {
		if got := doubts(path); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

func TestOnlyAManagerOnThisMachineIsHere(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"https://127.0.0.1:8443#sha256=00": true, "https://localhost:8443": true, "https://[::1]:8443": true,
		"https://192.0.2.1:8443": false, "https://manager.example": false, "": false,
	} {
		if here(address) != want {
			t.Errorf("%q: %v", address, !want)
		}
	}
}
