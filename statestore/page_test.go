package statestore

import (
	"errors"
	"slices"
	"testing"
	"time"
)

func TestIDsCarryTheirTimeAndAscend(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 123e6, time.UTC)
	var ids []string
	for range 1000 {
		ids = append(ids, NewIDAt(at))
	}
	if !slices.IsSorted(ids) {
		t.Error("ids of one millisecond do not ascend")
	}
	if len(slices.Compact(ids)) != 1000 {
		t.Error("ids repeat")
	}
	got, err := IDTime(ids[0])
	if err != nil || !got.Equal(at) {
		t.Errorf("%v, %v", got, err)
	}
	if later := NewIDAt(at.Add(time.Millisecond)); later <= ids[999] {
		t.Errorf("%s is not after %s", later, ids[999])
	}
}

func FuzzIDTime(f *testing.F) {
	f.Add("01m804w1qqh0bd3548grj7pna9")
	f.Add("")
	f.Add("01M804W1QQH0BD3548GRJ7PNA9")
	f.Add("81m804w1qqh0bd3548grj7pna9")
	f.Fuzz(func(t *testing.T, id string) {
		at, err := IDTime(id)
		switch {
		case err != nil && !errors.Is(err, ErrInvalid):
			t.Fatalf("%q: %v", id, err)
		case err == nil && NewIDAt(at)[:10] != id[:10]:
			t.Fatalf("%q gives %v, which makes another beginning", id, at)
		}
	})
}

func FuzzCursor(f *testing.F) {
	f.Add("")
	f.Add("bm9kZXMAeA")
	f.Add("!")
	f.Fuzz(func(t *testing.T, cursor string) {
		key, err := Page{Cursor: cursor}.after("nodes")
		if err != nil && !errors.Is(err, ErrInvalid) || err == nil && !validText(key) {
			t.Fatalf("%q: %q, %v", cursor, key, err)
		}
	})
}

func TestCursorOfOneListFailsInAnother(t *testing.T) {
	t.Parallel()
	rows := []string{"a", "b", "c"}
	l := paged("nodes", rows, 2, func(s string) string { return s })
	if len(l.Items) != 2 || l.Next == "" {
		t.Fatalf("%+v", l)
	}
	if key, err := (Page{Cursor: l.Next}).after("nodes"); err != nil || key != "b" {
		t.Errorf("%q, %v", key, err)
	}
	if _, err := (Page{Cursor: l.Next}).after("users"); !errors.Is(err, ErrInvalid) {
		t.Errorf("%v", err)
	}
	for limit, want := range map[int]int{0: 50, -1: 50, 7: 7, 5000: 1000} {
		if got := (Page{Limit: limit}).limit(); got != want {
			t.Errorf("limit %d: %d", limit, got)
		}
	}
}
