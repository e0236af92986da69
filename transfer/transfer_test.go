package transfer

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestOneFileGoesThereAndBack(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	dir := t.TempDir()
	want := write(t, filepath.Join(dir, "big"), 5<<20+12345)
	r := mustRun(t, client(t, n), Job{Direction: Push, Sources: []string{filepath.Join(dir, "big")}, Destination: "inbox/"})
	if r.Files != 1 || r.Bytes != int64(len(want)) || len(r.Sessions) != 1 {
		t.Errorf("push result: %+v", r)
	}
	if got, err := os.ReadFile(filepath.Join(n.root, "inbox", "big")); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("at the node: %d bytes, %v", len(got), err)
	}
	back := filepath.Join(dir, "back")
	r = mustRun(t, client(t, n), Job{Direction: Pull, Sources: []string{"/inbox/big"}, Destination: back})
	if r.Files != 1 || r.Bytes != int64(len(want)) {
		t.Errorf("pull result: %+v", r)
	}
	if got, err := os.ReadFile(back); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("came back: %d bytes, %v", len(got), err)
	}
}
