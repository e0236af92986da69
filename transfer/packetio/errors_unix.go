//go:build unix

package packetio

import "syscall"

var passingErrors = []error{
	syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.ENETDOWN,
	syscall.EHOSTDOWN, syscall.ENOBUFS, syscall.ENOMEM, syscall.EPERM, syscall.EAGAIN,
}
