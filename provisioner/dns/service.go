package dns

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Set is what a hosted zone has under one name and type.
type Set struct {
	// Name in lower case, without the dot at its end.
	Name string
	// Type is A, AAAA, TXT or another one, in upper case.
	Type string
	TTL  time.Duration
	// Values are addresses, or texts without quotes, sorted. Of other types they
	// need not be told.
	Values []string
	// Version is the service's own mark of this state of the set, where it has one.
	Version string
	// Owner is the installation that made the set, where the service keeps that with
	// it (Limits.Owners); else it is of no account.
	Owner string
	// Special sets answer by rules (aliases, weights, health) that Godwit does not
	// make: they are somebody else's.
	Special bool
}

// Swap replaces a set by another one of the same name and type. Old is nil where
// there is to be none before, New where there is to be none afterwards. Where both
// are the same set, it must only be so still.
type Swap struct{ Old, New *Set }

// Name that the swap is about.
func (s Swap) Name() string {
	if s.New != nil {
		return s.New.Name
	}
	return s.Old.Name
}

// Limits of a service; zero: there is none.
type Limits struct {
	// Values in one set.
	Values int
	// BatchSets, BatchValues and BatchBytes bound one Apply: sets and values count
	// before and after; bytes are those of values.
	BatchSets, BatchValues, BatchBytes int
	// Owners: the service keeps each set's Owner, from the call that makes it. Then
	// that alone says whose a set is; else the marker of its name does.
	Owners bool
}

// ErrConflict is what Apply says where a set is not as its Swap has it: somebody
// else was faster, or what was read was old.
var ErrConflict = errors.New("the zone changed meanwhile")

// Service is a zone at a cloud's DNS service. Errors carry a provisioner.Class:
// NotFound where the zone is gone. A Hosted calls it from one goroutine at a
// time.
type Service interface {
	// Apex finds the zone and returns its name, without the dot at its end.
	Apex(ctx context.Context) (string, error)
	// Sets reads all record sets of the zone.
	Sets(ctx context.Context) ([]Set, error)
	// Apply makes swaps, all or none, in the order in which they are given where
	// the service has no such step. It fails with ErrConflict where a set is not as
	// Old says. It fills Version of each New. After any other error swaps may have
	// been made.
	Apply(ctx context.Context, swaps []Swap) error
	Limits() Limits
}

// HeldError tells of wanted names that are somebody else's; nothing of them was
// changed.
type HeldError struct {
	Zone  string
	Names []Held
}

// Held is a name that is somebody else's.
type Held struct{ Name, By string }

func (e *HeldError) Error() string {
	const most = 3
	var names []string
	for i, h := range e.Names {
		if i == most {
			names = append(names, fmt.Sprintf("%d more", len(e.Names)-most))
			break
		}
		names = append(names, h.Name+" ("+h.By+")")
	}
	return "zone " + e.Zone + ": these names are not Godwit's and stay as they are: " + strings.Join(names, ", ")
}

// marker is the name at which a TXT record says whose a name is.
func marker(name string) string { return markerLabel + name }

// Marked is the name that a marker is of.
func Marked(name string) (of string, ok bool) { return strings.CutPrefix(name, markerLabel) }

// ChallengeLabel begins the names at which certificate authorities look for texts
// (RFC 8555, section 8.4); only such names of ours have texts.
const ChallengeLabel = "_acme-challenge."

const (
	markerLabel = "_godwit."
	markerOwner = "godwit-owner="
)

// mark is what the marker of a name says: the owner and the types of its sets, so
// that one of another type, which somebody put beside them, is not taken for ours.
func mark(owner string, kinds []string) string {
	return markerOwner + owner + ";" + strings.Join(kinds, ",")
}

// claimed reads a marker.
func claimed(s *Set) (owner string, kinds []string) {
	if s == nil || s.Special || len(s.Values) != 1 {
		return "", nil
	}
	rest, ok := strings.CutPrefix(s.Values[0], markerOwner)
	if !ok {
		return "", nil
	}
	owner, list, _ := strings.Cut(rest, ";")
	for kind := range strings.SplitSeq(list, ",") {
		if slices.Contains(family(true), kind) || slices.Contains(family(false), kind) {
			kinds = append(kinds, kind)
		}
	}
	return owner, kinds
}

// MarkedKinds are the types of the sets that a marker claims.
func MarkedKinds(s *Set) []string {
	_, kinds := claimed(s)
	return kinds
}

// family are the types of sets that a name with texts, or with addresses, may have.
func family(texts bool) []string {
	if texts {
		return []string{"TXT"}
	}
	return []string{"A", "AAAA"}
}

// same says whether two sets answer alike.
func same(a, b *Set) bool {
	return a.TTL == b.TTL && slices.Equal(a.Values, b.Values)
}
