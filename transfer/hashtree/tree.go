package hashtree

import (
	"fmt"
	"math/bits"
	"sync"

	"lukechampine.com/blake3/guts"
)

// Tree collects the leaves of one file. All methods may be called concurrently;
// hashing happens outside the lock, so goroutines that add different blocks
// scale with cores.
type Tree struct {
	Geometry

	mu     sync.Mutex
	leaves []Hash
	have   []uint64
	known  int
}

// New returns an empty tree. For an empty file the one leaf is already known,
// so Root answers at once. The error is ErrGeometry.
func New(size int64, blockSize int) (*Tree, error) {
	g, err := NewGeometry(size, blockSize)
	if err != nil {
		return nil, err
	}
	n := g.Blocks()
	t := &Tree{Geometry: g, leaves: make([]Hash, n), have: make([]uint64, (n+63)/64)}
	if size == 0 {
		t.Add(0, nil)
	}
	return t, nil
}

// Sum is the hash of data in one call: what b3sum prints.
func Sum(data []byte) Hash { return finish(subtree(data, 0)) }

// Add hashes block i and keeps its leaf, replacing one known before. It panics
// as Leaf does when block has the wrong length.
func (t *Tree) Add(i int, block []byte) Hash {
	h := t.Geometry.Leaf(i, block)
	t.Set(i, h)
	return h
}

// Set keeps a leaf known from elsewhere, such as a resume journal.
func (t *Tree) Set(i int, leaf Hash) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.leaves[i] = leaf
	if w, b := i/64, uint64(1)<<(i%64); t.have[w]&b == 0 {
		t.have[w] |= b
		t.known++
	}
}

// Clear forgets the leaf of block i, because the source changed or the block
// failed its check.
func (t *Tree) Clear(i int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if w, b := i/64, uint64(1)<<(i%64); t.have[w]&b != 0 {
		t.have[w] &^= b
		t.known--
	}
}

// Known returns the leaf of block i, and whether it is known.
func (t *Tree) Known(i int) (Hash, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.have[i/64]>>(i%64)&1 == 0 {
		return Hash{}, false
	}
	return t.leaves[i], true
}

// Missing counts the blocks whose leaf is not known.
func (t *Tree) Missing() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.leaves) - t.known
}

// NextMissing returns the first block at or after i whose leaf is not known,
// and Blocks() when there is none.
func (t *Tree) NextMissing(i int) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i < len(t.leaves) {
		if w := ^t.have[i/64] >> (i % 64); w != 0 {
			return min(i+bits.TrailingZeros64(w), len(t.leaves))
		}
		i += 64 - i%64
	}
	return len(t.leaves)
}

// Root merges the leaves into the hash of the whole file, or returns
// ErrIncomplete. It costs about 0.1 µs per block.
func (t *Tree) Root() (Hash, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known < len(t.leaves) {
		return Hash{}, fmt.Errorf("%d of %d: %w", len(t.leaves)-t.known, len(t.leaves), ErrIncomplete)
	}
	if len(t.leaves) == 1 {
		return t.leaves[0], nil
	}
	return finish(merge(t.leaves)), nil
}

// merge returns the parent node over at least two leaves.
func merge(leaves []Hash) guts.Node {
	left := leftLen(len(leaves))
	return guts.ParentNode(mergeCV(leaves[:left]), mergeCV(leaves[left:]), &guts.IV, 0)
}

func mergeCV(leaves []Hash) [8]uint32 {
	if len(leaves) == 1 {
		return toCV(&leaves[0])
	}
	return guts.ChainingValue(merge(leaves))
}
