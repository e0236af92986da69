//go:build amd64 || arm64

package store

import (
	"os"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// quick writes to a part in a file system that keeps its files in memory, where a
// write is a copy and waits for nothing.
//
// The runtime is not told of it. A system call that it is told of wakes its monitor,
// if all was idle before, which then looks every 20 µs whether the call is back: six
// wake-ups for each block of a transfer at 1 Gb/s, a third of all that a receiver
// made.
type quick struct {
	part, journal syscall.RawConn

	// The file system lets one write to a file at a time, and processors that wait
	// for it there are of use to nobody.
	mu   sync.Mutex
	seen stamp // of the journal, when it was last found in its place; nlink 0: never
}

// stamp is what changes of a file that is renamed over or removed.
type stamp struct {
	nlink   uint64
	changed syscall.Timespec
}

// quickPiece is what is written at once: the runtime may want the thread in between.
const quickPiece = 256 << 10

// newQuick returns nil where it would be of no use.
func newQuick(part, journal *os.File) *quick {
	if !inMemory(part) {
		return nil
	}
	q := &quick{}
	var err error
	if q.part, err = part.SyscallConn(); err != nil {
		return nil
	}
	if q.journal, err = journal.SyscallConn(); err != nil {
		return nil
	}
	return q
}

// write is os.File.WriteAt.
func (q *quick) write(b []byte, off int64) (n int, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	closed := q.part.Control(func(fd uintptr) {
		for n < len(b) && err == nil {
			piece := b[n:min(n+quickPiece, len(b))]
			m, _, errno := syscall.RawSyscall6(unix.SYS_PWRITE64, fd, uintptr(unsafe.Pointer(&piece[0])), uintptr(len(piece)), uintptr(off)+uintptr(n), 0, 0)
			switch errno {
			case 0:
				n += int(m)
			case unix.EINTR:
			default:
				err = errno
			}
		}
	})
	if closed != nil {
		return n, closed
	}
	return n, err
}

// inPlace looks whether the journal lies where it was put, by asking found where
// that is not plain: whoever takes it away changes its count of links and its time
// of change.
func (q *quick) inPlace(found func() error) error {
	now, ok := q.stamp()
	q.mu.Lock()
	same := ok && now.nlink > 0 && now == q.seen
	q.mu.Unlock()
	if same {
		return nil
	}
	err := found()
	if err == nil && ok {
		q.mu.Lock()
		q.seen = now // of before it was found
		q.mu.Unlock()
	}
	return err
}

func (q *quick) stamp() (s stamp, ok bool) {
	var st syscall.Stat_t
	err := q.journal.Control(func(fd uintptr) {
		_, _, errno := syscall.RawSyscall(unix.SYS_FSTAT, fd, uintptr(unsafe.Pointer(&st)), 0)
		ok = errno == 0
	})
	return stamp{uint64(st.Nlink), st.Ctim}, err == nil && ok //nolint:unconvert // Nlink is shorter on arm64
}
