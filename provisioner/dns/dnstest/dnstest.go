// Package dnstest is the one suite that every Zone passes: the embedded server
// and those of the clouds, each by its own protocol against its simulator.
package dnstest

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/godwit/godwit/provisioner/dns"
	"github.com/godwit/godwit/provisioner/dns/zonesim"
)

// Harness is a Zone and its surroundings. Zone, Apex and Lookup are required; the
// rest is of zones at a cloud.
type Harness struct {
	Zone dns.Zone
	Apex string
	// Lookup is what is published under a name and type; nil: nothing.
	Lookup func(t *testing.T, name, kind string) ([]string, time.Duration)
	// Cloud is the zone as it is there.
	Cloud *zonesim.Zone
	// Reopen is the same zone of a manager that takes over, Foreign that of another
	// installation.
	Reopen, Foreign func(t *testing.T) dns.Zone
	// Pass lets time pass by the zone's clock.
	Pass func(time.Duration)
	// Values are the most in a set.
	Values int
}

// Run holds zones, a new one for each promise, to the contract, or to those
// promises of it that are named.
func Run(t *testing.T, open func(t *testing.T) Harness, only ...string) {
	promises := []struct {
		name  string
		cloud bool
		hold  func(*testing.T, Harness)
	}{
		{"WhatIsWantedIsPublished", false, published},
		{"RepeatingChangesNothing", false, repeated},
		{"WhatIsNotWantedGoes", false, removed},
		{"TextsArePublishedBesideAddresses", false, texts},
		{"WrongRecordsChangeNothing", false, wrong},
		{"ConvergesFromAnyState", true, anyState},
		{"NamesOfOthersAreRefusedAndStay", true, foreign},
		{"OtherInstallationsKeepTheirNames", true, installations},
		{"ManyNamesFitBatchesAndPages", true, many},
		{"MoreAddressesThanFitStaySteady", true, crowd},
		{"WhatSomebodyBreaksIsMended", true, mended},
		{"LostAnswersAndFailuresLeaveNoHalf", true, lost},
		{"OldListsUndoNothing", true, stale},
		{"SomebodyElseMeanwhileIsNotOverwritten", true, meanwhile},
		{"ThrottlingIsWaitedFor", true, throttled},
		{"ZoneThatIsGoneIsSaidAndFoundAgain", true, gone},
	}
	for _, p := range promises {
		if len(only) > 0 && !slices.Contains(only, p.name) {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			if p.cloud && h.Cloud == nil {
				t.Skip("of zones at a cloud")
			}
			p.hold(t, h)
		})
	}
}

const ttl = 20 * time.Second

func (h Harness) record(label string, addresses ...string) dns.Record {
	r := dns.Record{Name: label + "." + h.Apex, TTL: ttl}
	for _, a := range addresses {
		r.Addresses = append(r.Addresses, netip.MustParseAddr(a))
	}
	return r
}

func (h Harness) converge(t *testing.T, wanted ...dns.Record) dns.Change {
	t.Helper()
	change, err := h.Zone.Converge(t.Context(), wanted)
	if err != nil {
		t.Fatal(err)
	}
	return change
}

// soon converges until it works, letting time pass; fewer tries than would hide
// a zone that only ever fails.
func (h Harness) soon(t *testing.T, wanted ...dns.Record) {
	t.Helper()
	var err error
	for range 12 {
		if _, err = h.Zone.Converge(t.Context(), wanted); err == nil {
			return
		}
		h.Pass(time.Minute)
	}
	t.Fatalf("after twelve minutes: %v", err)
}

func (h Harness) expect(t *testing.T, label, kind string, want ...string) {
	t.Helper()
	got, lasts := h.Lookup(t, label+"."+h.Apex, kind)
	got = slices.Sorted(slices.Values(got))
	if !slices.Equal(got, want) {
		t.Errorf("%s %s is %v, want %v", label, kind, got, want)
	}
	if len(want) > 0 && lasts != ttl {
		t.Errorf("%s %s lasts %s, want %s", label, kind, lasts, ttl)
	}
}

