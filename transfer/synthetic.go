package transfer

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"

	"github.com/godwit/godwit/transfer/control"
	"github.com/godwit/godwit/transfer/store"
)

// made is a file of a synthetic source: random bytes that depend on seed and
// place only, or zeros.
type made struct {
	zero bool
	seed uint64
	file uint64
}

// cell is what one state of the generator makes.
const cell = 64 << 10

// ReadAt fills b with what is at off.
func (m made) ReadAt(b []byte, off int64) (int, error) {
	n := len(b)
	if m.zero {
		clear(b)
		return n, nil
	}
	var key [32]byte
	binary.BigEndian.PutUint64(key[:], m.seed)
	binary.BigEndian.PutUint64(key[8:], m.file)
	for len(b) > 0 {
		binary.BigEndian.PutUint64(key[16:], uint64(off/cell))
		r := rand.NewChaCha8(key)
		var skipped [cell]byte
		at := int(off % cell)
		if at > 0 {
			_, _ = r.Read(skipped[:at]) // never fails
		}
		k := min(len(b), cell-at)
		_, _ = r.Read(b[:k])
		b = b[k:]
		off += int64(k)
	}
	return n, nil
}

// Check says that made-up files never change.
func (made) Check() error { return nil }

// Bounds of what a client may ask a node to make up.
const (
	maxSyntheticFiles = 100_000_000
	maxSyntheticSize  = 1 << 44 // bytes of one file
)

// Kind is "zero" or "random": what a single file of it is named.
func (s Synthetic) Kind() string {
	if s.Zero {
		return "zero"
	}
	return "random"
}

// parseSynthetic checks what a client asks for.
func parseSynthetic(c *control.Synthetic) (*Synthetic, error) {
	if c.Kind != "zero" && c.Kind != "random" || c.Files < 1 || c.Files > maxSyntheticFiles || c.Size < 0 || c.Size > maxSyntheticSize {
		return nil, newError(CodeProtocol, fmt.Sprintf("the client asks for a synthetic source that cannot be: %d files of %d bytes, %q", c.Files, c.Size, c.Kind), nil)
	}
	return &Synthetic{Zero: c.Kind == "zero", Files: c.Files, Size: c.Size}, nil
}

// scanSynthetic adds the files of a synthetic source; false to stop.
func (l *loading) scanSynthetic(src *source, t *tally) bool {
	for i := range src.synthetic.Files {
		if l.ctx.Err() != nil {
			return false
		}
		to := src.name
		if src.synthetic.Files > 1 {
			to = fmt.Sprintf("%s/%04d/%08d", src.name, i/1000, i)
		}
		e := store.Entry{
			Path: to, Kind: store.KindFile, Size: src.synthetic.Size, Mode: 0o644, Mtime: madeAt,
			File: store.FileID{Ino: src.seed + uint64(i) + 1}, // one identity in all sessions
		}
		t.files++
		t.bytes += e.Size
		if !l.add(&sourceFile{entry: e, file: made{zero: src.synthetic.Zero, seed: src.seed, file: uint64(i)}}, to, t) {
			return false
		}
	}
	return true
}

// madeAt is the time of modification of what was never made: 2000-01-01.
const madeAt = 946_684_800_000_000_000
