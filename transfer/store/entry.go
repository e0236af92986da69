package store

import (
	"encoding/binary"
	"io/fs"
	"math"
	"time"

	"lukechampine.com/blake3"
)

// Kind says what an Entry is.
type Kind uint8

// Kinds of entries. Devices, sockets and pipes have none: they are reported with
// ErrSpecial and never sent.
const (
	KindFile Kind = iota + 1
	KindDir
	KindSymlink
)

func (k Kind) String() string {
	switch k {
	case KindFile:
		return "file"
	case KindDir:
		return "directory"
	case KindSymlink:
		return "symbolic link"
	}
	return "special file"
}

// Entry is one name in a tree.
type Entry struct {
	Path   string      // relative to the tree's root, slash-separated, clean
	Kind   Kind        // what it is
	Size   int64       // bytes; 0 unless KindFile
	Mtime  int64       // ns since 1970
	Mode   fs.FileMode // permission bits only
	Target string      // text of a KindSymlink
	File   FileID      // which file this was when looked at
}

// FileID tells one state of one file from another on the machine it lives on.
// All zero where the system does not say.
type FileID struct {
	Dev, Ino uint64
	Ctime    int64 // ns since 1970
}

// Identity names one state of one source file everywhere: it goes into the
// receiver's journal, and a part is resumed only for the same identity.
type Identity [32]byte

// Identity digests what changes when the content does: size, mtime, ctime and
// inode number. scope separates sources that might agree by chance: pass
// something that stays the same across restarts of the same client, and differs
// between clients. The device number is left out, as it changes over reboots.
func (e Entry) Identity(scope []byte) Identity {
	b := make([]byte, 0, 48+len(scope)+len(e.Path))
	for _, v := range []uint64{uint64(e.Size), uint64(e.Mtime), e.File.Ino, uint64(e.File.Ctime), uint64(len(scope))} {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	b = append(b, scope...)
	if e.File.Ino == 0 {
		b = append(b, e.Path...)
	}
	return blake3.Sum256(b)
}

// ModTime is Mtime as a time.
func (e Entry) ModTime() time.Time { return time.Unix(0, e.Mtime) }

// nanos is t since 1970 in ns; before 1678 and after 2262, whose nanoseconds 64 bits
// do not hold, the first or last that they do.
func nanos(t time.Time) int64 {
	switch first, last := time.Unix(0, math.MinInt64), time.Unix(0, math.MaxInt64); {
	case t.Before(first):
		return math.MinInt64
	case t.After(last):
		return math.MaxInt64
	}
	return t.UnixNano()
}

// entryOf describes fi; special files get ErrSpecial.
func entryOf(path string, fi fs.FileInfo) (Entry, error) {
	e := Entry{Path: path, Mtime: nanos(fi.ModTime()), Mode: fi.Mode().Perm(), File: fileID(fi)}
	switch fi.Mode().Type() {
	case 0:
		e.Kind, e.Size = KindFile, fi.Size()
	case fs.ModeDir:
		e.Kind = KindDir
	case fs.ModeSymlink:
		e.Kind = KindSymlink
	default:
		return e, ErrSpecial
	}
	return e, nil
}

// sameState reports whether fi shows the file of e unchanged.
func (e Entry) sameState(fi fs.FileInfo) bool {
	return fi.Mode().IsRegular() && fi.Size() == e.Size && nanos(fi.ModTime()) == e.Mtime && fileID(fi) == e.File
}
