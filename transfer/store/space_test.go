package store

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

func TestFullDiskIsNamedBeforeAnyDataIsSent(t *testing.T) {
	t.Parallel()
	tree, dir := newTree(t)
	tree.onStep = func(s step) error {
		if s.op == opAllocate {
			return errFull
		}
		return nil
	}
	_, err := tree.OpenPart(t.Context(), "d/f", specFor(noise(3*block, 1), 1))
	var se *SpaceError
	if !errors.Is(err, ErrNoSpace) || !errors.As(err, &se) || se.Need != 3*block || se.Path != "d/f" || se.Free <= 0 {
		t.Fatalf("%v (%+v)", err, se)
	}
	if !strings.Contains(err.Error(), "3072 bytes needed") || !errors.Is(err, errFull) {
		t.Errorf("message: %v", err)
	}
	if got := names(t, filepath.Join(dir, "d")); got != "" {
		t.Errorf("left behind: %s", got)
	}
}

func TestDiskThatFillsUpLeavesAResumablePart(t *testing.T) {
	t.Parallel()
	tree, dir := newTree(t)
	content := noise(4*block, 1)
	full := false
	tree.onStep = func(s step) error {
		if full && (s.op == opWrite || s.op == opCreate) {
			return errFull
		}
		return nil
	}
	p := mustOpen(t, tree, "f", specFor(content, 1))
	check(t, put(p, content, 0, 1))
	_, err := p.Sync()
	check(t, err)
	p.Mark(2, Leaf{})
	full = true
	_, err = p.WriteAt(blockOf(content, 2), 2*block)
	wantErr(t, err, ErrNoSpace)
	_, err = p.Sync() // the journal cannot grow
	wantErr(t, err, ErrNoSpace)
	_, err = p.Sync()
	wantErr(t, err, ErrNoSpace) // and the part is over
	b := tree.NewBatch()
	wantErr(t, b.Add(1, "g", content, Meta{}), ErrNoSpace)
	if n, _ := b.Len(); n != 0 {
		t.Error("a file that failed waits for the flush")
	}
	check(t, p.Close())
	full = false
	wantResumable(t, dir, "f", content, 2)
	if got := names(t, dir); got != "f" {
		t.Errorf("left behind: %s", got)
	}
}
