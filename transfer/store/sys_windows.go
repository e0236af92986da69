package store

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

const (
	haveSyncfs   = false
	openNonblock = 0
)

func syncfs(*os.File) error { return errors.ErrUnsupported }

func dataSync(f *os.File) error { return f.Sync() }

func preallocate(f *os.File, size int64) error { return f.Truncate(size) }

// fileID says nothing: a handle would have to be opened for each entry, and
// Identity falls back to the path.
func fileID(fs.FileInfo) FileID { return FileID{} }

func isNoSpace(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL) ||
		errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED)
}

// The lock is on one byte far behind any data, since locks on Windows also keep
// others from reading and writing what they cover.
var lockAt = windows.Overlapped{OffsetHigh: 1 << 30}

func tryLock(f *os.File) error {
	at := lockAt
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return ErrBusy
	}
	return err
}

func unlockFile(f *os.File) {
	at := lockAt
	_ = windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, &at)
}

func freeBytes(f *os.File) int64 {
	var free uint64
	name, err := windows.UTF16PtrFromString(f.Name())
	if err != nil || windows.GetDiskFreeSpaceEx(name, &free, nil, nil) != nil {
		return -1
	}
	return int64(free)
}

func setLinkTime(*os.Root, string, time.Time) {}
