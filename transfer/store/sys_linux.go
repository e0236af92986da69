package store

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const haveSyncfs = true

// syncfs flushes the file system that f is on, and reports what could not be
// written back since f was opened (Linux 5.8).
func syncfs(f *os.File) error {
	return retry(f, unix.Syncfs)
}

// dataSync makes the content of f durable, and what is needed to read it.
func dataSync(f *os.File) error {
	return retry(f, unix.Fdatasync)
}

// preallocate reserves size bytes, and makes f that long. File systems that
// cannot reserve get a sparse file if there seems to be room. So do those in
// memory for large files: they would take every page of it before the first byte
// comes, half a second for a gigabyte.
func preallocate(f *os.File, size int64) error {
	if size > reserveMost && inMemory(f) {
		return sparse(f, size)
	}
	err := retry(f, func(fd int) error { return unix.Fallocate(fd, 0, 0, size) })
	if !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.ENOSYS) {
		return err
	}
	return sparse(f, size)
}

const reserveMost = 32 << 20

func sparse(f *os.File, size int64) error {
	if free := freeBytes(f); free >= 0 && free < size {
		return unix.ENOSPC
	}
	return f.Truncate(size)
}

func inMemory(f *os.File) bool {
	var st unix.Statfs_t
	err := retry(f, func(fd int) error { return unix.Fstatfs(fd, &st) })
	kind := uint32(st.Type) // 32 bits, of which some machines take the first for a sign
	return err == nil && (kind == unix.TMPFS_MAGIC || kind == unix.RAMFS_MAGIC)
}

func fileID(fi fs.FileInfo) FileID {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return FileID{}
	}
	return FileID{Dev: st.Dev, Ino: st.Ino, Ctime: time.Unix(st.Ctim.Unix()).UnixNano()}
}
