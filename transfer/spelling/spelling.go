// Package spelling writes names of files, which on most systems may be any bytes, as
// text, such as JSON holds.
//
// A name that is UTF-8 is its own text. In another one each byte that is none becomes
// \xff; its exact bytes go beside it:
//
//	{"path": "photo\\xe9.jpg", "path_base64": "cGhvdG/pLmpwZw=="}
//
// The text is for people, and two names that differ may read the same, since a name
// may hold a backslash; where exact bytes are given, they are the name.
package spelling

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Text is a name as text: valid UTF-8 for all names.
func Text(name string) string {
	if utf8.ValidString(name) {
		return name
	}
	var b strings.Builder
	for i := 0; i < len(name); {
		r, n := utf8.DecodeRuneInString(name[i:])
		if r == utf8.RuneError && n <= 1 {
			fmt.Fprintf(&b, `\x%02x`, name[i])
			i++
			continue
		}
		b.WriteString(name[i : i+n])
		i += n
	}
	return b.String()
}

// Exact is what goes beside the text of a name that is no UTF-8: its bytes. nil: the
// text is all of it.
func Exact(name string) []byte {
	if utf8.ValidString(name) {
		return nil
	}
	return []byte(name)
}

// Name is the name that was written as a text and exact bytes.
func Name(text string, exact []byte) string {
	if len(exact) > 0 {
		return string(exact)
	}
	return text
}
