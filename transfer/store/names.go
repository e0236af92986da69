package store

import (
	"encoding/hex"
	"fmt"
	"strings"

	"lukechampine.com/blake3"
)

// Names of this package's own files: ".godwit-" 32 hex digits and a suffix. The
// digits are a hash of the target's name, so that they fit next to a target whose
// name is as long as the file system allows, and so that any node finds them. In
// temporary files of a batch they are a hash of the target's name, the process's
// and a number's.
const (
	namePrefix    = ".godwit-"
	partSuffix    = ".part"
	journalSuffix = ".journal"
	tempSuffix    = ".tmp"
	nameDigits    = 32
)

// stem is the target's part of a temporary name, so that whoever writes the same
// target finds what an earlier session left of it.
type stem [4]byte

func stemOf(base string) stem {
	h := blake3.Sum256([]byte(base))
	return stem(h[:4])
}

// nonce keeps the temporary names of two processes apart.
type nonce [6]byte

func tempName(s stem, n nonce, seq uint64) string {
	return fmt.Sprintf("%s%x%x%012x%s", namePrefix, s, n, seq&(1<<48-1), tempSuffix)
}

// leftBy is the stem of a temporary file's name that another process than n made.
func leftBy(name string, n nonce) (s stem, ok bool) {
	if !reserved(name) || !strings.HasSuffix(name, tempSuffix) {
		return s, false
	}
	digits, err := hex.DecodeString(name[len(namePrefix):][:nameDigits])
	if err != nil || [6]byte(digits[4:10]) == n {
		return s, false
	}
	return stem(digits[:4]), true
}

func partName(base string) string    { return ownName(base, partSuffix) }
func journalName(base string) string { return ownName(base, journalSuffix) }

// draftName is a journal's before it is one. Claims take turns, so it is free.
func draftName(base string) string { return ownName(base, tempSuffix) }

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
