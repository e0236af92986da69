package packetio

import (
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/godwit/godwit/transfer/wire"
)

// exactBelow is the wait up to which an alarm is set instead of a deadline of
// the runtime's, which is a millisecond late.
const exactBelow = 2 * time.Millisecond

// kernel is the engine that lets the kernel split and coalesce.
type kernel struct {
	udp     *net.UDPConn
	raw     syscall.RawConn
	alarm   *alarm
	segment bool // UDP_SEGMENT works here
	room    int  // bytes of the receive buffer
	out     sysBatch
	woken   atomic.Bool

	// Arguments and results of the closures below, which exist once so that
	// no call allocates.
	msgs     *Messages
	got      int
	err      error
	recvFn   func(fd uintptr)
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
	k := &kernel{udp: udp, raw: raw}
	if k.alarm, err = newAlarm(); err != nil {
		return nil, err
	}
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
		k.alarm.close()
		return nil, err
	}
	k.out.init()
	k.recvFn = func(fd uintptr) { k.got, k.err = k.msgs.receive(int(fd)) }
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

func (k *kernel) send(b *wire.Batch, to netip.AddrPort) error {
	if b.Count() == 1 || !k.segment {
		return sendEach(k.udp, b, to)
	}
	err := k.sendTrain(b, to)
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

// sendTrain sends the batch in one call that the kernel cuts up.
func (k *kernel) sendTrain(b *wire.Batch, to netip.AddrPort) error {
	k.out.segment(b.Segment())
	if to.IsValid() {
		_, _, err := k.udp.WriteMsgUDPAddrPort(b.Bytes(), k.out.oob[:], to)
		return err
	}
	k.out.data(b.Bytes())
	if err := k.raw.Write(k.out.sendFn); err != nil {
		return err
	}
	return k.out.err
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
		if !k.woken.Swap(false) {
			k.alarm.sleep(d)
		}
		return nil
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

func (k *kernel) rest(d time.Duration) { k.alarm.sleep(d) }

func (k *kernel) buffer() int { return k.room }

func (k *kernel) close() { k.alarm.close() }
