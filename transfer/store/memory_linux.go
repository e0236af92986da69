//go:build amd64 || arm64

package store

import (
	"io"
	"os"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// memory is a file in a file system that keeps its files in memory, where reading and
// writing is copying and waits for nothing.
//
// The runtime is not told of it. A system call that it is told of wakes its monitor,
// if all was idle before, which then looks every 20 µs whether the call is back: six
// wake-ups for each block of a transfer at 1 Gb/s, a third of all that either end made.
type memory struct{ raw syscall.RawConn }

// memoryPiece is copied at once: the runtime may want the thread in between.
const memoryPiece = 128 << 10

// newMemory returns nil where f may have to be waited for.
func newMemory(f *os.File) *memory {
	if !inMemory(f) {
		return nil
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return nil
	}
	return &memory{raw}
}

// ReadAt is that of io.ReaderAt.
func (m *memory) ReadAt(b []byte, off int64) (int, error) {
	return m.copy(unix.SYS_PREAD64, "pread", b, off)
}

// WriteAt is that of io.WriterAt.
func (m *memory) WriteAt(b []byte, off int64) (int, error) {
	return m.copy(unix.SYS_PWRITE64, "pwrite", b, off)
}

func (m *memory) copy(call uintptr, name string, b []byte, off int64) (n int, err error) {
	closed := m.raw.Control(func(fd uintptr) {
		for n < len(b) && err == nil {
			piece := b[n:min(n+memoryPiece, len(b))]
			k, _, errno := syscall.RawSyscall6(call, fd, uintptr(unsafe.Pointer(&piece[0])), uintptr(len(piece)), uintptr(off)+uintptr(n), 0, 0)
			switch {
			case errno == unix.EINTR:
			case errno != 0:
				err = os.NewSyscallError(name, errno)
			case k == 0:
				err = io.EOF
			default:
				n += int(k)
			}
		}
	})
	if closed != nil {
		return n, closed
	}
	return n, err
}

// memoryPart is a part in memory, and its journal.
type memoryPart struct {
	part    *memory
	journal syscall.RawConn

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

// newMemoryPart returns nil where the part may have to be waited for.
func newMemoryPart(part, journal *os.File) *memoryPart {
	m := newMemory(part)
	if m == nil {
		return nil
	}
	raw, err := journal.SyscallConn()
	if err != nil {
		return nil
	}
	return &memoryPart{part: m, journal: raw}
}

// WriteAt is that of io.WriterAt.
func (m *memoryPart) WriteAt(b []byte, off int64) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.part.WriteAt(b, off)
}

// inPlace looks whether the journal lies where it was put, by asking found where
// that is not plain: whoever takes it away changes its count of links and its time
// of change.
func (m *memoryPart) inPlace(found func() error) error {
	now, ok := m.stamp()
	m.mu.Lock()
	same := ok && now.nlink > 0 && now == m.seen
	m.mu.Unlock()
	if same {
		return nil
	}
	err := found()
	if err == nil && ok {
		m.mu.Lock()
		m.seen = now // of before it was found
		m.mu.Unlock()
	}
	return err
}

func (m *memoryPart) stamp() (s stamp, ok bool) {
	var st syscall.Stat_t
	err := m.journal.Control(func(fd uintptr) {
		_, _, errno := syscall.RawSyscall(unix.SYS_FSTAT, fd, uintptr(unsafe.Pointer(&st)), 0)
		ok = errno == 0
	})
	return stamp{uint64(st.Nlink), st.Ctim}, err == nil && ok //nolint:unconvert // Nlink is shorter on arm64
}
