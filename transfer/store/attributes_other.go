//go:build !linux

package store

import (
	"errors"
	"io/fs"
	"os"

	"github.com/godwit/godwit/transfer/detail"
)

// Elsewhere than on Linux neither owners, times of access, attributes nor holes
// are read, and attributes that arrive cannot be set.

func statMore(fs.FileInfo) (uid, gid uint32, atime int64, ok bool) { return 0, 0, 0, false }

func mayBeSparse(fs.FileInfo) bool { return false }

func eachHole(*os.File, int64, func(from, to int64)) error { return errors.ErrUnsupported }

func readXattrs(*os.File, Attributes) ([]detail.Xattr, error) { return nil, nil }

func writeXattr(*os.File, string, []byte) error { return errors.ErrUnsupported }
