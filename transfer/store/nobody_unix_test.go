//go:build unix

package store

import "syscall"

// asNobody starts a process without privileges.
func asNobody() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
}
