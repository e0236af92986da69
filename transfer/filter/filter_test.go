package filter

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// wanted says which of the paths a filter sends; a trailing slash is a directory.
func wanted(t *testing.T, spec Spec, paths ...string) string {
	t.Helper()
	f, err := New(spec)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, p := range paths {
		name, dir := strings.CutSuffix(p, "/")
		if send, _ := f.Wants(Entry{Path: name, Dir: dir, File: !dir, Size: int64(len(name)), Mtime: int64(len(name))}); send {
			out = append(out, p)
		}
	}
	return strings.Join(out, " ")
}

func rules(text ...string) (rs []Rule) {
	for _, s := range text {
		rs = append(rs, Rule{Include: s[0] == '+', Pattern: s[1:]})
	}
	return rs
}

func TestFirstMatchingRuleDecides(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		rules []Rule
		paths string
		want  string
	}{
		{"a bare name matches everywhere", rules("-*.tmp"), "a.tmp d/ d/b.tmp d/c", "d/ d/c"},
		{"a leading slash is the top of the source", rules("-/a"), "a d/ d/a", "d/ d/a"},
		{"a tail of several elements", rules("-d/*.o"), "d/x.o e/d/x.o e/x.o", "e/x.o"},
		{"a directory takes what is in it along", rules("-cache/"), "cache/ cache/x a/cache/ a/cache/y cache2", "cache2"},
		{"a trailing slash spares files", rules("-cache/"), "a/cache", "a/cache"},
		{"only what is included", rules("+*.mov", "-*"), "a.mov d/ d/b.mov d/c.txt", "a.mov d/b.mov"},
		{"an included directory is whole", rules("+docs/", "-*"), "docs/ docs/x docs/y/ docs/y/z w", "docs/ docs/x docs/y/ docs/y/z"},
		{"order", rules("-a/", "+a/b"), "a/ a/b", ""},
		{"the other order", rules("+a/b", "-a/"), "a/ a/b a/c", "a/b"},
		{"any depth", rules("-/a/**/z"), "a/z a/b/z a/b/c/z b/z", "b/z"},
		{"below, not itself", rules("-/a/**"), "a/ a/b/ a/b/c", "a/"},
		{"classes and escapes", rules("-[a-c]?", `-\*`), "aa a cc * x", "a x"},
	} {
		if got := wanted(t, Spec{Rules: tc.rules}, strings.Fields(tc.paths)...); got != tc.want {
			t.Errorf("%s: sends %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestExcludedDirectoryIsEnteredOnlyForWhatAnEarlierRuleIncludes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		rules []Rule
		enter bool
	}{
		{rules("-d"), false},
		{rules("+*.mov", "-d"), true},
		{rules("-d", "+*.mov"), false},
	} {
		f, err := New(Spec{Rules: tc.rules})
		if err != nil {
			t.Fatal(err)
		}
		if send, enter := f.Wants(Entry{Path: "d", Dir: true}); send || enter != tc.enter {
			t.Errorf("%v: send %v, enter %v", tc.rules, send, enter)
		}
	}
}

func TestTimesAndSizesAreOfFilesOnly(t *testing.T) {
	t.Parallel()
	if got := wanted(t, Spec{MinSize: 2, MaxSize: 3}, "a", "bb", "ccc", "dddd", "e/"); got != "bb ccc e/" {
		t.Errorf("sizes: %s", got)
	}
	if got := wanted(t, Spec{NewerThan: 1, OlderThan: 3}, "a", "bb", "ccc", "e/"); got != "bb e/" {
		t.Errorf("times: %s", got)
	}
	if f, err := New(Spec{}); f != nil || err != nil {
		t.Errorf("an empty filter: %v %v", f, err)
	}
}

func TestNonsenseIsRefused(t *testing.T) {
	t.Parallel()
	for _, p := range []string{"", "/", "a//b", "../x", "[a", `a\`, strings.Repeat("x", 2000)} {
		if _, err := New(Spec{Rules: []Rule{{Pattern: p}}}); !errors.Is(err, ErrPattern) {
			t.Errorf("%.20q: %v", p, err)
		}
	}
	if _, err := New(Spec{Rules: make([]Rule, MaxRules+1)}); !errors.Is(err, ErrPattern) {
		t.Errorf("too many rules: %v", err)
	}
	for _, s := range []Spec{{MinSize: -1}, {MinSize: 5, MaxSize: 4}, {NewerThan: 9, OlderThan: 9}} {
		if _, err := New(s); err == nil {
			t.Errorf("%+v was taken", s)
		}
	}
}

// FuzzFilter takes any spec and any path: nothing may panic, and an entry that
// is sent cannot lie in a directory that is not entered.
func FuzzFilter(f *testing.F) {
	f.Add([]byte(`{"rules":[{"pattern":"/a/**/z"},{"include":true,"pattern":"*.mov"},{"pattern":"*"}]}`), "a/b/c.mov")
	f.Add([]byte(`{"min_size":3,"rules":[{"pattern":"[a-c]?/"}]}`), "aa/b")
	f.Fuzz(func(t *testing.T, spec []byte, p string) {
		var s Spec
		if json.Unmarshal(spec, &s) != nil || len(p) > 4096 {
			return
		}
		c, err := New(s)
		if err != nil {
			return
		}
		send, _ := c.Wants(Entry{Path: p, File: true, Size: 5, Mtime: 5})
		for i := range len(p) {
			if p[i] != '/' || !send {
				continue
			}
			if _, enter := c.Wants(Entry{Path: p[:i], Dir: true}); !enter {
				t.Fatalf("%q is sent, but %q not entered: %s", p, p[:i], spec)
			}
		}
	})
}
