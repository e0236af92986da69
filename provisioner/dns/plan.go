package dns

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// key of a set in a zone.
type key struct{ name, kind string }

// picture is a hosted zone as it was last read or written.
type picture map[key]*Set

func pictureOf(sets []Set) picture {
	p := make(picture, len(sets))
	for i := range sets {
		s := sets[i]
		slices.Sort(s.Values)
		at := key{s.Name, s.Type}
		if before := p[at]; before != nil {
			s.Special = true // several sets of one name and type: weights and the like
		}
		p[at] = &s
	}
	return p
}

// take makes the swaps in the picture.
func (p picture) take(swaps []Swap) {
	for _, s := range swaps {
		if s.New == nil {
			delete(p, key{s.Old.Name, s.Old.Type})
		} else {
			p[key{s.New.Name, s.New.Type}] = s.New
		}
	}
}

// plan is what has to be done, name by name.
type plan struct {
	change Change
	names  [][]Swap // of one name each
	held   []Held
}

// view is a picture as one owner sees it.
type view struct {
	picture
	owner  string
	limits Limits
}

// ours says that a set is the owner's. mine are the types that the marker of its
// name claims.
func (p view) ours(s *Set, mine []string) bool {
	switch {
	case s == nil || s.Special:
		return false
	case p.limits.Owners:
		return s.Owner == p.owner
	}
	return slices.Contains(mine, s.Type)
}

// diff finds what makes wanted of the picture, touching only the owner's names.
func (p picture) diff(owner string, wanted []Record, limits Limits) plan {
	return view{p, owner, limits}.diff(wanted)
}

func (p view) diff(wanted []Record) plan {
	var out plan
	want := make(map[string]Record, len(wanted))
	for _, r := range wanted {
		want[r.Name] = r
		if by := p.holder(r); by != "" {
			out.held = append(out.held, Held{r.Name, by})
			continue
		}
		swaps, fresh, beside := p.publish(r)
		if beside != "" {
			out.held = append(out.held, Held{r.Name, beside})
		}
		switch {
		case len(swaps) == 0:
			continue
		case fresh:
			out.change.Added++
		default:
			out.change.Changed++
		}
		out.names = append(out.names, swaps)
	}
	for _, at := range slices.SortedFunc(maps.Keys(p.picture), byName) {
		name, marks := Marked(at.name)
		if at.kind != "TXT" || !marks {
			if _, wanted := want[at.name]; !wanted && p.stray(p.picture[at]) {
				out.names = append(out.names, []Swap{{Old: p.picture[at]}})
				out.change.Removed++
			}
			continue
		}
		whose, mine := claimed(p.picture[at])
		if _, wanted := want[name]; wanted || whose != p.owner {
			continue
		}
		// The marker goes last: a removal that stops halfway is gone on with.
		out.names = append(out.names, append(p.remove(name, mine), Swap{Old: p.picture[at]}))
		out.change.Removed++
	}
	return out
}

// stray says that a set is the owner's by its own word, and that its name has no
// marker of the owner's to find it by: somebody removed that.
func (p view) stray(s *Set) bool {
	whose, _ := claimed(p.picture[key{marker(s.Name), "TXT"}])
	return p.limits.Owners && p.ours(s, nil) && whose != p.owner
}

func byName(a, b key) int {
	return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.kind, b.kind))
}

// holder says who has a wanted name, if not the owner; empty: nobody else.
func (p view) holder(r Record) string {
	m := p.picture[key{marker(r.Name), "TXT"}]
	whose, _ := claimed(m)
	switch {
	case m == nil:
	case whose == "":
		return "a TXT record at " + marker(r.Name) + " that is not Godwit's"
	case whose != p.owner:
		return "of the Godwit installation " + whose
	}
	kinds := []string{"CNAME", "NS"}
	if m == nil {
		kinds = append(kinds, family(len(r.Texts) > 0)...)
	}
	for _, kind := range kinds {
		if s := p.picture[key{r.Name, kind}]; s != nil && !(p.limits.Owners && p.ours(s, nil)) {
			return foreignText(s)
		}
	}
	return ""
}

func foreignText(s *Set) string {
	if s.Special {
		return "it has a " + s.Type + " record with a routing policy or an alias"
	}
	return "it has a " + s.Type + " record that Godwit did not make"
}

