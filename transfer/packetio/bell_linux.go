package packetio

import (
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// bell wakes one goroutine when a socket is ready, but only while it is wanted.
//
// A socket in the runtime's own poller wakes that for every train that arrives,
// whoever waits for it or not: 2,200 times a second at 1 Gb/s, a third of all
// wake-ups of a transfer. So the socket is in a poller of its own, as armed for
// one event at a time, and that poller is in the runtime's.
type bell struct {
	file *os.File
	raw  syscall.RawConn
	fd   int // the socket
	want uint32
	ring func(epoll uintptr) bool
}

// newBell hangs a bell on the socket, which must stay open until it is closed.
func newBell(fd int) (*bell, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("poller: %w", err)
	}
	if err = unix.SetNonblock(epoll, true); err == nil { // has os.NewFile put it in the runtime's
		err = unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLONESHOT})
	}
	if err != nil {
		_ = unix.Close(epoll)
		return nil, fmt.Errorf("poller: %w", err)
	}
	b := &bell{file: os.NewFile(uintptr(epoll), "poller"), fd: fd}
	if b.raw, err = b.file.SyscallConn(); err != nil {
		_ = b.file.Close()
		return nil, fmt.Errorf("poller: %w", err)
	}
	b.ring = b.look
	return b, nil
}

// wait returns when the socket is ready for what is wanted, after the deadline or
// when the bell is closed. For one goroutine.
func (b *bell) wait(want uint32) error {
	b.want = want
	return b.raw.Read(b.ring)
}

// until sets the deadline of the present and the next wait; zero: none.
func (b *bell) until(t time.Time) error { return b.file.SetReadDeadline(t) }

// look arms the bell and says whether it has rung.
func (b *bell) look(epoll uintptr) bool {
	e := unix.EpollEvent{Events: b.want | unix.EPOLLONESHOT}
	if unix.EpollCtl(int(epoll), unix.EPOLL_CTL_MOD, b.fd, &e) != nil {
		return true // the socket is closed, which its next call says
	}
	n, _, _ := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, epoll, uintptr(unsafe.Pointer(&e)), 1, 0, 0, 0)
	return n == 1
}

func (b *bell) close() { _ = b.file.Close() }
