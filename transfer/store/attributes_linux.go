package store

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/godwit/godwit/transfer/detail"
)

// statMore is what a stat knows beyond fs.FileInfo.
func statMore(fi fs.FileInfo) (uid, gid uint32, atime int64, ok bool) {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, 0, false
	}
	return st.Uid, st.Gid, time.Unix(st.Atim.Unix()).UnixNano(), true
}

// mayBeSparse reports whether fewer bytes are stored than there are.
func mayBeSparse(fi fs.FileInfo) bool {
	st, ok := fi.Sys().(*syscall.Stat_t)
	return ok && st.Blocks*512 < fi.Size()
}

// eachHole calls hole with the ranges of f, size bytes long, without data.
func eachHole(f *os.File, size int64, hole func(from, to int64)) error {
	for at := int64(0); at < size; {
		data, err := f.Seek(at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			hole(at, size)
			return nil
		}
		if err != nil {
			return err
		}
		if data > at {
			hole(at, min(data, size))
		}
		if at, err = f.Seek(data, unix.SEEK_HOLE); err != nil {
			return err
		}
	}
	return nil
}

const maxXattrBytes = 128 << 10 // of one file, with names

func readXattrs(f *os.File, keep Attributes) ([]detail.Xattr, error) {
	list := make([]byte, 64<<10)
	n := 0
	err := retry(f, func(fd int) (err error) { n, err = unix.Flistxattr(fd, list); return err })
	if errors.Is(err, unix.ENOTSUP) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []detail.Xattr
	total := 0
	value := make([]byte, 64<<10)
	for name := range bytes.SplitSeq(list[:n], []byte{0}) {
		if !keep.travels(string(name)) {
			continue
		}
		m := 0
		err := retry(f, func(fd int) (err error) { m, err = unix.Fgetxattr(fd, string(name), value); return err })
		if errors.Is(err, unix.ENODATA) {
			continue // removed since
		}
		if err != nil {
			return nil, err
		}
		if total += len(name) + m; total > maxXattrBytes {
			return nil, errors.New("more than 128 KiB of them")
		}
		out = append(out, detail.Xattr{Name: string(name), Value: bytes.Clone(value[:m])})
	}
	return out, nil
}

func writeXattr(f *os.File, name string, value []byte) error {
	err := retry(f, func(fd int) error { return unix.Fsetxattr(fd, name, value, 0) })
	if err != nil {
		return &fs.PathError{Op: "setxattr", Path: name, Err: err}
	}
	return nil
}
