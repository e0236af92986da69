package store

import (
	"context"
	"testing"
)

func TestPresenceCountsPartsAndNames(t *testing.T) {
	t.Parallel()
	tree, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	if tree.HasAny("f") || tree.HasParts(".") || tree.HasParts("missing") {
		t.Fatal("an empty tree has something")
	}
	p, err := tree.OpenPart(context.Background(), "f", PartSpec{Size: 10, BlockSize: 1024})
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
	if !tree.HasAny("f") || !tree.HasParts(".") || tree.HasAny("g") {
		t.Fatal("the part of f is not seen, or is taken for another's")
	}
	if err := tree.Mkdir("d"); err != nil {
		t.Fatal(err)
	}
	if !tree.HasAny("d") || tree.HasParts("d") {
		t.Fatal("directory d is there and empty")
	}
}
