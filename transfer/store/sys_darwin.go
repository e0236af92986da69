package store

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const haveSyncfs = false

func syncfs(*os.File) error { return errors.ErrUnsupported }

// dataSync makes the content of f durable; os.File.Sync asks the drive too
// (F_FULLFSYNC).
func dataSync(f *os.File) error { return f.Sync() }

// preallocate reserves size bytes, in one piece if there is one, and makes f
// that long.
func preallocate(f *os.File, size int64) error {
	err := retry(f, func(fd int) error {
		store := unix.Fstore_t{Flags: unix.F_ALLOCATECONTIG, Posmode: unix.F_PEOFPOSMODE, Length: size}
		err := unix.FcntlFstore(uintptr(fd), unix.F_PREALLOCATE, &store)
		if err != nil {
			store.Flags = unix.F_ALLOCATEALL
			err = unix.FcntlFstore(uintptr(fd), unix.F_PREALLOCATE, &store)
		}
		return err
	})
	if err != nil && !errors.Is(err, unix.ENOTSUP) {
		return err
	}
	return f.Truncate(size)
}

func fileID(fi fs.FileInfo) FileID {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return FileID{}
	}
	return FileID{Dev: uint64(st.Dev), Ino: st.Ino, Ctime: time.Unix(st.Ctimespec.Unix()).UnixNano()}
}
