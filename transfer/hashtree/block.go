package hashtree

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math/bits"
	"sync"

	"lukechampine.com/blake3/guts"
)

const (
	// MinBlockSize is the smallest block: what one call of the vector code digests.
	MinBlockSize = guts.MaxSIMD * guts.ChunkSize
	// DefaultBlockSize is the block of files up to DefaultBlockSize × MaxBlocks.
	DefaultBlockSize = 1 << 20
	// MaxBlockSize bounds what a peer may ask one side to hold in memory at once.
	MaxBlockSize = 64 << 20
	// MaxBlocks bounds the leaves of one file (32 MiB of them at 32 bytes).
	MaxBlocks = 1 << 20
	// MaxSize is the largest file: MaxBlocks blocks of MaxBlockSize bytes, 64 TiB.
	MaxSize = MaxBlocks * MaxBlockSize
)

// Errors of this package; test with errors.Is.
var (
	ErrGeometry   = errors.New("impossible file or block size")
	ErrIncomplete = errors.New("blocks are missing")
	ErrEncoding   = errors.New("malformed leaf list")
)

// Hash is a root or a leaf: 32 bytes in BLAKE3's byte order.
type Hash [32]byte

// String gives the 64 lower-case hex digits that b3sum prints.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// BlockSizeFor gives the block size that both sides use for a file of size
// bytes: DefaultBlockSize, doubled until at most MaxBlocks blocks are needed.
func BlockSizeFor(size int64) int {
	b := int64(DefaultBlockSize)
	for size > b*MaxBlocks && b < MaxBlockSize {
		b *= 2
	}
	return int(b)
}

// Geometry says how a file is cut into blocks. The zero value is not valid;
// use NewGeometry. It is immutable and safe for concurrent use.
type Geometry struct {
	size  int64
	shift uint
}

// NewGeometry checks sizes that may come from a peer. blockSize must be a power
// of two between MinBlockSize and MaxBlockSize, and size at most MaxBlocks
// blocks; otherwise the error is ErrGeometry.
func NewGeometry(size int64, blockSize int) (Geometry, error) {
	if blockSize < MinBlockSize || blockSize > MaxBlockSize || blockSize&(blockSize-1) != 0 {
		return Geometry{}, fmt.Errorf("block size %d: %w", blockSize, ErrGeometry)
	}
	if size < 0 || size > int64(blockSize)*MaxBlocks {
		return Geometry{}, fmt.Errorf("file of %d bytes in blocks of %d: %w", size, blockSize, ErrGeometry)
	}
	return Geometry{size: size, shift: uint(bits.TrailingZeros(uint(blockSize)))}, nil
}

// Size is the file's size in bytes.
func (g Geometry) Size() int64 { return g.size }

// BlockSize is the size in bytes of every block but the last.
func (g Geometry) BlockSize() int { return 1 << g.shift }

// Blocks is the number of blocks; an empty file has one, of no bytes.
func (g Geometry) Blocks() int {
	if g.size == 0 {
		return 1
	}
	return int((g.size-1)>>g.shift) + 1
}

// Span gives the offset and length of block i.
func (g Geometry) Span(i int) (off int64, n int) {
	off = int64(i) << g.shift
	return off, int(min(g.size-off, 1<<g.shift))
}

// Leaf hashes block i. It is pure, does not allocate and may be called from any
// number of goroutines; it panics when len(block) is not the block's length,
// which is the caller's mistake and never a peer's.
func (g Geometry) Leaf(i int, block []byte) Hash {
	leaf, _ := g.LeafOf(i, block, nil)
	return leaf
}

// LeafOf is Leaf of a block that comes into being meanwhile: before it hashes a part
// of block it calls fill with that part and its offset in the block, one after the
// other. Parts are small enough to be hashed out of the cache that filling them
// brought them into. The error is fill's.
func (g Geometry) LeafOf(i int, block []byte, fill func(part []byte, at int) error) (Hash, error) {
	off, n := g.Span(i)
	if i < 0 || i >= g.Blocks() || len(block) != n {
		panic(fmt.Sprintf("hashtree: block %d of %d has %d bytes, want %d", i, g.Blocks(), len(block), n))
	}
	node, err := filled(block, 0, uint64(off)/guts.ChunkSize, fill)
	if err != nil {
		return Hash{}, err
	}
	if g.Blocks() == 1 {
		return finish(node), nil
	}
	return toHash(guts.ChainingValue(node)), nil
}

