package hashtree

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"lukechampine.com/blake3"
)

// pattern is the input of the official test vectors: bytes counting 0…250.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i % 251)
	}
	return b
}

func noise(n int, seed uint64) []byte {
	var key [32]byte
	key[0], key[1] = byte(seed), byte(seed>>8)
	b := make([]byte, n)
	rand.NewChaCha8(key).Read(b)
	return b
}

// rootOf adds the blocks of data in the given order and returns the root.
func rootOf(t *testing.T, data []byte, blockSize int, order func(int) []int) Hash {
	t.Helper()
	tree, err := New(int64(len(data)), blockSize)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range order(tree.Blocks()) {
		off, n := tree.Span(i)
		tree.Add(i, data[off:off+int64(n)])
	}
	root, err := tree.Root()
	if err != nil {
		t.Fatalf("%d bytes: %v", len(data), err)
	}
	return root
}

func backwards(n int) []int {
	o := make([]int, n)
	for i := range o {
		o[i] = n - 1 - i
	}
	return o
}

func TestRootEqualsOfficialVectors(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Cases []struct {
			InputLen int `json:"input_len"`
			Hash     string
		}
	}
	if err := json.Unmarshal(raw, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors.Cases) < 20 {
		t.Fatalf("only %d vectors", len(vectors.Cases))
	}
	for _, c := range vectors.Cases {
		data := pattern(c.InputLen)
		for _, bs := range []int{MinBlockSize, 2 * MinBlockSize, DefaultBlockSize} {
			if got := rootOf(t, data, bs, backwards).String(); got != c.Hash[:64] {
				t.Errorf("%d bytes in blocks of %d: %s, want %s", c.InputLen, bs, got, c.Hash[:64])
			}
		}
		if got := Sum(data).String(); got != c.Hash[:64] {
			t.Errorf("Sum of %d bytes: %s, want %s", c.InputLen, got, c.Hash[:64])
		}
	}
}

func TestRootEqualsWholeFileHashAroundEveryEdge(t *testing.T) {
	t.Parallel()
	data := noise(9*MinBlockSize+4096, 1)
	sizes := map[int]bool{}
	for _, unit := range []int{64, 1024, MinBlockSize} {
		for _, k := range []int{0, 1, 2, 3, 4, 5, 7, 8, 9} {
			for d := -1; d <= 1; d++ {
				if n := unit*k + d; n >= 0 {
					sizes[n] = true
				}
			}
		}
	}
	for k := range 9 {
		for c := range 17 {
			sizes[k*MinBlockSize+c*1024+c%3] = true
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range sizes {
		want := Hash(blake3.Sum256(data[:n]))
		for _, bs := range []int{MinBlockSize, 4 * MinBlockSize} {
			if got := rootOf(t, data[:n], bs, rng.Perm); got != want {
				t.Errorf("%d bytes in blocks of %d: %v, want %v", n, bs, got, want)
			}
		}
	}
}

func TestRootOfLargeFileFromManyGoroutines(t *testing.T) {
	t.Parallel()
	data := noise(7*DefaultBlockSize+12345, 3)
	tree, err := New(int64(len(data)), DefaultBlockSize)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range tree.Blocks() {
		wg.Go(func() {
			off, n := tree.Span(i)
			tree.Add(i, data[off:off+int64(n)])
		})
	}
	wg.Wait()
	if got, err := tree.Root(); err != nil || got != Hash(blake3.Sum256(data)) {
		t.Fatalf("root %v, %v", got, err)
	}
}

func TestRootEqualsB3sum(t *testing.T) {
	t.Parallel()
	b3sum, err := exec.LookPath("b3sum")
	if err != nil {
		t.Skip("b3sum is not installed")
	}
	data := noise(3*DefaultBlockSize+1, 4)
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), b3sum, name).Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := rootOf(t, data, DefaultBlockSize, backwards).String(); !strings.HasPrefix(string(out), got) {
		t.Fatalf("root %s, b3sum %s", got, out)
	}
}

