package store

import (
	"encoding/hex"
	"strings"

	"lukechampine.com/blake3"
)

// Names of this package's own files: ".godwit-" 32 hex digits and a suffix. The
// digits are a hash of the target's name, so that they fit next to a target whose
// name is as long as the file system allows, and so that any node finds them; for
// temporary files they are unique to the process.
const (
	namePrefix    = ".godwit-"
	partSuffix    = ".part"
	journalSuffix = ".journal"
	tempSuffix    = ".tmp"
	nameDigits    = 32
)

func partName(base string) string    { return ownName(base, partSuffix) }
func journalName(base string) string { return ownName(base, journalSuffix) }

func ownName(base, suffix string) string {
	h := blake3.Sum256([]byte(base))
	return namePrefix + hex.EncodeToString(h[:nameDigits/2]) + suffix
}

// reserved reports whether name is one that only this package may use. Case is
// ignored since it is on Windows and macOS.
func reserved(name string) bool {
	if len(name) < len(namePrefix)+nameDigits || !strings.EqualFold(name[:len(namePrefix)], namePrefix) {
		return false
	}
	for _, c := range []byte(name[len(namePrefix):][:nameDigits]) {
		if !strings.ContainsRune("0123456789abcdefABCDEF", rune(c)) {
			return false
		}
	}
	rest := name[len(namePrefix)+nameDigits:]
	for _, s := range []string{partSuffix, journalSuffix, tempSuffix} {
		if strings.EqualFold(rest, s) {
			return true
		}
	}
	return false
}
