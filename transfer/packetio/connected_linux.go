package packetio

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/godwit/godwit/transfer/wire"
)

// connected is the engine of a socket with one peer, on which data travel. It is
// in no poller but that of its bell.
type connected struct {
	file  *os.File
	raw   syscall.RawConn
	alarm *alarm
	bell  *bell
	reading
	segment bool // UDP_SEGMENT works here
	out     sysBatch
	sendFn  func(fd uintptr)
	woken   atomic.Bool
}

// newConnected takes the socket over; udp is closed, unless it fails.
func newConnected(udp *net.UDPConn) (*connected, error) {
	raw, err := udp.SyscallConn()
	if err != nil {
		return nil, err
	}
	c := &connected{}
	fd := -1
	ctlErr := raw.Control(func(s uintptr) {
		c.segment, c.room = prepare(int(s))
		fd, err = unix.FcntlInt(s, unix.F_DUPFD_CLOEXEC, 0)
	})
	if err = errors.Join(ctlErr, err); err != nil {
		return nil, err
	}
	if c.alarm, err = newAlarm(); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	if c.bell, err = newBell(fd); err != nil {
		_ = unix.Close(fd)
		c.alarm.close()
		return nil, err
	}
	// Closing the original takes the socket out of the runtime's poller, and a
	// descriptor that may block does not get there. No call here does block.
	_ = udp.Close()
	_ = unix.SetNonblock(fd, false)
	c.file = os.NewFile(uintptr(fd), "udp")
	if c.raw, err = c.file.SyscallConn(); err != nil {
		return nil, errors.Join(err, c.close())
	}
	c.reading.init()
	c.out.init()
	c.sendFn = c.out.send
	return c, nil
}

// control calls f with the socket, which is not closed meanwhile.
func (c *connected) control(f func(fd uintptr)) error {
	if c.raw.Control(f) != nil {
		return net.ErrClosed
	}
	return nil
}

func (c *connected) send(b *wire.Batch, _ netip.AddrPort) error {
	if b.Count() == 1 || !c.segment {
		return c.sendEach(b)
	}
	c.out.train(b.Bytes(), b.Segment())
	err := c.push()
	if errors.Is(err, unix.EIO) || errors.Is(err, unix.EINVAL) {
		// EIO: the device cannot. EINVAL: it cannot, or the size exceeds the
		// interface; then single datagrams say so.
		err = c.sendEach(b)
		if !errors.Is(err, unix.EMSGSIZE) {
			c.segment = false
		}
	}
	return err
}

func (c *connected) sendEach(b *wire.Batch) error {
	var first error
	for d := range b.All() {
		c.out.single(d)
		if err := c.push(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// push sends what out has, as soon as there is room.
func (c *connected) push() error {
	for {
		if err := c.control(c.sendFn); err != nil {
			return err
		}
		if c.out.err != unix.EAGAIN { //nolint:errorlint // it is what the kernel said, as it is
			return c.out.err
		}
		if err := c.await(unix.EPOLLOUT, time.Time{}); err != nil {
			return err
		}
	}
}

func (c *connected) recv(m *Messages) (int, error) {
	c.msgs = m
	if err := c.control(c.recvFn); err != nil {
		return 0, err
	}
	return c.got, c.err
}

func (c *connected) wait(d time.Duration) error {
	if d < exactBelow {
		if !c.woken.Swap(false) {
			c.alarm.sleep(d)
		}
		return nil
	}
	deadline := time.Time{}
	if d < 1<<61 {
		deadline = time.Now().Add(d)
	}
	return c.await(unix.EPOLLIN, deadline)
}

// await returns when the socket is ready, after the deadline or when woken.
func (c *connected) await(want uint32, deadline time.Time) error {
	if c.bell.until(deadline) != nil {
		return net.ErrClosed
	}
	// Wake stores first and moves the deadline second; here it is the other
	// way round, so one of the two is always seen.
	if c.woken.Swap(false) {
		return nil
	}
	err := c.bell.wait(want)
	c.woken.Store(false)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return net.ErrClosed
	}
	return nil
}

func (c *connected) wake() {
	c.woken.Store(true)
	_ = c.bell.until(time.Unix(1, 0)) // closed: then the waiter returns by itself
}

func (c *connected) rest(d time.Duration) { c.alarm.sleep(d) }

func (c *connected) buffer() int { return c.room }

func (c *connected) close() error {
	err := c.file.Close()
	c.bell.close()
	c.alarm.close()
	return err
}