// exactly says that the cloud's zone has what is wanted, its markers, what is
// foreign, and nothing else.
func (h Harness) exactly(t *testing.T, when string, foreign []dns.Set, wanted ...dns.Record) {
	t.Helper()
	want := map[string][]string{}
	for _, s := range foreign {
		want[s.Name+" "+s.Type] = s.Values
	}
	for _, r := range wanted {
		want["_godwit."+r.Name+" TXT"] = nil // its text is looked at elsewhere
		for _, a := range r.Addresses {
			kind := " A"
			if a.Is6() {
				kind = " AAAA"
			}
			want[r.Name+kind] = append(want[r.Name+kind], a.String())
		}
		if len(r.Texts) > 0 {
			want[r.Name+" TXT"] = r.Texts
		}
	}
	for _, s := range h.Cloud.Truth() {
		at := s.Name + " " + s.Type
		values, known := want[at]
		switch {
		case !known:
			t.Errorf("%s: %s %v should not be there", when, at, s.Values)
		case values != nil && !slices.Equal(slices.Sorted(slices.Values(s.Values)), slices.Sorted(slices.Values(values))):
			t.Errorf("%s: %s is %v, want %v", when, at, s.Values, values)
		}
		delete(want, at)
	}
	for at := range want {
		t.Errorf("%s: %s is not there", when, at)
	}
}

func published(t *testing.T, h Harness) {
	change := h.converge(t, h.record("media", "192.0.2.2", "2001:db8::1", "192.0.2.1", "192.0.2.2"), h.record("all.media", "192.0.2.1"), h.record("empty"))
	if change.Added != 2 || change.Changed+change.Removed != 0 {
		t.Errorf("%s", change)
	}
	h.expect(t, "media", "A", "192.0.2.1", "192.0.2.2")
	h.expect(t, "media", "AAAA", "2001:db8::1")
	h.expect(t, "all.media", "A", "192.0.2.1")
	h.expect(t, "all.media", "AAAA")
	h.expect(t, "empty", "A")
	change = h.converge(t, h.record("media", "192.0.2.2"), h.record("all.media", "192.0.2.1"))
	if change.Changed != 1 || change.Added+change.Removed != 0 {
		t.Errorf("%s", change)
	}
	h.expect(t, "media", "A", "192.0.2.2")
	h.expect(t, "media", "AAAA")
}

func repeated(t *testing.T, h Harness) {
	wanted := []dns.Record{h.record("a", "192.0.2.1", "192.0.2.2"), h.record("b", "2001:db8::1")}
	h.converge(t, wanted...)
	calls := h.calls()
	slices.Reverse(wanted[0].Addresses)
	for range 5 {
		if change := h.converge(t, wanted...); !change.None() {
			t.Errorf("the same again: %s", change)
		}
	}
	if now := h.calls(); now != calls {
		t.Errorf("%d calls to change nothing", now-calls)
	}
	if h.Reopen != nil {
		h.Zone = h.Reopen(t)
		if change := h.converge(t, wanted...); !change.None() {
			t.Errorf("a manager that takes over: %s", change)
		}
	}
}

func (h Harness) calls() int {
	n := 0
	if h.Cloud != nil {
		for _, c := range h.Cloud.Calls() {
			n += c
		}
	}
	return n
}

func removed(t *testing.T, h Harness) {
	h.converge(t, h.record("a", "192.0.2.1"), h.record("b", "192.0.2.2", "2001:db8::2"))
	if h.Reopen != nil { // a cluster that is deleted while no manager runs
		h.Zone = h.Reopen(t)
	}
	if change := h.converge(t, h.record("a", "192.0.2.1")); change.Removed != 1 || change.Added+change.Changed != 0 {
		if h.Reopen != nil || change.Removed != 1 {
			t.Errorf("%s", change)
		}
	}
	h.expect(t, "a", "A", "192.0.2.1")
	h.expect(t, "b", "A")
	h.expect(t, "b", "AAAA")
	h.converge(t)
	h.expect(t, "a", "A")
	if h.Cloud != nil {
		h.exactly(t, "after the last", zonesim.New(h.Apex).Truth())
	}
}

