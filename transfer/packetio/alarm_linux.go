package packetio

import (
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// alarm wakes one goroutine after a time that is exact to about 50 µs: a timer
// of the kernel's, waited for in the netpoller.
//
// A thread that blocked in a system call would be as exact, but the runtime's
// monitor notices each one that takes over 20 µs, hands its processor on, and
// then looks again every 20 µs: two flows that sleep 2,000 times a second made it
// wake 6,000 times and spend an eighth of all processor time.
type alarm struct {
	file  *os.File
	raw   syscall.RawConn
	spec  unix.ItimerSpec
	armed bool
	ringF func(fd uintptr) bool
}

func newAlarm() (*alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("timer: %w", err)
	}
	a := &alarm{file: os.NewFile(uintptr(fd), "timer")}
	if a.raw, err = a.file.SyscallConn(); err != nil {
		_ = a.file.Close()
		return nil, fmt.Errorf("timer: %w", err)
	}
	a.ringF = a.ring
	return a, nil
}

// sleep returns after d, or when the alarm is closed. For one goroutine.
func (a *alarm) sleep(d time.Duration) {
	if d <= 0 {
		return
	}
	a.spec.Value = unix.NsecToTimespec(int64(d))
	a.armed = false
	_ = a.raw.Read(a.ringF) // closed: whoever sleeps finds its socket closed too
}

// ring sets the timer when it is first asked, for from then on the netpoller
// takes note, and later says whether it has gone off.
func (a *alarm) ring(fd uintptr) bool {
	if !a.armed {
		a.armed = true
		_, _, errno := unix.RawSyscall6(unix.SYS_TIMERFD_SETTIME, fd, 0, uintptr(unsafe.Pointer(&a.spec)), 0, 0, 0)
		return errno != 0
	}
	var times [8]byte
	_, _, errno := unix.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&times[0])), uintptr(len(times)))
	return errno != unix.EAGAIN
}

func (a *alarm) close() { _ = a.file.Close() }
