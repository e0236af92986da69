package store

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// wantOldOrNew fails unless the file is one of the two (nil: absent), and tells
// which.
func wantOldOrNew(t *testing.T, name string, old, content []byte, finished bool) (isNew bool) {
	t.Helper()
	got, err := os.ReadFile(name)
	switch {
	case err == nil && bytes.Equal(got, content):
		return true
	case finished:
		t.Errorf("%s: commit had returned, but the file has %d bytes, %v", filepath.Base(name), len(got), err)
	case err == nil && old != nil && bytes.Equal(got, old):
	case errors.Is(err, os.ErrNotExist) && old == nil:
	default:
		t.Errorf("%s is neither the old nor the new file: %d bytes, %v", filepath.Base(name), len(got), err)
	}
	return false
}

// wantResumable opens the part again, as another session, checks each block that
// the journal promises, and finishes the file.
func wantResumable(t *testing.T, dir, name string, content []byte, durable int) {
	t.Helper()
	tree, err := Open(dir, Options{})
	check(t, err)
	defer tree.Close()
	s := specFor(content, 1)
	s.Epoch = 1 << 40
	p, err := tree.OpenPart(t.Context(), name, s)
	if err != nil {
		t.Errorf("resume: %v", err)
		return
	}
	defer p.Close()
	if p.Resumed() < durable {
		t.Errorf("%d blocks were durable, the journal has %d", durable, p.Resumed())
	}
	for i, leaf := range p.Marked() {
		got := make([]byte, len(blockOf(content, i)))
		if _, err := p.f.ReadAt(got, int64(i)*block); err != nil || !bytes.Equal(got, blockOf(content, i)) || leaf != leafOf(content, i) {
			t.Errorf("the journal promises block %d, which is not there (%v)", i, err)
		}
	}
	if err := finish(t.Context(), p, content, Meta{Mode: 0o644}); err != nil {
		t.Errorf("finish after resume: %v", err)
	}
	wantFile(t, filepath.Join(dir, filepath.FromSlash(name)), content)
}

// receive is the life of one part: two sessions, some flushes, a commit of
// blocks that none of them covered.
func receive(ctx context.Context, name string, content []byte, promise func(blocks int)) func(*Tree) error {
	return func(tree *Tree) error {
		s := specFor(content, 1)
		total := 0
		session := func(work func(p *Part, sync func() error) error) error {
			p, err := tree.OpenPart(ctx, name, s)
			if err != nil {
				return err
			}
			defer p.Close()
			s.Epoch++
			return work(p, func() error {
				n, err := p.Sync()
				total += n
				promise(total)
				return err
			})
		}
		err := session(func(p *Part, sync func() error) error {
			return errors.Join(put(p, content, 1, 0), sync(), put(p, content, 3))
		})
		if err != nil {
			return err
		}
		return session(func(p *Part, sync func() error) error {
			if err := errors.Join(put(p, content, 3), sync(), put(p, content, 2, 4)); err != nil {
				return err
			}
			return p.Commit(ctx, Meta{Mode: 0o644})
		})
	}
}

func TestPowerLossAtAnyStepOfAPartKeepsOldOrNew(t *testing.T) {
	t.Parallel()
	old, content := noise(700, 1), noise(4*block+5, 2)
	for name, files := range map[string]map[string][]byte{
		"replacing":              {"f": old},
		"in new directories":     {},
		"after another source's": {"f": old, partName("f"): noise(99, 3), journalName("f"): noise(99, 4)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target := "f"
			if files["f"] == nil {
				target = "a/b/f"
			}
			work := func(tree *Tree, promise func(int)) error {
				return receive(t.Context(), target, content, promise)(tree)
			}
			afterPowerLoss(t, files, work, func(t *testing.T, dir string, durable int) {
				t.Helper()
				if wantOldOrNew(t, filepath.Join(dir, target), files["f"], content, durable < 0) {
					durable = 0 // committed: there is nothing to resume
				}
				wantResumable(t, dir, target, content, durable)
			})
		})
	}
}

