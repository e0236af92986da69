package store

import (
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// nowLeast is the least file that is worth asking where it is.
	nowLeast = 1 << 20
	// nowMost is read in one call: those who wait for this thread wait for that.
	nowMost = 128 << 10
)

// readsNow returns what to read f by where no read waits, because the file is in
// memory; nil: reads may wait.
func readsNow(f *os.File, size int64) syscall.RawConn {
	if bits.UintSize < 64 || size < nowLeast || !inMemory(f) {
		return nil
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// readNow is ReadAt without telling the scheduler. Telling it wakes the runtime's
// monitor when that sleeps, which then wakes every 20 µs as long as anything runs:
// a third of a sender's wake-ups at 1 Gb/s.
func readNow(raw syscall.RawConn, b []byte, off int64) (n int, err error) {
	closed := raw.Control(func(fd uintptr) {
		for n < len(b) && err == nil {
			part := b[n:min(n+nowMost, len(b))]
			k, _, errno := unix.RawSyscall6(unix.SYS_PREAD64, fd, uintptr(unsafe.Pointer(&part[0])), uintptr(len(part)), uintptr(off+int64(n)), 0, 0)
			switch {
			case errno == unix.EINTR:
			case errno != 0:
				err = fmt.Errorf("pread: %w", errno)
			case k == 0:
				err = io.EOF
			default:
				n += int(k)
			}
		}
	})
	return n, errors.Join(err, closed)
}
