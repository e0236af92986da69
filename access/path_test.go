package access

import (
	"testing"
)

func FuzzCleanPath(f *testing.F) {
	for _, p := range []string{"", "/", "a/b", "/a//b/", "../x", "a/../b", "a/./b", "a\x00b", `a\..\b`, "..", ".", "...", "a/...", "//..//"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p string) {
		clean, err := cleanPath(p)
		if err != nil {
			return
		}
		// What is granted is a path that os.Root takes, and cleaning it again changes nothing.
		if again, err := cleanPath(clean); err != nil || again != clean {
			t.Fatalf("%q cleans to %q, then %q (%v)", p, clean, again, err)
		}
		if clean[0] == '/' || clean == ".." || len(clean) > 2 && clean[:3] == "../" {
			t.Fatalf("%q cleans to %q", p, clean)
		}
	})
}
