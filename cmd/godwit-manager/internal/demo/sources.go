package demo

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/godwit/godwit/internal/stage"
)

// makeSources links Go's own source tree into the demo's directory (copied, so
// that what is checked later cannot change meanwhile) and writes big files of
// seeded noise, which nothing can compress or deduplicate.
func (d *show) makeSources(ctx context.Context) error {
	need := uint64(bigSize) * (bigFiles + loadPushes + lateClients + 4)
	if free, err := stage.FreeBytes(d.Dir); err == nil && free < need {
		return fmt.Errorf("the demo needs %.1f GiB of disk under %s, %.1f are free", float64(need)/(1<<30), d.Dir, float64(free)/(1<<30))
	}
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("where Go's source tree is: %w", err)
	}
	src := filepath.Join(strings.TrimSpace(string(out)), "src")
	if err := os.CopyFS(d.Path("source", "go"), os.DirFS(src)); err != nil {
		return fmt.Errorf("Go's source tree: %w", err)
	}
	for i := range bigFiles {
		if err := writeNoise(d.bigFile(i), byte(i), bigSize); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

func (d *show) bigFile(i int) string { return d.Path("source", "big", fmt.Sprintf("noise-%d.bin", i)) }

func writeNoise(path string, seed byte, n int64) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	_, err = io.CopyN(w, rand.NewChaCha8([32]byte{seed}), n)
	if err == nil {
		err = w.Flush()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("big file: %w", err)
	}
	return nil
}
