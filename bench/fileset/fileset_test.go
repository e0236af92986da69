package fileset

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestSetsAreAsPublished(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name       string
		files      int
		least      int64
		most       int64
		bytesAbout float64
	}{
		{"big", 1, 1 << 30, 1 << 30, 1 << 30},
		{"small", 5000, 3000, 2_000_000, 454e6},
		{"tiny", 100000, 1000, 10000, 550e6},
	} {
		s, err := Named(row.name)
		if err != nil {
			t.Fatal(err)
		}
		sizes := s.Sizes(1)
		if len(sizes) != row.files {
			t.Errorf("%s has %d files, not %d", row.name, len(sizes), row.files)
		}
		for _, n := range sizes {
			if n < row.least || n > row.most {
				t.Fatalf("%s has a file of %d bytes", row.name, n)
			}
		}
		if all := float64(s.Bytes(1)); all < row.bytesAbout*0.99 || all > row.bytesAbout*1.01 {
			t.Errorf("%s is %.0f bytes, not about %.0f", row.name, all, row.bytesAbout)
		}
	}
}

func TestMadeTwiceIsTheSame(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := Named("small")
	if err != nil {
		t.Fatal(err)
	}
	s = s.Scaled(100)
	for _, name := range []string{"a", "b"} {
		if err := s.Make(filepath.Join(dir, name), 7); err != nil {
			t.Fatal(err)
		}
	}
	if err := Compare(filepath.Join(dir, "a"), filepath.Join(dir, "b")); err != nil {
		t.Fatal(err)
	}
	if err := s.Make(filepath.Join(dir, "c"), 8); err != nil {
		t.Fatal(err)
	}
	if err := Compare(filepath.Join(dir, "a"), filepath.Join(dir, "c")); !errors.Is(err, ErrDifferent) {
		t.Fatalf("another seed made the same tree: %v", err)
	}
}

func TestCompareFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		spoil func(t *testing.T, dir string)
	}{
		{"one bit", func(t *testing.T, dir string) {
			at := filepath.Join(dir, "d000", "f000003.bin")
			text, err := os.ReadFile(at)
			if err != nil {
				t.Fatal(err)
			}
			text[len(text)-1] ^= 1
			if err := os.WriteFile(at, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}},
		{"a shorter file", func(t *testing.T, dir string) {
			if err := os.Truncate(filepath.Join(dir, "d000", "f000001.bin"), 10); err != nil {
				t.Fatal(err)
			}
		}},
		{"a missing file", func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "d000", "f000002.bin")); err != nil {
				t.Fatal(err)
			}
		}},
		{"a file too many", func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, "more"), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s, err := Named("small")
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"a", "b"} {
				if err := s.Scaled(500).Make(filepath.Join(dir, name), 1); err != nil {
					t.Fatal(err)
				}
			}
			row.spoil(t, filepath.Join(dir, "b"))
			if err := Compare(filepath.Join(dir, "a"), filepath.Join(dir, "b")); !errors.Is(err, ErrDifferent) {
				t.Fatalf("compare said %v", err)
			}
		})
	}
}
