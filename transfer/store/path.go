package store

import (
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"unicode/utf8"
)

const (
	maxPath = 4096 // PATH_MAX of Linux
	maxName = 255  // NAME_MAX of Linux; APFS and NTFS count UTF-16 units, never fewer bytes

	onWindows = runtime.GOOS == "windows"
	onDarwin  = runtime.GOOS == "darwin"
)

// Clean checks a path that a peer names and returns its canonical form: relative
// to the tree's root, slash-separated, without empty or "." elements; "." is the
// root itself. Everything else is refused with a *PathError (ErrPath): empty and
// absolute paths, "..", NUL, names or paths too long for any system, the names of
// this package's own files, and on Windows every name that means something else
// than it says (backslash, colon, device names, trailing dots and spaces).
// Elsewhere a backslash is an ordinary character, but a path that would escape if
// it were a separator is refused everywhere, as another system may read it later.
func Clean(p string) (string, error) {
	refuse := func(reason string) (string, error) {
		if len(p) > 256 {
			return "", &PathError{Path: strings.ToValidUTF8(p[:256], "") + "…", Reason: reason}
		}
		return "", &PathError{Path: p, Reason: reason}
	}
	switch {
	case p == "":
		return refuse("it is empty")
	case len(p) > maxPath:
		return refuse("it is longer than 4096 bytes")
	case strings.IndexByte(p, 0) >= 0:
		return refuse("it contains a NUL byte")
	case p[0] == '/':
		return refuse("it is absolute")
	case (onWindows || onDarwin) && !utf8.ValidString(p):
		return refuse("it is not valid UTF-8")
	}
	for name := range strings.SplitSeq(p, "/") {
		switch {
		case name == "..":
			return refuse(`it contains ".."`)
		case len(name) > maxName:
			return refuse("a name in it is longer than 255 bytes")
		case reserved(name):
			return refuse("the name is reserved for unfinished transfers")
		}
	}
	clean := path.Clean(p)
	if strings.IndexByte(p, '\\') >= 0 {
		if onWindows {
			return refuse("it contains a backslash")
		}
		if clean[0] == '\\' || len(clean) > 2 && clean[1] == ':' && clean[2] == '\\' {
			return refuse("it is absolute on Windows")
		}
		for name := range strings.FieldsFuncSeq(p, func(r rune) bool { return r == '/' || r == '\\' }) {
			if name == ".." {
				return refuse(`it contains ".." behind a backslash`)
			}
		}
	}
	if onWindows {
		if reason := windowsTrick(clean); reason != "" {
			return refuse(reason)
		}
	}
	if !filepath.IsLocal(filepath.FromSlash(clean)) {
		return refuse("it is not a plain relative path")
	}
	return clean, nil
}

// windowsTrick names what Win32 would silently reinterpret in p.
func windowsTrick(p string) string {
	if strings.ContainsRune(p, ':') {
		return "it contains a colon"
	}
	for name := range strings.SplitSeq(p, "/") {
		if name != "." && strings.TrimRight(name, ". ") != name {
			return "a name in it ends in a dot or space"
		}
	}
	return ""
}

// cleanFile is Clean for a path that must name something inside the root.
func cleanFile(p string) (dir, base string, err error) {
	c, err := Clean(p)
	if err != nil {
		return "", "", err
	}
	if c == "." {
		return "", "", &PathError{Path: p, Reason: "it names the directory itself"}
	}
	return path.Dir(c), path.Base(c), nil
}
