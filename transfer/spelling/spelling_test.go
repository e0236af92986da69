package spelling

import (
	"testing"
	"unicode/utf8"
)

func TestNamesReadAsTheyAreAndAsText(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"plain": "plain", "ü/日本": "ü/日本", "\uFFFD": "\uFFFD", "": "", "new\nline": "new\nline",
		"bad\xff": `bad\xff`, "\xe9t\xe9": `\xe9t\xe9`, "half\xe2\x82": `half\xe2\x82`, "a\xffü": `a\xffü`,
	} {
		if got := Text(name); got != text {
			t.Errorf("%q is written %q, want %q", name, got, text)
		}
	}
}

func FuzzNames(f *testing.F) {
	for _, s := range []string{"plain", "bad\xff", `bad\xff`, "\xe2\x82", "\uFFFD"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		text, exact := Text(name), Exact(name)
		if !utf8.ValidString(text) || Name(text, exact) != name {
			t.Errorf("%q is written %q and %x, and read %q", name, text, exact, Name(text, exact))
		}
	})
}
