package detail

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDetailsComeBackAsSent(t *testing.T) {
	t.Parallel()
	for _, d := range []Detail{
		{},
		{Owner: &Owner{UID: 1000, GID: 100, User: "ann", Group: "users"}, Atime: -5},
		{Xattrs: []Xattr{{"user.a", []byte("x")}, {"user.b", []byte{}}}},
		{Holes: []Run{{0, 3}, {5, 1}, {1 << 20, 7}}},
		{Segment: &Segment{Offset: 1 << 30}},
		{Segment: &Segment{Offset: 7, Last: true, Total: 7, Root: [32]byte{9}}},
	} {
		got, err := Parse(Append(nil, &d))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(d, got); diff != "" {
			t.Errorf("came back otherwise:\n%s", diff)
		}
	}
}

func TestUnknownItemsArePassedOver(t *testing.T) {
	t.Parallel()
	b := Append([]byte{99, 3, 1, 2, 3}, &Detail{Atime: 5})
	if d, err := Parse(b); err != nil || d.Atime != 5 {
		t.Errorf("%+v %v", d, err)
	}
}

func TestMalformedDetailsAreRefused(t *testing.T) {
	t.Parallel()
	for name, b := range map[string][]byte{
		"cut short":        {tagOwner, 9, 1},
		"empty name":       {tagXattr, 1, 0},
		"endless length":   {tagAtime, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1},
		"trailing bytes":   {tagAtime, 2, 2, 2},
		"empty run":        {tagHoles, 2, 1, 0},
		"owner of nobody":  {tagOwner, 8, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0},
		"more than may be": bytes.Repeat([]byte{99, 0}, MaxSize),
	} {
		if d, err := Parse(b); !errors.Is(err, ErrDetail) {
			t.Errorf("%s: %+v %v", name, d, err)
		}
	}
}

func TestTooManyHolesBecomeData(t *testing.T) {
	t.Parallel()
	var d Detail
	for i := range int64(200_000) {
		d.Holes = append(d.Holes, Run{i * 3, 1})
	}
	got, err := Parse(Append(nil, &d))
	if err != nil || len(got.Holes) == 0 || len(got.Holes) == len(d.Holes) {
		t.Fatalf("%d runs: %v", len(got.Holes), err)
	}
	if last := len(got.Holes) - 1; got.Holes[last] != d.Holes[last] {
		t.Errorf("run %d came back as %v", last, got.Holes[last])
	}
}

// FuzzDetail: nothing may panic, and what parses comes back from its own encoding.
func FuzzDetail(f *testing.F) {
	f.Add(Append(nil, &Detail{Owner: &Owner{1, 2, "a", "b"}, Atime: 3, Xattrs: []Xattr{{"user.x", []byte("y")}}}))
	f.Add(Append(nil, &Detail{Holes: []Run{{1, 2}}, Segment: &Segment{Offset: 5, Last: true, Total: 5}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := Parse(b)
		if err != nil || len(b) > MaxSize/4 {
			return
		}
		again, err := Parse(Append(nil, &d))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(d, again); diff != "" {
			t.Fatal(diff)
		}
	})
}
