package store

import (
	"testing"
	"time"
)

func TestOverwritePolicies(t *testing.T) {
	t.Parallel()
	const sec = int64(time.Second)
	src := Entry{Kind: KindFile, Size: 10, Mtime: 100*sec + 123_456_789}
	same := src
	coarse := src
	coarse.Mtime = 100 * sec
	micro := src
	micro.Mtime = 100*sec + 123_456_000
	older, newer, longer := src, src, src
	older.Mtime, newer.Mtime, longer.Size = 50*sec+1, 200*sec+1, 11
	link := Entry{Kind: KindSymlink, Target: "x", Mtime: src.Mtime}
	for _, c := range []struct {
		name                                  string
		dst                                   Entry
		never, always, diff, older, diffOlder bool
	}{
		{"the same", same, false, true, false, false, false},
		{"the same on a file system of seconds", coarse, false, true, false, false, false},
		{"the same on a file system of microseconds", micro, false, true, false, false, false},
		{"older", older, false, true, true, true, true},
		{"newer", newer, false, true, true, false, false},
		{"of another size, same time", longer, false, true, true, false, false},
		{"a link", link, false, true, true, false, false},
	} {
		for o, want := range map[string]bool{"never": c.never, "always": c.always, "diff": c.diff, "": c.diff, "older": c.older, "diff+older": c.diffOlder} {
			policy, err := ParseOverwrite(o)
			check(t, err)
			if got := policy.Replace(src, c.dst); got != want {
				t.Errorf("%s replaces a destination that is %s: %t", policy, c.name, got)
			}
		}
	}
	if _, err := ParseOverwrite("sometimes"); err == nil {
		t.Error("accepted an unknown policy")
	}
	if OverwriteAlways.Replace(Entry{Kind: KindDir}, Entry{Kind: KindDir}) {
		t.Error("a directory replaces itself")
	}
}
