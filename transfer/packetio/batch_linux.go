package packetio

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// sysBatch is the kernel's description of one train of datagrams, set up once
// so that no send allocates.
type sysBatch struct {
	hdr unix.Msghdr
	iov unix.Iovec
	oob []byte
	err error // of the last send; EAGAIN: the socket is full
}

func (s *sysBatch) init() {
	s.oob = make([]byte, unix.CmsgSpace(2))
	h := (*unix.Cmsghdr)(unsafe.Pointer(&s.oob[0]))
	h.Level, h.Type = unix.IPPROTO_UDP, unix.UDP_SEGMENT
	h.SetLen(unix.CmsgLen(2))
	s.hdr.Iov = &s.iov
	s.hdr.SetIovlen(1)
	s.hdr.Control = &s.oob[0]
}

// segment sets the size of each datagram but the last.
func (s *sysBatch) segment(n int) {
	*(*uint16)(unsafe.Pointer(&s.oob[unix.CmsgLen(0)])) = uint16(n)
}

// train sets what is sent, not empty, and the size of each datagram but the last.
func (s *sysBatch) train(b []byte, segment int) {
	s.segment(segment)
	s.single(b)
	s.hdr.SetControllen(len(s.oob))
}

// single sets the only datagram that is sent, not empty.
func (s *sysBatch) single(b []byte) {
	s.iov.Base = &b[0]
	s.iov.SetLen(len(b))
	s.hdr.SetControllen(0)
}

// send sends to whom the socket is connected to. It does not wait, so the
// scheduler need not be told: see alarm.
func (s *sysBatch) send(fd uintptr) {
	for {
		_, _, errno := unix.RawSyscall(unix.SYS_SENDMSG, fd, uintptr(unsafe.Pointer(&s.hdr)), unix.MSG_DONTWAIT)
		if s.err = errno; errno == 0 {
			s.err = nil
		} else if errno == unix.EINTR {
			continue
		}
		return
	}
}
