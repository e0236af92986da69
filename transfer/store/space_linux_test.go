package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestRealFullDisk runs itself in a mount namespace of its own, where a file
// system of one megabyte is.
func TestRealFullDisk(t *testing.T) {
	t.Parallel()
	const env = "GODWIT_STORE_TEST_FULL"
	dir := os.Getenv(env)
	if dir == "" {
		self, err := os.Executable()
		check(t, err)
		cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestRealFullDisk$", "-test.v")
		cmd.Env = append(os.Environ(), env+"="+t.TempDir())
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
		if uid := os.Geteuid(); uid != 0 {
			cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
			cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: uid, Size: 1}}
			cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}
		}
		out, err := cmd.CombinedOutput()
		switch {
		case errors.Is(err, os.ErrPermission) || bytes.Contains(out, []byte("--- SKIP")):
			t.Skipf("no mount namespaces here: %v", err)
		case err != nil || !bytes.Contains(out, []byte("--- PASS")):
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	err := errors.Join(
		unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
		unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"),
	)
	if err != nil {
		t.Skip("cannot mount:", err)
	}
	tree := openTree(t, dir)
	_, err = tree.OpenPart(t.Context(), "big", PartSpec{Size: 8 << 20, BlockSize: 1 << 20, Epoch: 1})
	var se *SpaceError
	if !errors.Is(err, ErrNoSpace) || !errors.As(err, &se) || se.Need != 8<<20 || se.Free > 1<<20 {
		t.Fatalf("8 MiB on a disk of 1 MiB: %v", err)
	}
	if got := names(t, dir); got != "" {
		t.Fatalf("left behind: %s", got)
	}
	content := noise(600<<10, 1)
	s := PartSpec{Size: int64(len(content)), BlockSize: 1 << 20, Epoch: 1}
	p := mustOpen(t, tree, "fits", s)
	b := tree.NewBatch()
	added := 0
	for ; err == nil || added == 0; added++ {
		err = b.Add(uint64(added), fmt.Sprint("small", added), content[:50<<10], Meta{Mode: 0o644})
		if added > 100 {
			t.Fatal("the disk never fills")
		}
	}
	wantErr(t, err, ErrNoSpace)
	// What was reserved can still be written, and what was added be kept.
	_, err = p.WriteAt(content, 0)
	check(t, err)
	for tag, err := range flush(t, b) {
		if err != nil {
			t.Errorf("file %d: %v", tag, err)
		}
	}
	p.Mark(0, Leaf{})
	check(t, p.Commit(t.Context(), Meta{Mode: 0o644}))
	wantFile(t, filepath.Join(dir, "fits"), content)
	if got := names(t, dir); strings.Contains(got, "*") {
		t.Errorf("left behind: %s", got)
	}
}