// publish is what makes a name what is wanted, the marker first. A set of another's
// that is beside what is ours stays; beside says so, where its type is wanted.
func (p view) publish(r Record) (swaps []Swap, fresh bool, beside string) {
	at := marker(r.Name)
	old := p.picture[key{at, "TXT"}]
	_, mine := claimed(old)
	var kinds []string
	ours := family(len(r.Texts) > 0)
	for _, kind := range ours {
		now := p.picture[key{r.Name, kind}]
		next := &Set{Name: r.Name, Type: kind, TTL: r.TTL, Owner: p.owner, Values: r.values(kind, now, p.limits.Values)}
		if now != nil && !p.ours(now, mine) {
			if len(next.Values) > 0 {
				beside = foreignText(now)
			}
			continue
		}
		if len(next.Values) > 0 {
			kinds = append(kinds, kind)
		}
		switch {
		case len(next.Values) == 0 && now == nil:
		case len(next.Values) == 0:
			swaps = append(swaps, Swap{Old: now})
		case now == nil || !same(now, next):
			swaps = append(swaps, Swap{Old: now, New: next})
		}
	}
	// What it had of the other family belongs to no one from here on.
	swaps = append(p.remove(r.Name, slices.DeleteFunc(slices.Clone(mine), func(k string) bool { return slices.Contains(ours, k) })), swaps...)
	claim := Swap{Old: old, New: &Set{Name: at, Type: "TXT", TTL: r.TTL, Owner: p.owner, Values: []string{mark(p.owner, kinds)}}}
	switch {
	case len(kinds) == 0 && old == nil:
		return nil, false, beside
	case len(kinds) == 0: // all that is wanted is somebody else's
		return append(swaps, Swap{Old: old}), false, beside
	case old != nil && slices.Equal(old.Values, claim.New.Values):
		if len(swaps) == 0 {
			return nil, false, beside
		}
		claim.New = old // to be still so when something is changed beside it
	}
	return append([]Swap{claim}, swaps...), old == nil, beside
}

// remove takes the owner's sets of these types from a name.
func (p view) remove(name string, kinds []string) []Swap {
	var swaps []Swap
	for _, kind := range kinds {
		if s := p.picture[key{name, kind}]; p.ours(s, kinds) {
			swaps = append(swaps, Swap{Old: s})
		}
	}
	return swaps
}

// values are a record's of one type, sorted. Where there is room for fewer, those
// stay that are published and wanted, so that a name does not change with every
// change of the order, and the best fill up.
func (r Record) values(kind string, now *Set, limit int) []string {
	var all []string
	for _, a := range r.Addresses {
		if (kind == "A" && a.Is4()) || (kind == "AAAA" && a.Is6()) {
			all = append(all, a.String())
		}
	}
	if kind == "TXT" {
		all = slices.Clone(r.Texts)
	}
	if limit > 0 && len(all) > limit {
		var kept []string
		if now != nil {
			kept = slices.DeleteFunc(slices.Clone(now.Values), func(v string) bool { return !slices.Contains(all, v) })
		}
		for _, v := range all {
			if len(kept) < limit && !slices.Contains(kept, v) {
				kept = append(kept, v)
			}
		}
		all = kept[:limit]
	}
	slices.Sort(all)
	return all
}

// batches joins the names' swaps into as few steps as the limits allow; a name
// is never split.
func batches(names [][]Swap, l Limits) [][]Swap {
	var out [][]Swap
	var sets, values, bytes int
	for _, swaps := range names {
		s, v, b := size(swaps)
		full := l.BatchSets > 0 && sets+s > l.BatchSets || l.BatchValues > 0 && values+v > l.BatchValues || l.BatchBytes > 0 && bytes+b > l.BatchBytes
		if len(out) == 0 || full {
			out = append(out, nil)
			sets, values, bytes = 0, 0, 0
		}
		out[len(out)-1] = append(out[len(out)-1], swaps...)
		sets, values, bytes = sets+s, values+v, bytes+b
	}
	return out
}

func size(swaps []Swap) (sets, values, bytes int) {
	for _, s := range swaps {
		for _, set := range []*Set{s.Old, s.New} {
			if set == nil {
				continue
			}
			sets++
			values += len(set.Values)
			for _, v := range set.Values {
				bytes += len(v) + 2 // quotes
			}
		}
	}
	return sets, values, bytes
}

// canonical is how an address is compared, whatever way a service writes it.
func canonical(kind, value string) string {
	if kind == "A" || kind == "AAAA" {
		if a, err := netip.ParseAddr(value); err == nil {
			return a.String()
		}
	}
	return value
}

// Quote writes a text as zone files, and services after their manner, have it. It
// is one of those that a Record may have: nothing in it is to be escaped.
func Quote(text string) string { return `"` + text + `"` }

// Unquote undoes Quote; what else a TXT record may be, several strings or escapes,
// is given as it is: it is nobody's of ours.
func Unquote(value string) string {
	if n := len(value); n >= 2 && value[0] == '"' && value[n-1] == '"' && !strings.ContainsAny(value[1:n-1], `"\`) {
		return value[1 : n-1]
	}
	return value
}
