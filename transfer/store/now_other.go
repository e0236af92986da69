//go:build !linux

package store

import (
	"errors"
	"os"
	"syscall"
)

func readsNow(*os.File, int64) syscall.RawConn { return nil }

func readNow(syscall.RawConn, []byte, int64) (int, error) { return 0, errors.ErrUnsupported }