func texts(t *testing.T, h Harness) {
	challenge := dns.Record{Name: "_acme-challenge.media." + h.Apex, TTL: ttl, Texts: []string{"two", "one-1_x=", "two"}}
	media := h.record("media", "192.0.2.1")
	h.converge(t, media, challenge)
	h.expect(t, "_acme-challenge.media", "TXT", "one-1_x=", "two")
	h.expect(t, "media", "A", "192.0.2.1")
	challenge.Texts = []string{"three"}
	if change := h.converge(t, media, challenge); change.Changed != 1 {
		t.Errorf("%s", change)
	}
	h.expect(t, "_acme-challenge.media", "TXT", "three")
	if change := h.converge(t, media); change.Removed != 1 {
		t.Errorf("%s", change)
	}
	h.expect(t, "_acme-challenge.media", "TXT")
}

func wrong(t *testing.T, h Harness) {
	good := h.record("good", "192.0.2.1")
	h.converge(t, good)
	for what, bad := range map[string]dns.Record{
		"a name of another zone": {Name: "media.example.net", TTL: ttl, Addresses: good.Addresses},
		"the zone itself":        {Name: h.Apex, TTL: ttl, Addresses: good.Addresses},
		"no name":                {Name: "-." + h.Apex, TTL: ttl, Addresses: good.Addresses},
		"no time to live":        {Name: "x." + h.Apex, Addresses: good.Addresses},
		"nowhere":                h.record("x", "0.0.0.0"),
		"a text with a quote":    {Name: "x." + h.Apex, TTL: ttl, Texts: []string{`a" "b`}},
		"addresses and texts":    {Name: "x." + h.Apex, TTL: ttl, Addresses: good.Addresses, Texts: []string{"a"}},
		"the same name again":    good,
	} {
		if _, err := h.Zone.Converge(t.Context(), []dns.Record{good, bad}); err == nil {
			t.Errorf("%s was taken", what)
		}
		if h.Pass != nil {
			h.Pass(2 * time.Minute)
		}
		h.expect(t, "good", "A", "192.0.2.1")
		h.expect(t, "x", "A")
	}
}

func many(t *testing.T, h Harness) {
	var wanted []dns.Record
	for i := range 300 {
		wanted = append(wanted, h.record(fmt.Sprintf("c%03d", i), fmt.Sprintf("192.0.2.%d", i%250+1), fmt.Sprintf("198.51.100.%d", i%250+1), fmt.Sprintf("2001:db8::%x", i+1)))
	}
	apex := zonesim.New(h.Apex).Truth()
	if change := h.converge(t, wanted...); change.Added != 300 {
		t.Errorf("%s", change)
	}
	h.exactly(t, "all", apex, wanted...)
	h.Zone = h.Reopen(t)
	if change := h.converge(t, wanted[:3]...); change.Removed != 297 || change.Added+change.Changed != 0 {
		t.Errorf("%s", change)
	}
	h.exactly(t, "three", apex, wanted[:3]...)
}

func crowd(t *testing.T, h Harness) {
	r := h.record("media")
	for i := range h.Values + 10 {
		r.Addresses = append(r.Addresses, netip.AddrFrom4([4]byte{10, 0, byte(i / 250), byte(i%250 + 1)}))
	}
	first := slices.Clone(r.Addresses[:h.Values])
	h.converge(t, r)
	got, _ := h.Lookup(t, r.Name, "A")
	if len(got) != h.Values {
		t.Fatalf("%d addresses, want %d", len(got), h.Values)
	}
	for _, a := range first {
		if !slices.Contains(got, a.String()) {
			t.Errorf("%s is among the best and is not published", a)
		}
	}
	slices.Reverse(r.Addresses)
	if change := h.converge(t, r); !change.None() {
		t.Errorf("another order: %s", change)
	}
	r.Addresses = slices.DeleteFunc(r.Addresses, func(a netip.Addr) bool { return a == first[0] })
	h.converge(t, r)
	after, _ := h.Lookup(t, r.Name, "A")
	kept := 0
	for _, a := range after {
		if slices.Contains(got, a) {
			kept++
		}
	}
	if len(after) != h.Values || kept != h.Values-1 || slices.Contains(after, first[0].String()) {
		t.Errorf("one left: %d addresses, %d of before", len(after), kept)
	}
}
