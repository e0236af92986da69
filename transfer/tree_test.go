package transfer

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// tree makes a tree of small files with a few big ones, empty ones,
// directories, links, modes and times.
func tree(t testing.TB, dir string, small, big, bigSize int) {
	t.Helper()
	for i := range small {
		write(t, filepath.Join(dir, fmt.Sprintf("d%d/sub%d/file%d", i%7, i%13, i)), (i*7919)%20000)
	}
	for i := range big {
		write(t, filepath.Join(dir, fmt.Sprintf("big%d", i)), bigSize+i)
	}
	write(t, filepath.Join(dir, "empty"), 0)
	write(t, filepath.Join(dir, "one block"), 1<<20)
	write(t, filepath.Join(dir, "one block and a byte"), 1<<20+1)
	must(t, os.MkdirAll(filepath.Join(dir, "hollow/inside"), 0o755))
	must(t, os.Symlink("../empty", filepath.Join(dir, "hollow/link")))
	must(t, os.Symlink("nowhere", filepath.Join(dir, "dangling")))
	must(t, os.Chmod(filepath.Join(dir, "empty"), 0o755))
	old := time.Date(2001, 2, 3, 4, 5, 6, 789, time.UTC)
	must(t, os.Chtimes(filepath.Join(dir, "one block"), old, old))
	must(t, os.Chtimes(filepath.Join(dir, "hollow/inside"), old, old))
	must(t, os.Chtimes(filepath.Join(dir, "hollow"), old, old))
}

// farPast is older than anything.
var farPast = time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestTreeArrivesWholeBothWays(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	src := filepath.Join(t.TempDir(), "src")
	tree(t, src, 2000, 3, 4<<20)
	r := mustRun(t, client(t, n), Job{Direction: Push, Sources: []string{src}, Destination: "in"})
	if r.Files != 2006 || r.Skipped != 0 || len(r.Sessions) != 1 {
		t.Errorf("push: %d files, %d skipped, %d sessions", r.Files, r.Skipped, len(r.Sessions))
	}
	same(t, src, filepath.Join(n.root, "in/src"))

	dst := t.TempDir()
	r = mustRun(t, client(t, n), Job{Direction: Pull, Sources: []string{"in/src/"}, Destination: dst})
	if r.Files != 2006 {
		t.Errorf("pull: %d files", r.Files)
	}
	same(t, src, dst)

	// Once more: nothing is left to do, and hardly anything travels.
	r = mustRun(t, client(t, n), Job{Direction: Push, Sources: []string{src}, Destination: "in"})
	if r.Files != 0 || r.Skipped < 2006 || r.Sent != 0 {
		t.Errorf("again: %d files, %d skipped, %d bytes sent", r.Files, r.Skipped, r.Sent)
	}
	r = mustRun(t, client(t, n), Job{Direction: Pull, Sources: []string{"in/src/"}, Destination: dst})
	if r.Files != 0 || r.Sent != 0 {
		t.Errorf("pull again: %d files, %d bytes sent", r.Files, r.Sent)
	}
}
