package store

import (
	"fmt"
	"testing"
	"time"
)

func benchTree(b *testing.B) *Tree {
	b.Helper()
	tree, err := Open(b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = tree.Close() })
	return tree
}

// BenchmarkWriteAt overwrites one megabyte, so the disk has no part in it.
func BenchmarkWriteAt(b *testing.B) {
	tree := benchTree(b)
	p, err := tree.OpenPart(b.Context(), "f", PartSpec{Size: 1 << 20, BlockSize: 1 << 20})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	data := noise(1<<20, 1)
	b.SetBytes(1 << 20)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.WriteAt(data, 0); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFence(b *testing.B) {
	tree := benchTree(b)
	p, err := tree.OpenPart(b.Context(), "f", PartSpec{Size: 1 << 20, BlockSize: 1 << 20})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	b.ReportAllocs()
	for b.Loop() {
		if err := p.fence(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBatch makes files of 4 KiB durable, a thousand at a time, in ten
// directories.
func BenchmarkBatch(b *testing.B) {
	tree := benchTree(b)
	data := noise(4096, 1)
	n := 0
	var flushing time.Duration
	b.ReportAllocs()
	for b.Loop() {
		batch := tree.NewBatch()
		for range 1000 {
			n++
			if err := batch.Add(uint64(n), fmt.Sprintf("d%d/f%d", n%10, n), data, Meta{Mode: 0o644}); err != nil {
				b.Fatal(err)
			}
		}
		start := time.Now()
		if err := batch.Flush(b.Context(), nil); err != nil {
			b.Fatal(err)
		}
		flushing += time.Since(start)
	}
	b.ReportMetric(flushing.Seconds()/b.Elapsed().Seconds(), "flushing")
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "files/s")
}

func BenchmarkScan(b *testing.B) {
	tree := benchTree(b)
	batch := tree.NewBatch()
	for i := range 20_000 {
		if err := batch.Add(0, fmt.Sprintf("d%d/e%d/f%d", i%20, i%200, i), nil, Meta{Mode: 0o644}); err != nil {
			b.Fatal(err)
		}
	}
	if err := batch.Flush(b.Context(), nil); err != nil {
		b.Fatal(err)
	}
	n := 0
	for b.Loop() {
		for _, err := range tree.Scan(b.Context(), ScanOptions{}) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "entries/s")
}

func BenchmarkReadAt(b *testing.B) {
	tree := benchTree(b)
	batch := tree.NewBatch()
	if err := batch.Add(0, "f", noise(1<<20, 1), Meta{Mode: 0o644}); err != nil {
		b.Fatal(err)
	}
	if err := batch.Flush(b.Context(), nil); err != nil {
		b.Fatal(err)
	}
	e, err := tree.Stat("f")
	if err != nil {
		b.Fatal(err)
	}
	f, err := tree.OpenFile(e)
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 64<<10)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.ReadAt(buf, 128<<10); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReceive is the life of a large part: 256 MiB in megabytes, a Sync for
// each 64 MiB, a Commit.
func BenchmarkReceive(b *testing.B) {
	tree := benchTree(b)
	const size = 256 << 20
	data := noise(1<<20, 1)
	b.SetBytes(size)
	for b.Loop() {
		p, err := tree.OpenPart(b.Context(), "f", PartSpec{Size: size, BlockSize: 1 << 20})
		if err != nil {
			b.Fatal(err)
		}
		for i := range size >> 20 {
			if _, err := p.WriteAt(data, int64(i)<<20); err != nil {
				b.Fatal(err)
			}
			p.Mark(i, Leaf{})
			if i%64 == 63 {
				if _, err := p.Sync(); err != nil {
					b.Fatal(err)
				}
			}
		}
		if err := p.Commit(b.Context(), Meta{Mode: 0o644}); err != nil {
			b.Fatal(err)
		}
	}
}
