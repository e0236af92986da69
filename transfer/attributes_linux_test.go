package transfer

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// blocks is how many bytes of a file are stored.
func stored(t *testing.T, name string) int64 {
	t.Helper()
	fi, err := os.Stat(name)
	must(t, err)
	return fi.Sys().(*syscall.Stat_t).Blocks * 512
}

func TestSparseFilesStaySparse(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, s scene) {
		name := filepath.Join(s.src, "disk.img")
		f, err := os.Create(name)
		must(t, err)
		must(t, f.Truncate(24<<20+5000))
		for _, at := range []int64{0, 9<<20 + 123, 20 << 20} {
			_, err := f.WriteAt(noise(1<<20+10), at)
			must(t, err)
		}
		must(t, f.Close())
		if stored(t, name) > 10<<20 {
			t.Skip("this file system knows no holes")
		}
		r := s.run(Options{})
		sent := r.Sent
		for _, session := range r.Sessions {
			sent -= session.Resent // a busy machine loses packets
		}
		if r.Files != 1 || r.Bytes != 24<<20+5000 || sent > 9<<20 {
			t.Errorf("%d bytes travelled: %+v", sent, r)
		}
		copied := filepath.Join(s.dst, "disk.img")
		if n := stored(t, copied); n > 10<<20 {
			t.Errorf("the copy takes %d bytes", n)
		}
		same(t, s.src, s.dst)

		must(t, os.RemoveAll(s.dst))
		if r := s.run(Options{Dense: true}); r.Sent < 24<<20 {
			t.Errorf("dense: %d bytes travelled", r.Sent)
		}
		if n := stored(t, copied); n < 24<<20 {
			t.Errorf("the dense copy takes %d bytes", n)
		}
	})
}

func TestResumedSparseFileIsWhole(t *testing.T) {
	t.Parallel()
	n := startNode(t, t.TempDir(), nil)
	src := filepath.Join(t.TempDir(), "f")
	write(t, src, 8<<20)
	f, err := os.OpenFile(src, os.O_RDWR, 0)
	must(t, err)
	must(t, f.Truncate(16<<20))
	must(t, f.Close())
	job := Job{Direction: Push, Sources: []string{src}, Destination: "f", Options: slow}
	_, err = during(t, client(t, n), job, 12<<20, func(tr *Transfer) { tr.Cancel() })
	if CodeOf(err) != CodeCancelled {
		t.Fatalf("cancelled: %v", err)
	}
	await(t, "end of the session", func() bool { return len(n.Sessions()) == 0 })
	r := mustRun(t, client(t, n), job)
	if r.Files != 1 || r.Sent > 6<<20 {
		t.Errorf("second run sent %d bytes: %+v", r.Sent, r)
	}
	same(t, filepath.Dir(src), n.root)
}

// acl gives user 12345 the right to read, in the form of Linux.
var acl, _ = hex.DecodeString("02000000" + "01000600ffffffff" + "0200040039300000" + "04000400ffffffff" + "10000600ffffffff" + "20000000ffffffff")

func TestAttributesAreKeptThatAreAskedFor(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, s scene) {
		for name, size := range map[string]int{"small": 10, "big": 3 << 20, "dir/in it": 5} {
			name = filepath.Join(s.src, name)
			write(t, name, size)
			atime := time.Unix(1_000_000_000, 5000)
			must(t, os.Chtimes(name, atime, farPast))
		}
		must(t, os.Symlink("small", filepath.Join(s.src, "link")))
		small, dir := filepath.Join(s.src, "small"), filepath.Join(s.src, "dir")
		for _, x := range []string{small, dir} {
			if err := unix.Setxattr(x, "user.colour", []byte("blue"), 0); err != nil {
				t.Skipf("no extended attributes here: %v", err)
			}
		}
		if err := unix.Setxattr(small, "system.posix_acl_access", acl, 0); err != nil {
			t.Skipf("no access control lists here: %v", err)
		}
		root := os.Getuid() == 0
		keep := []Attribute{KeepAccessTimes, KeepACLs, KeepXattrs}
		if root {
			keep = Attributes()
			must(t, os.Lchown(small, 4711, 4712))
			must(t, os.Lchown(filepath.Join(s.src, "big"), 4711, 4712))
			must(t, os.Lchown(dir, 4711, 4712))
			must(t, os.Lchown(filepath.Join(s.src, "link"), 4711, 4712))
		}
		s.run(Options{Preserve: keep})
		get := func(name, attribute string) []byte {
			b := make([]byte, 1000)
			n, err := unix.Getxattr(filepath.Join(s.dst, name), attribute, b)
			if err != nil {
				return nil
			}
			return b[:n]
		}
		if got := get("small", "system.posix_acl_access"); !bytes.Equal(got, acl) {
			t.Errorf("access control list %x, want %x", got, acl)
		}
		for _, name := range []string{"small", "dir"} {
			if got := get(name, "user.colour"); string(got) != "blue" {
				t.Errorf("%s: attribute %q", name, got)
			}
		}
		for _, name := range []string{"small", "big", "dir", "link"} {
			fi, err := os.Lstat(filepath.Join(s.dst, name))
			must(t, err)
			st := fi.Sys().(*syscall.Stat_t)
			if root && (st.Uid != 4711 || st.Gid != 4712) {
				t.Errorf("%s: owner %d:%d", name, st.Uid, st.Gid)
			}
			if at := time.Unix(st.Atim.Unix()); fi.Mode().IsRegular() && !at.Equal(time.Unix(1_000_000_000, 5000)) {
				t.Errorf("%s: access time %v", name, at)
			}
		}

		must(t, os.RemoveAll(s.dst))
		s.run(Options{})
		if get("small", "user.colour") != nil || get("small", "system.posix_acl_access") != nil {
			t.Error("attributes came that nobody asked for")
		}
	})
}

func TestTimesBeyondNanosecondsStayAtTheirEnd(t *testing.T) {
	t.Parallel()
	root, src := t.TempDir(), filepath.Join(t.TempDir(), "f")
	n := startNode(t, root, nil)
	write(t, src, 10)
	at := unix.Timespec{Sec: time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC).Unix()} // os.Chtimes cannot say it
	must(t, unix.UtimesNanoAt(unix.AT_FDCWD, src, []unix.Timespec{at, at}, 0))
	push := Job{Direction: Push, Sources: []string{src}, Destination: "f"}
	mustRun(t, client(t, n), push)
	fi, err := os.Stat(filepath.Join(root, "f"))
	must(t, err)
	if y := fi.ModTime().Year(); y != 2262 {
		t.Errorf("2300 became %d", y)
	}
	if r := mustRun(t, client(t, n), push); r.Files != 0 {
		t.Errorf("again: %+v", r)
	}
}
