//go:build unix

package transfer

import "syscall"

// umask of the process; there is no way to read it but to set it, which is
// safe only before other goroutines create files.
var umask = func() int {
	m := syscall.Umask(0o077)
	syscall.Umask(m)
	return m
}()
