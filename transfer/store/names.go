package store

import (
	"encoding/hex"
	"fmt"
	"strings"

	"lukechampine.com/blake3"
)

// Names of this package's own files: ".godwit-" 32 hex digits and a suffix. The
// digits are a hash of the target's name, so that they fit next to a target whose
// name is as long as the file system allows, and so that any node finds them. For
// temporary files they are the transfer's, the process's and a number's.
const (
	namePrefix    = ".godwit-"
	partSuffix    = ".part"
	journalSuffix = ".journal"
	tempSuffix    = ".tmp"
	nameDigits    = 32
)

// owner is the transfer's part of a temporary name, so that a later session knows
// what an earlier one left; the zero owner is nobody's.
type owner [4]byte

func ownerOf(transfer [16]byte) owner {
	if transfer == [16]byte{} {
		return owner{}
	}
	h := blake3.Sum256(transfer[:])
	return owner(h[:4])
}

// nonce keeps the temporary names of two processes apart.
type nonce [6]byte

func tempName(o owner, n nonce, seq uint64) string {
	return fmt.Sprintf("%s%x%x%012x%s", namePrefix, o, n, seq&(1<<48-1), tempSuffix)
}

// left reports whether name is a temporary file of the owner and of another
// process than n.
func (o owner) left(name string, n nonce) bool {
	mine := fmt.Sprintf("%s%x", namePrefix, o)
	return o != owner{} && strings.HasPrefix(name, mine) && strings.HasSuffix(name, tempSuffix) && reserved(name) &&
		!strings.HasPrefix(name, fmt.Sprintf("%s%x", mine, n))
}

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
