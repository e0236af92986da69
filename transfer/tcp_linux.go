package transfer

import (
	"crypto/tls"
	"net"

	"golang.org/x/sys/unix"
)

// unsentMost is what the kernel may hold that is not on its way yet: frames wait
// behind it.
const unsentMost = 256 << 10

// keepShort bounds what waits in the kernel, so that frames of the session
// overtake data that ride the same connection.
func keepShort(conn net.Conn) {
	if c, ok := conn.(*tls.Conn); ok {
		conn = c.NetConn()
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return // closed, which the next call reports
	}
	_ = raw.Control(func(fd uintptr) {
		// Without it frames wait longer.
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsentMost)
	})
}
