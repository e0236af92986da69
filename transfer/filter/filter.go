// Package filter says which entries of a tree a transfer is about: patterns in
// order, times of modification and sizes. It does no I/O; both ends of a session
// decide alike.
//
// # Patterns
//
// Elements of a path are matched as [path.Match] does: *, ?, [a-z], \ for the
// next character. An element ** stands for any number of elements, also none,
// at the end of a pattern for at least one. A pattern with a leading slash
// starts at the top of the source; one without matches any tail of a path, so
// "*.tmp" finds temporary files everywhere. A trailing slash makes it a pattern
// for directories only. What matches a directory decides for all that is in it.
//
// The first rule that matches decides; what none matches is wanted.
package filter

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// Rule is one pattern and what it decides.
type Rule struct {
	Include bool   `json:"include,omitempty"`
	Pattern string `json:"pattern"`
}

// Spec is a filter as it travels. The zero value wants everything.
type Spec struct {
	Rules     []Rule `json:"rules,omitempty"`
	NewerThan int64  `json:"newer_than,omitempty"` // ns since 1970: files modified later; 0: any
	OlderThan int64  `json:"older_than,omitempty"` // ns since 1970: files modified before; 0: any
	MinSize   int64  `json:"min_size,omitempty"`   // bytes
	MaxSize   int64  `json:"max_size,omitempty"`   // bytes; 0: any
}

// Bounds of what a peer may ask for.
const (
	MaxRules   = 1000
	MaxPattern = 1024     // bytes of one pattern
	maxText    = 64 << 10 // bytes of all patterns
)

// ErrPattern is in the chain of errors about a rule.
var ErrPattern = errors.New("malformed pattern")

// Filter is a compiled Spec. It is immutable and safe for concurrent use; nil
// wants everything.
type Filter struct {
	spec  Spec
	rules []rule
}

type rule struct {
	include  bool
	dirOnly  bool
	elements []string // between slashes; "**" stands for any number
	include0 bool     // an include comes before: what this excludes may hold something wanted
}

// Empty reports whether s wants everything.
func (s Spec) Empty() bool {
	return len(s.Rules) == 0 && s.NewerThan == 0 && s.OlderThan == 0 && s.MinSize == 0 && s.MaxSize == 0
}

// New compiles s, which may come from a peer. An empty Spec gives nil.
func New(s Spec) (*Filter, error) {
	if s.Empty() {
		return nil, nil
	}
	if len(s.Rules) > MaxRules {
		return nil, fmt.Errorf("%w: %d rules, at most %d", ErrPattern, len(s.Rules), MaxRules)
	}
	switch {
	case s.MinSize < 0 || s.MaxSize < 0:
		return nil, errors.New("a size cannot be negative")
	case s.MaxSize > 0 && s.MinSize > s.MaxSize:
		return nil, errors.New("the least size is above the greatest")
	case s.OlderThan != 0 && s.NewerThan != 0 && s.OlderThan <= s.NewerThan:
		return nil, errors.New("nothing is older and newer than these times at once")
	}
	f := &Filter{spec: s}
	text, included := 0, false
	for _, r := range s.Rules {
		if text += len(r.Pattern); text > maxText {
			return nil, fmt.Errorf("%w: more than %d bytes of patterns", ErrPattern, maxText)
		}
		c, err := compile(r)
		if err != nil {
			return nil, err
		}
		c.include0 = included
		included = included || r.Include
		f.rules = append(f.rules, c)
	}
	return f, nil
}

func compile(r Rule) (rule, error) {
	bad := func(why string) (rule, error) { return rule{}, fmt.Errorf("%w %q: %s", ErrPattern, r.Pattern, why) }
	c := rule{include: r.Include}
	p := r.Pattern
	if len(p) > MaxPattern {
		return rule{}, fmt.Errorf("%w of %d bytes, at most %d", ErrPattern, len(p), MaxPattern)
	}
	p, c.dirOnly = strings.CutSuffix(p, "/")
	p, anchored := strings.CutPrefix(p, "/")
	if p == "" {
		return bad("it names nothing")
	}
	if !anchored {
		c.elements = append(c.elements, "**")
	}
	for e := range strings.SplitSeq(p, "/") {
		switch {
		case e == "":
			return bad("two slashes follow one another")
		case e == ".." || e == ".":
			return bad("paths of a tree hold no " + e)
		case e == "**" && len(c.elements) > 0 && c.elements[len(c.elements)-1] == "**":
			continue
		}
		if _, err := path.Match(e, ""); err != nil {
			return bad("a bracket is not closed, or nothing follows a backslash")
		}
		c.elements = append(c.elements, e)
	}
	if c.elements[len(c.elements)-1] == "**" {
		c.elements = append(c.elements, "*")
	}
	return c, nil
}

// Entry is what a filter looks at.
type Entry struct {
	Path  string // below the source, slash-separated; a source that is a file has its own name
	Dir   bool
	File  bool  // regular: sizes and times are of files only
	Size  int64 // bytes
	Mtime int64 // ns since 1970
}

// Wants reports whether e is to be sent and, for a directory, whether something
// below it may be wanted.
func (f *Filter) Wants(e Entry) (send, enter bool) {
	if f == nil {
		return true, e.Dir
	}
	if r := f.first(e); r != nil && !r.include {
		return false, e.Dir && r.include0
	}
	if e.File && !f.fits(e) {
		return false, false
	}
	return true, e.Dir
}

func (f *Filter) fits(e Entry) bool {
	s := &f.spec
	return e.Size >= s.MinSize && (s.MaxSize == 0 || e.Size <= s.MaxSize) &&
		(s.NewerThan == 0 || e.Mtime > s.NewerThan) && (s.OlderThan == 0 || e.Mtime < s.OlderThan)
}

// first is the rule that decides about e; nil when none does.
func (f *Filter) first(e Entry) *rule {
	if len(f.rules) == 0 {
		return nil
	}
	elements := strings.Split(e.Path, "/")
	for i := range f.rules {
		r := &f.rules[i]
		for n := 1; n <= len(elements); n++ { // the entry or a directory that it is in
			if n == len(elements) && r.dirOnly && !e.Dir {
				break
			}
			if matches(r.elements, elements[:n]) {
				return r
			}
		}
	}
	return nil
}

// matches is a wildcard match over elements. After a mismatch only the last **
// takes one element more, so the time is at most the product of the lengths.
func matches(pattern, name []string) bool {
	p, n := 0, 0
	back, from := -1, 0
	for n < len(name) {
		if p < len(pattern) {
			if pattern[p] == "**" {
				back, from = p, n
				p++
				continue
			}
			if ok, _ := path.Match(pattern[p], name[n]); ok { // compiled: no error
				p++
				n++
				continue
			}
		}
		if back < 0 {
			return false
		}
		from++
		p, n = back+1, from
	}
	return p == len(pattern)
}
