// Package fileset makes the trees of files that transfers are measured with.
// Contents are random bytes, so that nothing compresses; the same name and seed
// give the same tree on every machine.
package fileset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// Set is a kind of tree.
type Set struct {
	Name  string
	Files int
	About string // for a person

	perDirectory int
	sizes        func(r *rand.Rand, n int) []int64
}

// Sets are the sets of the published results, largest files first.
var Sets = []Set{
	{"big", 1, "one file of 1 GiB", 1, func(*rand.Rand, int) []int64 { return []int64{1 << 30} }},
	{"small", 5000, "5,000 files of 3 KB to 2 MB, log-normal, mean 91 KB, 454 MB in all", 100, func(r *rand.Rand, n int) []int64 { return logNormal(r, n, 3000, 2e6, 454e6) }},
	{"tiny", 100000, "100,000 files of 1 to 10 KB", 1000, func(r *rand.Rand, n int) []int64 { return uniform(r, n, 1000, 10000) }},
}

// Named is the set of this name.
func Named(name string) (Set, error) {
	for _, s := range Sets {
		if s.Name == name {
			return s, nil
		}
	}
	return Set{}, fmt.Errorf("there is no set %q: big, small and tiny are", name)
}

// Scaled is the same kind of tree with fewer files or, for a single file, fewer bytes.
func (s Set) Scaled(by int) Set {
	if by <= 1 {
		return s
	}
	whole := s.sizes
	if s.Files == 1 {
		s.sizes = func(r *rand.Rand, n int) []int64 { return []int64{whole(r, n)[0] / int64(by)} }
		return s
	}
	all := s.Files
	s.Files /= by
	s.sizes = func(r *rand.Rand, n int) []int64 { return whole(r, all)[:n] }
	return s
}

// Sizes are the sizes of the set's files, in the order of their names.
func (s Set) Sizes(seed uint64) []int64 {
	return s.sizes(rand.New(rand.NewPCG(seed, uint64(s.Files))), s.Files)
}

// Bytes is the sum of Sizes.
func (s Set) Bytes(seed uint64) int64 {
	var all int64
	for _, n := range s.Sizes(seed) {
		all += n
	}
	return all
}

// Make makes the tree at dir. A tree that it made there before, completely,
// stays.
func (s Set) Make(dir string, seed uint64) error {
	stamp := dir + ".made"
	said := fmt.Sprintf("%s %d files, %d bytes, seed %d\n", s.Name, s.Files, s.Bytes(seed), seed)
	if text, err := os.ReadFile(stamp); err == nil && string(text) == said {
		return nil
	}
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		return fmt.Errorf("set %s: %w", s.Name, err)
	}
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	source := rand.NewChaCha8(key)
	buffer := make([]byte, 1<<20)
	for i, size := range s.Sizes(seed) {
		at := filepath.Join(dir, s.name(i))
		if i%s.perDirectory == 0 {
			if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
				return fmt.Errorf("set %s: %w", s.Name, err)
			}
		}
		if err := write(at, size, source, buffer); err != nil {
			return fmt.Errorf("set %s: %w", s.Name, err)
		}
	}
	return os.WriteFile(stamp, []byte(said), 0o644)
}

// name is the i-th file's path in the tree.
func (s Set) name(i int) string {
	if s.Files == 1 {
		return s.Name + ".bin"
	}
	return filepath.Join(fmt.Sprintf("d%03d", i/s.perDirectory), fmt.Sprintf("f%06d.bin", i))
}

func write(at string, size int64, source *rand.ChaCha8, buffer []byte) error {
	f, err := os.Create(at)
	if err != nil {
		return err
	}
	for size > 0 {
		n := min(size, int64(len(buffer)))
		_, _ = source.Read(buffer[:n]) // never fails, as documented
		if _, err := f.Write(buffer[:n]); err != nil {
			return errors.Join(err, f.Close())
		}
		size -= n
	}
	return f.Close()
}

func uniform(r *rand.Rand, n int, low, high int64) []int64 {
	sizes := make([]int64, n)
	for i := range sizes {
		sizes[i] = low + r.Int64N(high-low+1)
	}
	return sizes
}

// logNormal draws n sizes between low and high whose sum is total to a
// thousandth: the median is sought that gives it.
func logNormal(r *rand.Rand, n int, low, high, total float64) []int64 {
	const spread = 1.2 // standard deviation of the logarithm: most files are small, most bytes in large ones
	draws := make([]float64, n)
	for i := range draws {
		draws[i] = r.NormFloat64()
	}
	sizes := make([]int64, n)
	below, above := math.Log(low), math.Log(high)
	for range 60 {
		middle, sum := (below+above)/2, 0.0
		for i, d := range draws {
			size := math.Min(math.Max(math.Exp(middle+spread*d), low), high)
			sizes[i] = int64(size)
			sum += size
		}
		if sum < total {
			below = middle
		} else {
			above = middle
		}
	}
	return sizes
}

// ErrDifferent says that two trees are not the same.
var ErrDifferent = errors.New("trees differ")

// Compare reads both trees and fails with ErrDifferent where a file of one is
// missing in the other or has other bytes.
func Compare(a, b string) error {
	count := func(dir string) (n int, err error) {
		err = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
			if err == nil && e.Type().IsRegular() {
				n++
			}
			return err
		})
		return n, err
	}
	there, err := count(b)
	if err != nil {
		return fmt.Errorf("compare: %w", err)
	}
	here := 0
	x, y := make([]byte, 1<<20), make([]byte, 1<<20)
	err = filepath.WalkDir(a, func(at string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		here++
		name, err := filepath.Rel(a, at)
		if err != nil {
			return err
		}
		same, err := equal(at, filepath.Join(b, name), x, y)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: %s did not arrive", ErrDifferent, name)
		}
		if err == nil && !same {
			return fmt.Errorf("%w: %s has other bytes", ErrDifferent, name)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("compare: %w", err)
	}
	if here != there {
		return fmt.Errorf("compare: %w: %d files became %d", ErrDifferent, here, there)
	}
	return nil
}
