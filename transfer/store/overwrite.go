package store

import (
	"fmt"
	"time"
)

// Overwrite is the policy for a destination that exists. The zero value is
// OverwriteDiff.
type Overwrite uint8

// Overwrite policies.
const (
	OverwriteDiff      Overwrite = iota // replace when size or mtime differ
	OverwriteNever                      // keep what is there
	OverwriteAlways                     // replace
	OverwriteOlder                      // replace when the destination's mtime is older
	OverwriteDiffOlder                  // replace when it differs and is older
)

var overwriteNames = [...]string{"diff", "never", "always", "older", "diff+older"}

func (o Overwrite) String() string {
	if int(o) < len(overwriteNames) {
		return overwriteNames[o]
	}
	return fmt.Sprintf("overwrite(%d)", uint8(o))
}

// ParseOverwrite reads never, always, diff, older or diff+older; "" is diff.
func ParseOverwrite(s string) (Overwrite, error) {
	if s == "" {
		return OverwriteDiff, nil
	}
	for i, name := range overwriteNames {
		if s == name {
			return Overwrite(i), nil
		}
	}
	return 0, fmt.Errorf("overwrite policy %q is not one of never, always, diff, older, diff+older", s)
}

// Replace decides whether src is to be sent although dst exists at its place. An
// entry of another kind always differs; a directory is never replaced by a file,
// which the commit refuses.
func (o Overwrite) Replace(src, dst Entry) bool {
	if src.Kind == KindDir && dst.Kind == KindDir {
		return false
	}
	differ := src.Kind != dst.Kind || src.Size != dst.Size || src.Target != dst.Target ||
		src.Kind == KindFile && !sameTime(src.Mtime, dst.Mtime)
	older := dst.Mtime < src.Mtime && !sameTime(src.Mtime, dst.Mtime)
	switch o {
	case OverwriteNever:
		return false
	case OverwriteAlways:
		return true
	case OverwriteOlder:
		return older
	case OverwriteDiffOlder:
		return differ && older
	default:
		return differ
	}
}

// sameTime compares mtimes, allowing for a destination whose file system keeps
// only seconds (NFSv2, ext3, HFS+), microseconds or 100 ns (NTFS).
func sameTime(src, dst int64) bool {
	if src == dst {
		return true
	}
	for _, grain := range []int64{int64(time.Second), int64(time.Microsecond), 100} {
		if dst%grain == 0 && src-dst >= 0 && src-dst < grain {
			return true
		}
	}
	return false
}
