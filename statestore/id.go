package statestore

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strings"
	"sync/atomic"
	"time"
)

// Crockford's alphabet in lower case: ids sort by time as plain bytes, hold no
// letters that people confuse, and are valid in host names and file names.
const idAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"

const idLength = 26

// order makes ids of one process and one millisecond ascend, so that a list
// ordered by id is in the order of events: it is the top of an id's random
// part. It begins anywhere and wraps after 16 million ids.
var order atomic.Uint32

func init() {
	var b [4]byte
	fill(b[:])
	order.Store(binary.BigEndian.Uint32(b[:]))
}

func fill(b []byte) {
	if _, err := rand.Read(b); err != nil {
		panic("no randomness: " + err.Error()) // the runtime itself ends here since Go 1.24
	}
}

// NewID returns a new unique id: a ULID in lower case, whose first ten
// characters are the current time in milliseconds.
func NewID() string { return NewIDAt(time.Now()) }

// NewIDAt returns a new unique id that carries the given time, for those who
// are given a clock. Times before 1970 count as 1970.
func NewIDAt(at time.Time) string {
	// 48 bits of time, 24 of order, 56 of chance.
	ms, n := uint64(max(at.UnixMilli(), 0)), uint64(order.Add(1))&(1<<24-1)
	var b [8]byte
	fill(b[1:])
	return spell(ms<<16|n>>8, n<<56|binary.BigEndian.Uint64(b[:]))
}

// FirstID returns the least id that carries the given time: what bounds a range
// of ids by time.
func FirstID(at time.Time) string { return spell(uint64(max(at.UnixMilli(), 0))<<16, 0) }

// spell writes the 128 bits of an id.
func spell(hi, lo uint64) string {
	var out [idLength]byte
	for i := idLength - 1; i >= 0; i-- {
		out[i] = idAlphabet[lo&31]
		lo = lo>>5 | hi<<59
		hi >>= 5
	}
	return string(out[:])
}

// IDTime returns the time that an id carries. It fails with ErrInvalid for
// anything that NewID cannot have made.
func IDTime(id string) (time.Time, error) {
	if len(id) != idLength || id[0] > '7' {
		return time.Time{}, fmt.Errorf("id %.40q: %w", id, ErrInvalid)
	}
	var ms int64
	for i := range idLength {
		v := strings.IndexByte(idAlphabet, id[i])
		if v < 0 {
			return time.Time{}, fmt.Errorf("id %.40q: %w", id, ErrInvalid)
		}
		if i < 10 {
			ms = ms<<5 | int64(v)
		}
	}
	return time.UnixMilli(ms).UTC(), nil
}
