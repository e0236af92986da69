package local

import (
	"crypto/rand"
	"encoding/binary"
	"math/big"
	"time"
)

// crockford is the ULID alphabet in lower case: no letter that looks like a
// digit, and sorted.
const crockford = "0123456789abcdefghjkmnpqrstvwxyz"

// newID makes "local-" and a ULID: 48 bits of milliseconds, 80 of chance, so
// that ids sort by time of launch (github.com/ulid/spec).
func newID(now time.Time) string {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], uint64(now.UnixMilli())<<16)
	_, _ = rand.Read(raw[6:]) // never fails since Go 1.24
	number, base, digit := new(big.Int).SetBytes(raw[:]), big.NewInt(32), new(big.Int)
	text := make([]byte, 26)
	for i := len(text) - 1; i >= 0; i-- {
		number.DivMod(number, base, digit)
		text[i] = crockford[digit.Int64()]
	}
	return "local-" + string(text)
}
