//go:build unix

package store

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// openNonblock keeps an open from waiting on a pipe that took a file's place.
const openNonblock = unix.O_NONBLOCK

func isNoSpace(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}

// retry calls do with the descriptor of f, again after a signal.
func retry(f *os.File, do func(fd int) error) error {
	c, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var derr error
	err = c.Control(func(fd uintptr) {
		for {
			if derr = do(int(fd)); !errors.Is(derr, unix.EINTR) {
				return
			}
		}
	})
	return errors.Join(err, derr)
}

// tryLock takes an exclusive lock that ends with the descriptor, and so with the
// process. Over NFS it is a lock on the server.
func tryLock(f *os.File) error {
	err := retry(f, func(fd int) error { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) })
	switch {
	case errors.Is(err, unix.EWOULDBLOCK):
		return ErrBusy
	case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOLCK), errors.Is(err, unix.ENOSYS):
		return nil
	}
	return err
}

func unlockFile(f *os.File) {
	_ = retry(f, func(fd int) error { return unix.Flock(fd, unix.LOCK_UN) })
}

// freeBytes is the space that this user may fill on f's file system, or -1.
func freeBytes(f *os.File) int64 {
	var st unix.Statfs_t
	if err := retry(f, func(fd int) error { return unix.Fstatfs(fd, &st) }); err != nil {
		return -1
	}
	return int64(st.Bavail) * int64(st.Bsize) //nolint:unconvert // Bsize is int64 on Linux only
}

// setLinkTime is best effort: a link's mtime matters to nobody's data.
func setLinkTime(d *os.Root, name string, mtime time.Time) {
	f, err := d.Open(".")
	if err != nil {
		return
	}
	defer f.Close()
	ts := unix.NsecToTimespec(mtime.UnixNano())
	_ = retry(f, func(fd int) error {
		return unix.UtimesNanoAt(fd, name, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW)
	})
}
