package transfer

import (
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkLoopback moves 1 GiB through a node on loopback, hashed, verified
// and durable: from and to memory file systems, so that it measures the engine.
func BenchmarkLoopback(b *testing.B) {
	const size = 1 << 30
	memory := func() string {
		dir, err := os.MkdirTemp("/dev/shm", "godwit-bench-")
		if err != nil {
			return b.TempDir()
		}
		b.Cleanup(func() { os.RemoveAll(dir) })
		return dir
	}
	root, src := memory(), memory()
	n := startNode(b, root, nil)
	write(b, filepath.Join(src, "f"), size)
	for _, dir := range []Direction{Push, Pull} {
		b.Run(string(dir), func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				job := Job{Direction: Push, Sources: []string{filepath.Join(src, "f")}, Destination: "there"}
				if dir == Pull {
					job = Job{Direction: Pull, Sources: []string{"there"}, Destination: filepath.Join(src, "back")}
				}
				mustRun(b, client(b, n), job)
				b.StopTimer()
				if dir == Push {
					must(b, os.Chtimes(filepath.Join(root, "there"), farPast, farPast))
				} else {
					must(b, os.Remove(filepath.Join(src, "back")))
				}
				b.StartTimer()
			}
		})
	}
}

// BenchmarkSmallFiles moves 5,000 files of 10 KB.
func BenchmarkSmallFiles(b *testing.B) {
	src := b.TempDir()
	tree(b, src, 5000, 0, 0)
	n := startNode(b, b.TempDir(), nil)
	for b.Loop() {
		mustRun(b, client(b, n), Job{Direction: Push, Sources: []string{src + "/"}, Destination: "in"})
		b.StopTimer()
		must(b, os.RemoveAll(filepath.Join(n.root, "in")))
		b.StartTimer()
	}
	b.ReportMetric(float64(5000*b.N)/b.Elapsed().Seconds(), "files/s")
}