func TestRootNamesMissingBlocks(t *testing.T) {
	t.Parallel()
	data := noise(200*MinBlockSize-5, 5)
	tree, err := New(int64(len(data)), MinBlockSize)
	if err != nil {
		t.Fatal(err)
	}
	for i := range tree.Blocks() {
		off, n := tree.Span(i)
		tree.Add(i, data[off:off+int64(n)])
	}
	if got := tree.NextMissing(0); got != 200 {
		t.Fatalf("complete tree misses %d", got)
	}
	tree.Clear(3)
	tree.Clear(3)
	tree.Clear(128)
	if _, err := tree.Root(); !errors.Is(err, ErrIncomplete) {
		t.Fatalf("root of an incomplete tree: %v", err)
	}
	if tree.Missing() != 2 || tree.NextMissing(0) != 3 || tree.NextMissing(4) != 128 || tree.NextMissing(129) != 200 {
		t.Fatalf("missing %d: %d %d %d", tree.Missing(), tree.NextMissing(0), tree.NextMissing(4), tree.NextMissing(129))
	}
	if _, ok := tree.Known(3); ok {
		t.Fatal("cleared leaf is still known")
	}
}

func TestLeafOfABlockThatIsFilledMeanwhile(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 1024, partSize - 1, partSize, partSize + 1, 3*partSize + 77, DefaultBlockSize - 1024, DefaultBlockSize} {
		data := noise(DefaultBlockSize+n, 10)
		g, err := NewGeometry(int64(len(data)), DefaultBlockSize)
		if err != nil {
			t.Fatal(err)
		}
		block, filled := make([]byte, n), 0
		got, err := g.LeafOf(1, block, func(part []byte, at int) error {
			if at != filled || &part[0] != &block[at] || len(part) > partSize {
				t.Errorf("block of %d bytes: %d at %d, want some at %d", n, len(part), at, filled)
			}
			filled += copy(part, data[DefaultBlockSize+at:])
			return nil
		})
		if want := g.Leaf(1, data[DefaultBlockSize:]); err != nil || filled != n || got != want {
			t.Errorf("block of %d bytes: %d filled, leaf %v, want %v, %v", n, filled, got, want, err)
		}
	}
}

func TestLeafOfABlockThatCannotBeFilled(t *testing.T) {
	t.Parallel()
	g, err := NewGeometry(2*DefaultBlockSize, DefaultBlockSize)
	if err != nil {
		t.Fatal(err)
	}
	for fails := range DefaultBlockSize / partSize {
		calls := 0
		_, err := g.LeafOf(0, make([]byte, DefaultBlockSize), func(_ []byte, at int) error {
			calls++
			if at == fails*partSize {
				return ErrIncomplete
			}
			return nil
		})
		if !errors.Is(err, ErrIncomplete) || calls != fails+1 {
			t.Errorf("part %d: %d calls, %v", fails, calls, err)
		}
	}
}

func TestChangedByteChangesOnlyItsLeaf(t *testing.T) {
	t.Parallel()
	data := noise(5*MinBlockSize, 6)
	g, err := NewGeometry(int64(len(data)), MinBlockSize)
	if err != nil {
		t.Fatal(err)
	}
	leaves := func() (hs []Hash) {
		for i := range g.Blocks() {
			off, n := g.Span(i)
			hs = append(hs, g.Leaf(i, data[off:off+int64(n)]))
		}
		return hs
	}
	before := leaves()
	data[2*MinBlockSize+77] ^= 1
	for i, h := range leaves() {
		if (h != before[i]) != (i == 2) {
			t.Errorf("leaf %d: %v, before %v", i, h, before[i])
		}
	}
}

func TestLeafListSurvivesEncoding(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, MinBlockSize, 63 * MinBlockSize, 64 * MinBlockSize, 65*MinBlockSize + 9} {
		data := noise(n, 7)
		tree, err := New(int64(n), MinBlockSize)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < tree.Blocks(); i += 2 {
			off, l := tree.Span(i)
			tree.Add(i, data[off:off+int64(l)])
		}
		b, _ := tree.MarshalBinary()
		again, err := Parse(b)
		if err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		for i := 1; i < tree.Blocks(); i += 2 {
			off, l := tree.Span(i)
			again.Add(i, data[off:off+int64(l)])
		}
		if got, err := again.Root(); err != nil || got != Sum(data) {
			t.Errorf("%d bytes: root %v, %v", n, got, err)
		}
		for i := range b {
			bad := bytes.Clone(b)
			bad[i] ^= 0x40
			if _, err := Parse(bad); err == nil {
				t.Fatalf("flipped bit in byte %d of %d went unnoticed", i, len(b))
			}
		}
	}
}

