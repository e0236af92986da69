//go:build !unix

package packetio

import "syscall"

// Winsock's numbers: WSAECONNRESET, WSAENETUNREACH, WSAEHOSTUNREACH, WSAENETDOWN, WSAENOBUFS.
var passingErrors = []error{
	syscall.Errno(10054), syscall.Errno(10051), syscall.Errno(10065), syscall.Errno(10050), syscall.Errno(10055),
}
