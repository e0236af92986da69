//go:build unix

package channel

import (
	"os"
	"syscall"
)

// stdio returns the standard streams, with deadlines where they are pipes or
// sockets, as sshd makes them.
func stdio() (in, out *os.File) {
	open := func(fd int, old *os.File) *os.File {
		if syscall.SetNonblock(fd, true) != nil {
			return old
		}
		return os.NewFile(uintptr(fd), old.Name())
	}
	return open(0, os.Stdin), open(1, os.Stdout)
}
