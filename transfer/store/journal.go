package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/bits"
)

// Leaf is what the hash tree knows of one block; opaque here.
type Leaf = [32]byte

// The journal of a part, big endian: a header, then one record per durable block.
//
//	"GWJ1" | block size u32 | file size u64 | identity 32 | transfer 16 | epoch u64 | CRC-32C of these
//	block u32 | leaf 32 | CRC-32C of these, continued from the header's
//
// A record is appended only after its block is durable, and only by the session
// that wrote the header. Continuing the header's checksum ties each record to it.
const (
	journalMagic = "GWJ1"
	headerSize   = 4 + 4 + 8 + 32 + 16 + 8 + 4
	recordSize   = 4 + 32 + 4

	minBlock  = 1 << 10
	maxBlock  = 64 << 20
	maxBlocks = 1 << 20 // 40 MiB of journal; 1 TiB in blocks of 1 MiB
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	errJournal = errors.New("unreadable journal")
)

// PartSpec says what a part is to become and who is writing it.
type PartSpec struct {
	Size      int64    // bytes of the whole file
	BlockSize int      // power of two, 1 KiB to 64 MiB; at most 1 Mi blocks
	Identity  Identity // state of the source; another one starts over
	Transfer  [16]byte // transfer that writes
	Epoch     uint64   // session of the transfer; the newest wins
	Fresh     bool     // do not resume
	Sparse    bool     // has holes: no space is reserved
}

func (s PartSpec) check() error {
	if s.BlockSize < minBlock || s.BlockSize > maxBlock || s.BlockSize&(s.BlockSize-1) != 0 {
		return fmt.Errorf("block size %d is not a power of two from 1 KiB to 64 MiB", s.BlockSize)
	}
	if s.Size < 0 || s.Size > int64(s.BlockSize)*maxBlocks {
		return fmt.Errorf("%d bytes do not fit %d blocks of %d bytes", s.Size, maxBlocks, s.BlockSize)
	}
	return nil
}

// blocks is the number of blocks; an empty file has none.
func (s PartSpec) blocks() int { return int((s.Size + int64(s.BlockSize) - 1) / int64(s.BlockSize)) }

// same reports whether a part written for o can be continued for s.
func (s PartSpec) same(o PartSpec) bool {
	return s.Size == o.Size && s.BlockSize == o.BlockSize && s.Identity == o.Identity
}

// bitmap is a set of block numbers.
type bitmap []uint64

func newBitmap(n int) bitmap         { return make(bitmap, (n+63)/64) }
func (m bitmap) has(i int) bool      { return m[i/64]>>(i%64)&1 == 1 }
func (m bitmap) set(i int) (is bool) { is = !m.has(i); m[i/64] |= 1 << (i % 64); return is }

func (m bitmap) count() (n int) {
	for _, w := range m {
		n += bits.OnesCount64(w)
	}
	return n
}

// ledger is a journal in memory.
type ledger struct {
	spec   PartSpec
	blocks bitmap
	leaves []Leaf
}

func newLedger(s PartSpec) *ledger {
	return &ledger{spec: s, blocks: newBitmap(s.blocks()), leaves: make([]Leaf, s.blocks())}
}

// appendHeader appends the header for s; sum is what records continue from.
func appendHeader(b []byte, s PartSpec) (_ []byte, sum uint32) {
	start := len(b)
	b = append(b, journalMagic...)
	b = binary.BigEndian.AppendUint32(b, uint32(s.BlockSize))
	b = binary.BigEndian.AppendUint64(b, uint64(s.Size))
	b = append(b, s.Identity[:]...)
	b = append(b, s.Transfer[:]...)
	b = binary.BigEndian.AppendUint64(b, s.Epoch)
	sum = crc32.Checksum(b[start:], castagnoli)
	return binary.BigEndian.AppendUint32(b, sum), sum
}

func appendRecord(b []byte, sum uint32, block int, leaf *Leaf) []byte {
	start := len(b)
	b = binary.BigEndian.AppendUint32(b, uint32(block))
	b = append(b, leaf[:]...)
	return binary.BigEndian.AppendUint32(b, crc32.Update(sum, castagnoli, b[start:]))
}

// parseHeader reads a header that may be anything.
func parseHeader(b []byte) (s PartSpec, sum uint32, err error) {
	if len(b) < headerSize || string(b[:4]) != journalMagic {
		return s, 0, errJournal
	}
	sum = crc32.Checksum(b[:headerSize-4], castagnoli)
	if binary.BigEndian.Uint32(b[headerSize-4:]) != sum {
		return s, 0, errJournal
	}
	s = PartSpec{
		BlockSize: int(binary.BigEndian.Uint32(b[4:])),
		Size:      int64(binary.BigEndian.Uint64(b[8:])),
		Epoch:     binary.BigEndian.Uint64(b[64:]),
	}
	copy(s.Identity[:], b[16:])
	copy(s.Transfer[:], b[48:])
	if s.check() != nil {
		return s, 0, errJournal
	}
	return s, sum, nil
}

// parseJournal reads a whole journal. A bad header is errJournal; bad records,
// such as a torn tail, are blocks that were never recorded: each good record
// stands for itself, as a crash may keep a later page and lose an earlier one.
func parseJournal(b []byte) (*ledger, error) {
	s, sum, err := parseHeader(b)
	if err != nil {
		return nil, err
	}
	l := newLedger(s)
	for b = b[headerSize:]; len(b) >= recordSize; b = b[recordSize:] {
		r := b[:recordSize]
		if crc32.Update(sum, castagnoli, r[:recordSize-4]) != binary.BigEndian.Uint32(r[recordSize-4:]) {
			continue
		}
		i := binary.BigEndian.Uint32(r)
		if int64(i) >= int64(s.blocks()) {
			continue
		}
		l.blocks.set(int(i))
		copy(l.leaves[i][:], r[4:])
	}
	return l, nil
}

// encode writes l as a journal of its spec.
func (l *ledger) encode() (b []byte, sum uint32) {
	b, sum = appendHeader(make([]byte, 0, headerSize+l.blocks.count()*recordSize), l.spec)
	for w, word := range l.blocks {
		for ; word != 0; word &= word - 1 {
			i := w*64 + bits.TrailingZeros64(word)
			b = appendRecord(b, sum, i, &l.leaves[i])
		}
	}
	return b, sum
}
