package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		receiveUntilKilled()
		return
	}
	goleak.VerifyTestMain(m)
}

const block = 1024

// newTree returns a tree in a fresh directory.
func newTree(t *testing.T) (*Tree, string) {
	t.Helper()
	dir := t.TempDir()
	return openTree(t, dir), dir
}

func openTree(t *testing.T, dir string) *Tree {
	t.Helper()
	tree, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tree.Close() })
	return tree
}

func noise(n int, seed uint64) []byte {
	b := make([]byte, n+8)
	rng := rand.New(rand.NewPCG(seed, 7))
	for i := 0; i < n; i += 8 {
		binary.LittleEndian.PutUint64(b[i:], rng.Uint64())
	}
	return b[:n]
}

// specFor describes content to the receiving side: another seed is another source.
func specFor(content []byte, source byte) PartSpec {
	return PartSpec{Size: int64(len(content)), BlockSize: block, Identity: Identity{source}, Transfer: [16]byte{1}, Epoch: 1}
}

func leafOf(content []byte, i int) (l Leaf) {
	binary.BigEndian.PutUint32(l[:], uint32(i))
	copy(l[4:], blockOf(content, i))
	return l
}

func blockOf(content []byte, i int) []byte {
	return content[i*block : min((i+1)*block, len(content))]
}

// put writes and marks the given blocks of content.
func put(p *Part, content []byte, blocks ...int) error {
	for _, i := range blocks {
		if _, err := p.WriteAt(blockOf(content, i), int64(i)*block); err != nil {
			return err
		}
		p.Mark(i, leafOf(content, i))
	}
	return nil
}

// finish writes what is missing of content and commits it.
func finish(ctx context.Context, p *Part, content []byte, m Meta) error {
	have := map[int]bool{}
	for i := range p.Marked() {
		have[i] = true
	}
	for i := range p.spec.blocks() {
		if !have[i] {
			if err := put(p, content, i); err != nil {
				return err
			}
		}
	}
	if _, err := p.Sync(); err != nil {
		return err
	}
	return p.Commit(ctx, m)
}

func mustOpen(t *testing.T, tree *Tree, p string, s PartSpec) *Part {
	t.Helper()
	part, err := tree.OpenPart(t.Context(), p, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = part.Close() })
	return part
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t *testing.T, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("error is %v, want %v", err, target)
	}
}

func wantFile(t *testing.T, name string, content []byte) {
	t.Helper()
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, content) {
		t.Fatalf("%s has %d bytes that differ from the %d expected", name, len(got), len(content))
	}
}

// names lists the files in dir, own ones shortened to their suffix.
func names(t *testing.T, dir string) string {
	t.Helper()
	list, err := os.ReadDir(dir)
	check(t, err)
	var out []string
	for _, e := range list {
		name := e.Name()
		if reserved(name) {
			name = "*" + filepath.Ext(name)
		}
		out = append(out, name)
	}
	return strings.Join(out, " ")
}

func write(t *testing.T, name string, content []byte) {
	t.Helper()
	check(t, os.MkdirAll(filepath.Dir(name), 0o755))
	check(t, os.WriteFile(name, content, 0o644))
}

func symlink(t *testing.T, target, name string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("symbolic links need a privilege on Windows")
	}
	check(t, os.MkdirAll(filepath.Dir(name), 0o755))
	check(t, os.Symlink(target, name))
}
