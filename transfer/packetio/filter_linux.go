package packetio

import (
	"golang.org/x/sys/unix"

	"github.com/godwit/godwit/transfer/wire"
)

// only makes the kernel drop what does not name the connection id, before it
// takes room in the socket's buffer: who floods a session under its peer's
// address without having overheard it crowds nothing out. It is best effort.
func (c *Conn) only(id wire.ConnID) {
	const udpHeader = 8 // behind it, the kind and the id are one word: see wire.Header
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: udpHeader},
		{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: wire.ConnIDMost},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: uint32(id)},
		{Code: unix.BPF_RET | unix.BPF_K, K: 1<<32 - 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
	}
	_ = c.engine.control(func(fd uintptr) {
		_ = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
	})
}
