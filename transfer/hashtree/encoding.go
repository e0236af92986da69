package hashtree

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/bits"
)

// The leaf list on disk or wire, big endian:
//
//	"GWL1" | block size u32 | file size u64 | bitmap, one bit per block, u64 words |
//	the known leaves in block order, 32 bytes each | CRC-32C of all before
const (
	magic      = "GWL1"
	headerSize = 4 + 4 + 8
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// AppendBinary appends the leaf list to b. It implements
// encoding.BinaryAppender and never fails.
func (t *Tree) AppendBinary(b []byte) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	start := len(b)
	b = append(b, magic...)
	b = binary.BigEndian.AppendUint32(b, uint32(t.BlockSize()))
	b = binary.BigEndian.AppendUint64(b, uint64(t.size))
	for _, w := range t.have {
		b = binary.BigEndian.AppendUint64(b, w)
	}
	for w, word := range t.have {
		for ; word != 0; word &= word - 1 {
			b = append(b, t.leaves[w*64+bits.TrailingZeros64(word)][:]...)
		}
	}
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli)), nil
}

// MarshalBinary is AppendBinary into a new slice.
func (t *Tree) MarshalBinary() ([]byte, error) { return t.AppendBinary(nil) }

// Parse reads what AppendBinary wrote; b must hold exactly one list. Anything
// else is ErrEncoding or ErrGeometry. Memory use is bounded by 256 × len(b): a short
// input that claims a huge file is refused before anything is allocated.
func Parse(b []byte) (*Tree, error) {
	if len(b) < headerSize+4 || string(b[:4]) != magic {
		return nil, fmt.Errorf("no header: %w", ErrEncoding)
	}
	body, sum := b[:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])
	if crc32.Checksum(body, castagnoli) != sum {
		return nil, fmt.Errorf("checksum differs: %w", ErrEncoding)
	}
	blockSize, size := binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint64(b[8:])
	if blockSize > MaxBlockSize || size > MaxSize {
		return nil, fmt.Errorf("file of %d bytes in blocks of %d: %w", size, blockSize, ErrGeometry)
	}
	g, err := NewGeometry(int64(size), int(blockSize))
	if err != nil {
		return nil, err
	}
	n := g.Blocks()
	words := (n + 63) / 64
	body = body[headerSize:]
	if len(body) < words*8 {
		return nil, fmt.Errorf("bitmap cut short: %w", ErrEncoding)
	}
	t := &Tree{Geometry: g, have: make([]uint64, words)}
	for i := range t.have {
		t.have[i] = binary.BigEndian.Uint64(body[i*8:])
		t.known += bits.OnesCount64(t.have[i])
	}
	if r := n % 64; r != 0 && t.have[words-1]>>r != 0 {
		return nil, fmt.Errorf("bits past the last block: %w", ErrEncoding)
	}
	if body = body[words*8:]; len(body) != t.known*len(Hash{}) {
		return nil, fmt.Errorf("%d bytes of leaves for %d blocks: %w", len(body), t.known, ErrEncoding)
	}
	t.leaves = make([]Hash, n)
	for w, word := range t.have {
		for ; word != 0; word &= word - 1 {
			body = body[copy(t.leaves[w*64+bits.TrailingZeros64(word)][:], body):]
		}
	}
	return t, nil
}
