package dns

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Record is a name and what it has: addresses or texts, not both. A name has an
// A record for its IPv4 addresses and an AAAA record for those of IPv6.
type Record struct {
	// Name in full, lower case, without the dot at its end.
	Name string
	// TTL is how long who asked may keep the answer.
	TTL time.Duration
	// Addresses, best first: where a zone has room for fewer, it takes the first.
	Addresses []netip.Addr
	// Texts are TXT records of printable ASCII, up to 255 bytes each, of a name that
	// begins with ChallengeLabel.
	Texts []string
}

// Change is what Converge did, in records of all names.
type Change struct {
	Added, Changed, Removed int
}

// None tells that everything was as it should be.
func (c Change) None() bool { return c == Change{} }

func (c Change) String() string {
	return fmt.Sprintf("%d added, %d changed, %d removed", c.Added, c.Changed, c.Removed)
}

// Zone is where records are published. Implementations are safe for concurrent
// use.
type Zone interface {
	// Converge makes wanted the records of this zone that are Godwit's own: what is
	// missing or differs is written, what is not wanted is removed, in one step, so
	// that nobody sees half of it, or where a service takes no such step name by
	// name. Records of others are neither changed nor removed; wanted names that
	// somebody else holds are a *HeldError, after everything else was done. Repeating
	// it changes nothing. Names outside of the zone and malformed ones are an error
	// that changes nothing.
	Converge(ctx context.Context, wanted []Record) (Change, error)
}

// Names are those of a cluster.
type Names struct {
	Available        string `json:"available"`
	All              string `json:"all"`
	AvailablePrivate string `json:"available_private"`
	AllPrivate       string `json:"all_private"`
}

// NamesOf are the names of a cluster in a zone.
func NamesOf(cluster, zone string) Names {
	base := strings.ToLower(cluster) + "." + zone
	return Names{Available: base, All: "all." + base, AvailablePrivate: "private." + base, AllPrivate: "all.private." + base}
}

// ValidName says whether s is a full name of host names' letters, in lower case.
func ValidName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

// Within says whether a name is the zone or below it.
func Within(name, zone string) bool { return name == zone || strings.HasSuffix(name, "."+zone) }

// unique keeps the first of equal ones.
func unique[T comparable](in []T) []T {
	seen := make(map[T]bool, len(in))
	return slices.DeleteFunc(in, func(v T) bool {
		again := seen[v]
		seen[v] = true
		return again
	})
}

// check is what every zone asks of wanted records, and their canonical form:
// sorted by name, texts sorted, each address and text once.
func check(zone string, wanted []Record) ([]Record, error) {
	out := make([]Record, 0, len(wanted))
	for _, r := range wanted {
		switch {
		case !ValidName(r.Name):
			return nil, fmt.Errorf("record %q is no name", r.Name)
		case r.Name == zone || !Within(r.Name, zone):
			return nil, fmt.Errorf("record %s is not below the zone %s", r.Name, zone)
		case r.TTL < time.Second || r.TTL > 24*time.Hour:
			return nil, fmt.Errorf("record %s: TTL %s is not between 1 s and 24 h", r.Name, r.TTL)
		}
		clean := make([]netip.Addr, 0, len(r.Addresses))
		for _, a := range r.Addresses {
			if !a.IsValid() || a.IsUnspecified() || a.IsMulticast() {
				return nil, fmt.Errorf("record %s: %s is no address of a node", r.Name, a)
			}
			clean = append(clean, a.Unmap().WithZone(""))
		}
		r.Addresses = unique(clean)
		for _, text := range r.Texts {
			if text == "" || len(text) > 255 || strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' }) {
				return nil, fmt.Errorf("record %s: a text must be 1 to 255 printable ASCII characters without quotes and backslashes", r.Name)
			}
		}
		r.Texts = unique(slices.Clone(r.Texts))
		slices.Sort(r.Texts)
		switch {
		case len(r.Addresses) > 0 && len(r.Texts) > 0:
			return nil, fmt.Errorf("record %s has addresses and texts", r.Name)
		case len(r.Texts) > 0 && !strings.HasPrefix(r.Name, ChallengeLabel):
			return nil, fmt.Errorf("record %s has texts and does not begin with %s", r.Name, ChallengeLabel)
		case len(r.Addresses)+len(r.Texts) > 0: // a name without anything is no name
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b Record) int { return cmp.Compare(a.Name, b.Name) })
	for i := 1; i < len(out); i++ {
		if out[i].Name == out[i-1].Name {
			return nil, fmt.Errorf("record %s is wanted twice", out[i].Name)
		}
	}
	return out, nil
}