// partSize is what is filled at once: a part of what a core's own cache holds.
const partSize = 8 * MinBlockSize

// filled is subtree of the part of a block that begins at the offset at.
func filled(data []byte, at int, counter uint64, fill func([]byte, int) error) (guts.Node, error) {
	if fill == nil {
		return subtree(data, counter), nil
	}
	if len(data) <= partSize {
		if err := fill(data, at); err != nil {
			return guts.Node{}, err
		}
		return subtree(data, counter), nil
	}
	n := leftLen(len(data))
	left, err := filled(data[:n], at, counter, fill)
	if err != nil {
		return guts.Node{}, err
	}
	right, err := filled(data[n:], at+n, counter+uint64(n)/guts.ChunkSize, fill)
	return guts.ParentNode(guts.ChainingValue(left), guts.ChainingValue(right), &guts.IV, 0), err
}

// vector is the input of one call of the vector code, which reads all of it
// even when the data ends earlier.
type vector = [MinBlockSize]byte

var tails = sync.Pool{New: func() any { return new(vector) }}

// subtree returns the top node of the BLAKE3 tree over data, whose first byte
// belongs to chunk number counter.
func subtree(data []byte, counter uint64) guts.Node {
	switch {
	case len(data) < 2*guts.ChunkSize || !useWide():
		return narrow(data, counter)
	case len(data) <= partSize:
		return wide(data, counter)
	}
	left := leftLen(len(data))
	return guts.ParentNode(
		guts.ChainingValue(subtree(data[:left], counter)),
		guts.ChainingValue(subtree(data[left:], counter+uint64(left)/guts.ChunkSize)),
		&guts.IV, 0)
}

// narrow is subtree for any processor.
func narrow(data []byte, counter uint64) guts.Node {
	switch {
	case len(data) == MinBlockSize:
		fetch(data)
		return guts.CompressBuffer((*vector)(data), MinBlockSize, &guts.IV, counter, 0)
	case len(data) <= guts.ChunkSize:
		return guts.CompressChunk(data, &guts.IV, counter, 0)
	case len(data) < MinBlockSize:
		v := tails.Get().(*vector)
		defer tails.Put(v)
		copy(v[:], data) // fetches it as well
		return guts.CompressBuffer(v, len(data), &guts.IV, counter, 0)
	}
	left := leftLen(len(data))
	return guts.ParentNode(
		guts.ChainingValue(narrow(data[:left], counter)),
		guts.ChainingValue(narrow(data[left:], counter+uint64(left)/guts.ChunkSize)),
		&guts.IV, 0)
}

// cacheLine is the unit in which memory is fetched.
const cacheLine = 64

// fetch brings data into the cache, in one direction, which the processor sees and
// runs ahead of. The vector code reads sixteen places at once, a line of each, which
// it does not: alone it waits for memory half of its time. The sum is there so that
// the reads are.
//
//go:noinline
func fetch(data []byte) (sum byte) {
	for i := 0; i < len(data); i += cacheLine {
		sum += data[i]
	}
	return sum
}

// leftLen is the largest power of two below n: where BLAKE3 splits n units.
// n must be at least 2.
func leftLen(n int) int { return 1 << (bits.Len(uint(n-1)) - 1) }

// finish turns a top node into the hash of the whole input.
func finish(n guts.Node) Hash {
	n.Flags |= guts.FlagRoot
	words := guts.CompressNode(n)
	return toHash([8]uint32(words[:8]))
}

func toHash(cv [8]uint32) (h Hash) {
	for i, w := range cv {
		h[4*i], h[4*i+1], h[4*i+2], h[4*i+3] = byte(w), byte(w>>8), byte(w>>16), byte(w>>24)
	}
	return h
}

func toCV(h *Hash) (cv [8]uint32) {
	for i := range cv {
		cv[i] = uint32(h[4*i]) | uint32(h[4*i+1])<<8 | uint32(h[4*i+2])<<16 | uint32(h[4*i+3])<<24
	}
	return cv
}
