package packetio

import (
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/godwit/godwit/transfer/wire"
)

// exactBelow is the wait up to which a thread is blocked in ppoll instead of a
// goroutine in the netpoller, whose timers are a millisecond late.
const exactBelow = 2 * time.Millisecond

// kernel is the engine that lets the kernel split and coalesce.
type kernel struct {
	udp     *net.UDPConn
	raw     syscall.RawConn
	segment bool // UDP_SEGMENT works here
	room    int  // bytes of the receive buffer
	oob     []byte
	woken   atomic.Bool

	// Arguments and results of the closures below, which exist once so that
	// no call allocates.
	msgs     *Messages
	got      int
	err      error
	timeout  unix.Timespec
	recvFn   func(fd uintptr)
	pollFn   func(fd uintptr)
	readable func(fd uintptr) bool
	asked    bool
}

func newEngine(udp *net.UDPConn, o Options) (engine, error) {
	if o.Plain {
		return newPlain(udp), nil
	}
	raw, err := udp.SyscallConn()
	if err != nil {
		return nil, err
	}
	k := &kernel{udp: udp, raw: raw, oob: segmentMessage()}
	err = raw.Control(func(fd uintptr) {
		// The option reads back where the kernel knows it (4.18).
		_, e := unix.GetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_SEGMENT)
		k.segment = e == nil
		// Coalescing is an optimisation: without it datagrams come singly.
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_GRO, 1)
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
		if n, e := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF); e == nil {
			k.room = n / 2 // the kernel doubles what it is asked for, for its own bookkeeping
		}
	})
	if err != nil {
		return nil, err
	}
	k.recvFn = func(fd uintptr) { k.got, k.err = k.msgs.receive(int(fd)) }
	k.pollFn = func(fd uintptr) {
		p := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		_, k.err = unix.Ppoll(p[:], &k.timeout, nil)
	}
	k.readable = func(fd uintptr) bool {
		if k.asked {
			return true
		}
		k.asked = true
		p := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, _ := unix.Poll(p[:], 0)
		return n > 0
	}
	return k, nil
}

func segmentMessage() []byte {
	b := make([]byte, unix.CmsgSpace(2))
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
	h.Level, h.Type = unix.IPPROTO_UDP, unix.UDP_SEGMENT
	h.SetLen(unix.CmsgLen(2))
	return b
}

func (k *kernel) send(b *wire.Batch, to netip.AddrPort) error {
	if b.Count() == 1 || !k.segment {
		return sendEach(k.udp, b, to)
	}
	*(*uint16)(unsafe.Pointer(&k.oob[unix.CmsgLen(0)])) = uint16(b.Segment())
	_, _, err := k.udp.WriteMsgUDPAddrPort(b.Bytes(), k.oob, to)
	if errors.Is(err, unix.EIO) || errors.Is(err, unix.EINVAL) {
		// EIO: the device cannot. EINVAL: it cannot, or the size exceeds the
		// interface; then single datagrams say so.
		err = sendEach(k.udp, b, to)
		if !errors.Is(err, unix.EMSGSIZE) {
			k.segment = false
		}
	}
	return err
}

func (k *kernel) recv(m *Messages) (int, error) {
	k.msgs = m
	if err := k.raw.Control(k.recvFn); err != nil {
		return 0, err
	}
	return k.got, k.err
}

func (k *kernel) wait(d time.Duration) error {
	if d < exactBelow {
		if k.woken.Swap(false) {
			return nil
		}
		k.timeout = unix.NsecToTimespec(int64(d))
		if err := k.raw.Control(k.pollFn); err != nil {
			return err
		}
		if errors.Is(k.err, unix.EINTR) {
			return nil
		}
		return k.err
	}
	deadline := time.Time{}
	if d < 1<<61 {
		deadline = time.Now().Add(d)
	}
	if err := k.udp.SetReadDeadline(deadline); err != nil {
		return err
	}
	// Wake stores first and moves the deadline second; here it is the other
	// way round, so one of the two is always seen.
	if k.woken.Swap(false) {
		return nil
	}
	k.asked = false
	err := k.raw.Read(k.readable)
	k.woken.Store(false)
	return err
}

func (k *kernel) wake() {
	k.woken.Store(true)
	// An error means closed: then the waiter returns by itself.
	_ = k.udp.SetReadDeadline(time.Unix(1, 0))
}

func (k *kernel) rest(d time.Duration) { sleep(d) }

func (k *kernel) buffer() int { return k.room }

func (k *kernel) close() {}