func TestGeometryRefusesImpossibleSizes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		size  int64
		block int
	}{{-1, DefaultBlockSize}, {1, 0}, {1, -MinBlockSize}, {1, MinBlockSize - 1}, {1, 3 * MinBlockSize}, {1, 2 * MaxBlockSize}, {MaxBlocks*MinBlockSize + 1, MinBlockSize}} {
		if _, err := New(c.size, c.block); !errors.Is(err, ErrGeometry) {
			t.Errorf("size %d, block %d: %v", c.size, c.block, err)
		}
	}
}

func TestBlockSizeKeepsLeafListSmall(t *testing.T) {
	t.Parallel()
	for _, size := range []int64{0, 1, 1 << 40, 1<<40 + 1, MaxSize} {
		g, err := NewGeometry(size, BlockSizeFor(size))
		if err != nil || g.Blocks() > MaxBlocks {
			t.Errorf("%d bytes: %d blocks, %v", size, g.Blocks(), err)
		}
	}
	if BlockSizeFor(1<<40) != DefaultBlockSize || BlockSizeFor(1<<40+1) != 2*DefaultBlockSize {
		t.Error("block size does not double at a tebibyte")
	}
}

func TestLeafDoesNotAllocate(t *testing.T) {
	data := noise(DefaultBlockSize+MinBlockSize+777, 8)
	tree, err := New(int64(len(data)), DefaultBlockSize)
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(20, func() { tree.Add(0, data[:DefaultBlockSize]) }); n > 0 {
		t.Errorf("%v allocations per block", n)
	}
}

func FuzzParse(f *testing.F) {
	for _, n := range []int64{0, 1, 3 * MinBlockSize} {
		tree, err := New(n, MinBlockSize)
		if err != nil {
			f.Fatal(err)
		}
		tree.Set(0, Hash{1, 2, 3})
		b, _ := tree.MarshalBinary()
		f.Add(b)
	}
	f.Add([]byte("GWL1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := Parse(b); err != nil && len(b) > headerSize+4 {
			// A fuzzer never guesses a checksum: help it.
			b = bytes.Clone(b)
			copy(b, magic)
			binary.BigEndian.PutUint32(b[len(b)-4:], crc32.Checksum(b[:len(b)-4], castagnoli))
		}
		tree, err := Parse(b)
		if err != nil {
			if !errors.Is(err, ErrEncoding) && !errors.Is(err, ErrGeometry) {
				t.Fatal(err)
			}
			return
		}
		again, err := tree.MarshalBinary()
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("parsed list encodes as %x (%v), was %x", again, err, b)
		}
	})
}

// BenchmarkLeaf hashes a block that is in the cache, and blocks that come from
// memory as those of a transfer do.
func BenchmarkLeaf(b *testing.B) {
	for _, c := range []struct {
		name   string
		blocks int
	}{{"cached", 1}, {"memory", 256}} {
		b.Run(c.name, func(b *testing.B) {
			data := make([]byte, c.blocks*DefaultBlockSize)
			for i := 0; i < len(data); i += 4096 {
				data[i] = 1 // before, all pages are the same one
			}
			g, err := NewGeometry(int64(len(data))+1, DefaultBlockSize)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(DefaultBlockSize)
			b.ReportAllocs()
			for i := 0; b.Loop(); i = (i + 1) % c.blocks {
				g.Leaf(i, data[i*DefaultBlockSize:(i+1)*DefaultBlockSize])
			}
		})
	}
}

func BenchmarkRoot(b *testing.B) {
	tree, err := New(1<<40, DefaultBlockSize)
	if err != nil {
		b.Fatal(err)
	}
	for i := range tree.Blocks() {
		tree.Set(i, Hash{byte(i)})
	}
	for b.Loop() {
		if _, err := tree.Root(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(tree.Blocks()), "ns/leaf")
}