func TestPowerLossAtAnyStepOfABatchKeepsOldOrNew(t *testing.T) {
	t.Parallel()
	old := noise(300, 1)
	for _, dirs := range []int{2, fewDirs + 1} {
		var targets []string
		contents := map[string][]byte{}
		for d := range dirs {
			for f := range 2 {
				name := fmt.Sprintf("d%d/f%d", d, f)
				targets = append(targets, name)
				contents[name] = noise(100+d, uint64(10*d+f))
			}
		}
		big := noise(2*block, 9)
		work := func(tree *Tree, _ func(int)) error {
			b := tree.NewBatch()
			p, err := tree.OpenPart(t.Context(), "big", specFor(big, 1))
			if err != nil {
				return err
			}
			if err := errors.Join(put(p, big, 0, 1), b.AddPart(99, p, Meta{Mode: 0o644})); err != nil {
				return err
			}
			for i, name := range targets {
				if err := b.Add(uint64(i), name, contents[name], Meta{Mode: 0o644}); err != nil {
					return err
				}
			}
			return b.Flush(t.Context(), nil)
		}
		before := map[string][]byte{"d0/f0": old, "d1/f1": old}
		t.Run(fmt.Sprint(dirs, " directories"), func(t *testing.T) {
			t.Parallel()
			afterPowerLoss(t, before, work, func(t *testing.T, dir string, durable int) {
				t.Helper()
				for _, name := range targets {
					wantOldOrNew(t, filepath.Join(dir, name), before[name], contents[name], durable < 0)
				}
				wantOldOrNew(t, filepath.Join(dir, "big"), nil, big, durable < 0)
				wantResumable(t, dir, "big", big, 0)
			})
		})
	}
}

// TestFailureAtAnyStepIsReportedAndResumable makes each change to the disk fail
// in turn, and everything after it too, as when the process dies there.
func TestFailureAtAnyStepIsReportedAndResumable(t *testing.T) {
	t.Parallel()
	old, content := noise(700, 1), noise(4*block+5, 2)
	broken := errors.New("broken")
	for k := 0; ; k++ {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "f"), old)
		tree, err := Open(dir, Options{})
		check(t, err)
		n := 0
		tree.onStep = func(step) error {
			if n++; n > k {
				return broken
			}
			return nil
		}
		err = receive(t.Context(), "f", content, func(int) {})(tree)
		_ = tree.Close()
		if n <= k {
			check(t, err)
			if k < 15 {
				t.Fatalf("only %d steps", k)
			}
			break
		}
		got, rerr := os.ReadFile(filepath.Join(dir, "f"))
		check(t, rerr)
		isNew := bytes.Equal(got, content)
		if !isNew && !bytes.Equal(got, old) {
			t.Fatalf("step %d: neither old nor new", k)
		}
		if err == nil && !isNew || err != nil && !errors.Is(err, broken) {
			t.Fatalf("step %d: new %t, error %v", k, isNew, err)
		}
		wantResumable(t, dir, "f", content, 0)
	}
}

const childEnv = "GODWIT_STORE_TEST_CHILD"

// receiveUntilKilled is the child process: it receives a file without end,
// telling how many blocks are durable.
func receiveUntilKilled() {
	tree, err := Open(os.Getenv(childEnv), Options{})
	if err != nil {
		fmt.Fprintln(os.Stdout, err)
		os.Exit(1)
	}
	content := noise(4000*block, 5)
	p, err := tree.OpenPart(context.Background(), "f", specFor(content, 1))
	for i := 0; err == nil && i < 4000; i++ {
		if err = put(p, content, i); err == nil && i%10 == 9 {
			_, err = p.Sync()
			fmt.Fprintln(os.Stdout, i+1)
		}
	}
	fmt.Fprintln(os.Stdout, err)
	select {}
}

func TestKilledProcessLeavesWhatItSaidWasDurable(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	check(t, err)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "f"), []byte("old"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	child := exec.CommandContext(ctx, self)
	child.Env = append(os.Environ(), childEnv+"="+dir)
	out, err := child.StdoutPipe()
	check(t, err)
	check(t, child.Start())
	said := 0
	for lines := bufio.NewScanner(out); said < 50 && lines.Scan(); {
		if _, err := fmt.Sscan(lines.Text(), &said); err != nil {
			t.Errorf("child: %s", lines.Text())
			break
		}
	}
	check(t, child.Process.Kill())
	_ = child.Wait() // it was killed

	wantFile(t, filepath.Join(dir, "f"), []byte("old"))
	content := noise(4000*block, 5)
	if said == 0 {
		t.Fatal("the child received nothing")
	}
	wantResumable(t, dir, "f", content, said)
}
