package packetio

import (
	"net"
	"net/netip"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// shares says whether a socket can be bound to a port that another one has.
const shares = true

// control prepares a socket before it is bound. With SO_REUSEADDR the kernel
// gives a datagram to the socket that matches best: the connected one of its
// sender, else the shared one. (SO_REUSEPORT would spread by hash.)
func control(share bool) func(network, address string, c syscall.RawConn) error {
	return func(network, _ string, c syscall.RawConn) error {
		var failed error
		err := c.Control(func(fd uintptr) {
			if share {
				failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
			}
			// Never fragment; the flow finds the size that passes. Best effort:
			// one of the two does not apply to the socket's family.
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE)
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_PROBE)
		})
		if err != nil {
			return err
		}
		return failed
	}
}

// share lets our own sockets join the port of one that is bound already. Done
// after binding, it does not let this one join somebody else's.
func share(udp *net.UDPConn) {
	raw, err := udp.SyscallConn()
	if err != nil {
		return // closed, which the next call reports
	}
	_ = raw.Control(func(fd uintptr) {
		// Without it Connect fails, and the port stays with the shared socket.
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	})
}

// growBuffers asks for large buffers: beyond the system's limit if privileged,
// else up to it.
func growBuffers(udp *net.UDPConn) {
	raw, err := udp.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		grow(int(fd), unix.SO_RCVBUFFORCE, unix.SO_RCVBUF)
		grow(int(fd), unix.SO_SNDBUFFORCE, unix.SO_SNDBUF)
	})
}

func grow(fd, force, polite int) {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, bufferSize) != nil {
		// A smaller buffer costs speed, not correctness.
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, polite, bufferSize)
	}
}

type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
	_   [4]byte
}

// sysMessages are the kernel's descriptors of the slots, set up once.
type sysMessages struct {
	ready bool
	gain  time.Duration // at the latest look: see steady
	hdr   [slots]mmsghdr
	iov   [slots]unix.Iovec
	name  [slots]unix.RawSockaddrInet6 // large enough for both families
	oob   [slots][64]byte
}

// receive reads what is there without waiting.
func (m *Messages) receive(fd int) (int, error) {
	s := &m.sys
	if !s.ready {
		s.ready = true
		for i := range slots {
			b := m.slot(i)
			s.iov[i].Base = &b[0]
			s.iov[i].SetLen(len(b))
			h := &s.hdr[i].hdr
			h.Name = (*byte)(unsafe.Pointer(&s.name[i]))
			h.Iov = &s.iov[i]
			h.SetIovlen(1)
			h.Control = &s.oob[i][0]
		}
	}
	for i := range slots {
		h := &s.hdr[i].hdr
		h.Namelen = unix.SizeofSockaddrInet6
		h.SetControllen(len(s.oob[i]))
	}
	m.n = 0
	for {
		// It does not wait, so the scheduler need not be told: see alarm.
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&s.hdr[0])),
			slots, unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			m.n = int(n)
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			return 0, nil
		default:
			return 0, errno
		}
		break
	}
	now := time.Now()
	steady := s.steady(gained(now))
	for i := range m.n {
		e := &m.entry[i]
		e.n = int(s.hdr[i].n)
		e.from = sockaddr(&s.name[i])
		var arrived time.Time
		e.segment, arrived = controls(s.oob[i][:s.hdr[i].hdr.Controllen])
		e.age = 0
		if !arrived.IsZero() && steady {
			if age := now.Sub(arrived); age > 0 && age < maxAge {
				e.age = age
			}
		}
	}
	return m.n, nil
}

func sockaddr(a *unix.RawSockaddrInet6) netip.AddrPort {
	port := a.Port<<8 | a.Port>>8 // network order on a little-endian machine
	if bigEndian {
		port = a.Port
	}
	switch a.Family {
	case unix.AF_INET:
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(a))
		return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), port)
	case unix.AF_INET6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr).Unmap(), port)
	default:
		return netip.AddrPort{}
	}
}

var bigEndian = func() bool {
	x := uint16(1)
	return *(*byte)(unsafe.Pointer(&x)) == 0
}()

const (
	// maxAge is the longest that a datagram is believed to have lain in a socket.
	maxAge = 5 * time.Second
	// stepLeast is how much the time of day may gain on the monotonic clock
	// between two looks.
	stepLeast = time.Millisecond
)

// begun is what clocks are compared since.
var begun = time.Now()

// gained is how much more time passed by the time of day than by the monotonic
// clock since begun.
func gained(now time.Time) time.Duration { return now.Round(0).Sub(begun.Round(0)) - now.Sub(begun) }

// steady reports whether the time of day was not set since the last look, given
// what it has gained: ages are differences of it.
func (s *sysMessages) steady(gain time.Duration) bool {
	step := gain - s.gain
	s.gain = gain
	return step.Abs() < stepLeast
}

// controls reads the control messages: the segment size (0: not coalesced) and
// the moment of arrival.
func controls(oob []byte) (segment int, arrived time.Time) {
	for len(oob) >= unix.SizeofCmsghdr {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&oob[0]))
		size := int(h.Len)
		if size < unix.SizeofCmsghdr || size > len(oob) {
			break
		}
		switch {
		case h.Level == unix.IPPROTO_UDP && h.Type == unix.UDP_GRO && size >= unix.CmsgLen(4):
			segment = int(*(*int32)(unsafe.Pointer(&oob[unix.CmsgLen(0)])))
		case h.Level == unix.SOL_SOCKET && h.Type == unix.SO_TIMESTAMPNS && size >= unix.CmsgLen(int(unsafe.Sizeof(unix.Timespec{}))):
			arrived = time.Unix((*unix.Timespec)(unsafe.Pointer(&oob[unix.CmsgLen(0)])).Unix())
		}
		next := unix.CmsgSpace(size - unix.SizeofCmsghdr)
		if next > len(oob) {
			break
		}
		oob = oob[next:]
	}
	return segment, arrived
}

// sleep is exact to about 50 µs, unlike time.Sleep, which is a millisecond late.
func sleep(d time.Duration) {
	if d >= exactBelow {
		time.Sleep(d)
		return
	}
	t := unix.NsecToTimespec(int64(d))
	_, _ = unix.Ppoll(nil, &t, nil) // interrupted: the caller looks at the clock again
}

// Pin ties the calling goroutine to its thread and lets that thread's timers
// fire without the 50 µs of slack that Linux adds by default. Worth it for a
// flow of gigabits; others do without. Call unpin in the same goroutine.
func Pin() (unpin func()) {
	runtime.LockOSThread()
	old, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err == nil {
		_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	}
	return func() {
		if err == nil {
			_ = unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(old), 0, 0, 0)
		}
		runtime.UnlockOSThread()
	}
}
