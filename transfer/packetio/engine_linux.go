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

// shared is the engine of a socket without a peer: it hears what nobody else does.
type shared struct {
	udp *net.UDPConn
	raw syscall.RawConn
	reading
	segment  bool // UDP_SEGMENT works here
	out      sysBatch
	woken    atomic.Bool
	readable func(fd uintptr) bool
	asked    bool
}

// newEngine makes the engine of a socket. It takes the socket over: udp is closed,
// or left for the caller to close when it fails.
func newEngine(udp *net.UDPConn, hasPeer bool, o Options) (engine, error) {
	switch {
	case o.Plain:
		return newPlain(udp), nil
	case hasPeer:
		return newConnected(udp)
	}
	raw, err := udp.SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &shared{udp: udp, raw: raw}
	if err = raw.Control(func(fd uintptr) { s.segment, s.room = prepare(int(fd)) }); err != nil {
		return nil, err
	}
	s.reading.init()
	s.out.init()
	s.readable = func(fd uintptr) bool {
		if s.asked {
			return true
		}
		s.asked = true
		p := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, _ := unix.Poll(p[:], 0)
		return n > 0
	}
	return s, nil
}

// prepare asks a socket for what makes batches, and says whether it sends them and
// how many bytes it holds for its reader.
func prepare(fd int) (segment bool, room int) {
	// The option reads back where the kernel knows it (4.18).
	_, err := unix.GetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_SEGMENT)
	segment = err == nil
	// Coalescing is an optimisation: without it datagrams come singly.
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_GRO, 1)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	if n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF); err == nil {
		room = n / 2 // the kernel doubles what it is asked for, for its own bookkeeping
	}
	return segment, room
}

// reading has arguments and results of a function that exists once, so that no
// call allocates.
type reading struct {
	room   int // bytes of the receive buffer
	msgs   *Messages
	got    int
	err    error
	recvFn func(fd uintptr)
}

func (r *reading) init() {
	r.recvFn = func(fd uintptr) { r.got, r.err = r.msgs.receive(int(fd)) }
}

func (s *shared) control(f func(fd uintptr)) error { return s.raw.Control(f) }

func (s *shared) send(b *wire.Batch, to netip.AddrPort) error {
	if b.Count() == 1 || !s.segment {
		return sendEach(s.udp, b, to)
	}
	s.out.segment(b.Segment())
	_, _, err := s.udp.WriteMsgUDPAddrPort(b.Bytes(), s.out.oob, to)
	if errors.Is(err, unix.EIO) || errors.Is(err, unix.EINVAL) {
		// As for a connected socket.
		err = sendEach(s.udp, b, to)
		if !errors.Is(err, unix.EMSGSIZE) {
			s.segment = false
		}
	}
	return err
}

func (s *shared) recv(m *Messages) (int, error) {
	s.msgs = m
	if err := s.raw.Control(s.recvFn); err != nil {
		return 0, err
	}
	return s.got, s.err
}

// wait is as exact as the runtime's deadlines: nobody paces by it.
func (s *shared) wait(d time.Duration) error {
	deadline := time.Time{}
	if d < 1<<61 {
		deadline = time.Now().Add(d)
	}
	if err := s.udp.SetReadDeadline(deadline); err != nil {
		return err
	}
	// Wake stores first and moves the deadline second; here it is the other
	// way round, so one of the two is always seen.
	if s.woken.Swap(false) {
		return nil
	}
	s.asked = false
	err := s.raw.Read(s.readable)
	s.woken.Store(false)
	return err
}

func (s *shared) wake() {
	s.woken.Store(true)
	// An error means closed: then the waiter returns by itself.
	_ = s.udp.SetReadDeadline(time.Unix(1, 0))
}

// rest returns at once: it is not made for much.
func (s *shared) rest(time.Duration) {}

func (s *shared) buffer() int { return s.room }

func (s *shared) close() error { return s.udp.Close() }
