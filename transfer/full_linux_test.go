package transfer

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

// TestFullDestinationIsSaidAndLeavesOthersAlone runs itself in a mount
// namespace, where a node has a disk of four megabytes.
func TestFullDestinationIsSaidAndLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	const env = "GODWIT_TRANSFER_TEST_FULL"
	root := os.Getenv(env)
	if root == "" {
		self, err := os.Executable()
		must(t, err)
		cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestFullDestinationIsSaidAndLeavesOthersAlone$", "-test.v")
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
		unix.Mount("tmpfs", root, "tmpfs", 0, "size=4m"),
	)
	if err != nil {
		t.Skip("cannot mount:", err)
	}
	n := startNode(t, root, nil)
	src := t.TempDir()
	write(t, filepath.Join(src, "a"), 100_000)
	write(t, filepath.Join(src, "big"), 64<<20)
	r, err := run(t, client(t, n), Job{Direction: Push, Sources: []string{src + "/"}, Destination: "in"})
	if err != nil || r.Files != 1 || len(r.Failed) != 1 {
		t.Fatalf("%+v %v", r, err)
	}
	if f := r.Failed[0]; f.Path != "big" || f.Code != CodeDiskFull {
		t.Errorf("failure: %+v", f)
	}
	if r.Sent > 32<<20 {
		t.Errorf("%d bytes were sent to a disk that cannot take the file", r.Sent)
	}
	if got := listing(t, filepath.Join(root, "in")); len(got) != 2 {
		t.Errorf("at the destination: %v", got)
	}
	fillByStream(t, n)
	fillMidway(t, n)
}

// fillByStream sends more than fits, of which nobody can tell before.
func fillByStream(t *testing.T, n *node) {
	t.Helper()
	r, err := run(t, client(t, n), Job{Direction: Push, Input: bytes.NewReader(noise(8 << 20)), Destination: "in/stream"})
	if err != nil || len(r.Failed) != 1 || r.Failed[0].Code != CodeDiskFull || !strings.Contains(r.Failed[0].Message, "send it again") {
		t.Fatalf("a stream into a disk too small: %+v %v", r, err)
	}
	await(t, "disk without the part", func() bool {
		left, err := filepath.Glob(filepath.Join(n.root, "in", "*stream*"))
		hidden, herr := filepath.Glob(filepath.Join(n.root, "in", ".*stream*"))
		return err == nil && herr == nil && len(left)+len(hidden) == 0
	})
}

// fillMidway fills the disk while a tree arrives, makes room and runs the same
// job again.
func fillMidway(t *testing.T, n *node) {
	t.Helper()
	src := t.TempDir()
	for i := range 30 {
		write(t, filepath.Join(src, fmt.Sprintf("f%02d", i)), 300_000)
	}
	job := Job{Direction: Push, Sources: []string{src + "/"}, Destination: "tree"}
	r, err := run(t, client(t, n), job)
	if err != nil || r.Files == 0 || len(r.Failed) == 0 || r.Files+int64(len(r.Failed)) != 30 {
		t.Fatalf("into a disk too small: %+v %v", r, err)
	}
	for _, f := range r.Failed {
		if f.Code != CodeDiskFull || !strings.Contains(f.Message, "free space and resume") {
			t.Errorf("failure: %+v", f)
		}
	}
	must(t, unix.Mount("tmpfs", n.root, "tmpfs", unix.MS_REMOUNT, "size=64m"))
	missing := int64(len(r.Failed)) * 300_000
	r = mustRun(t, client(t, n), job)
	if len(r.Failed) > 0 || r.Sent-r.Sessions[0].Resent > missing {
		t.Errorf("after room was made, %d bytes missing: %+v", missing, r)
	}
	same(t, src, filepath.Join(n.root, "tree"))
}
