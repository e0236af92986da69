package dnstest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/dns"
	"github.com/godwit/godwit/provisioner/dns/zonesim"
)

// neighbours are what others have in a zone, some of it beside Godwit's names.
func (h Harness) neighbours() []dns.Set {
	sets := []dns.Set{
		{Name: "www." + h.Apex, Type: "A", TTL: 300e9, Values: []string{"203.0.113.80"}},
		{Name: "mail." + h.Apex, Type: "MX", TTL: 300e9, Values: []string{"10 mx.example.net."}},
		{Name: "_dmarc." + h.Apex, Type: "TXT", TTL: 300e9, Values: []string{"v=DMARC1; p=none"}},
		{Name: "a." + h.Apex, Type: "TXT", TTL: 300e9, Values: []string{"somebody's text beside a cluster's name"}},
		{Name: "_godwit.old." + h.Apex, Type: "TXT", TTL: 300e9, Values: []string{"godwit-owner=somebody-else;A"}},
	}
	for _, s := range sets {
		h.Cloud.Put(s)
	}
	return append(sets, zonesim.New(h.Apex).Truth()...)
}

func anyState(t *testing.T, h Harness) {
	const seed = 7
	rng := rand.New(rand.NewPCG(seed, 1))
	others := h.neighbours()
	labels := []string{"a", "all.a", "b", "all.b", "c", "d"}
	for round := range 25 {
		var wanted []dns.Record
		for _, label := range labels {
			if rng.IntN(3) == 0 {
				continue
			}
			var addresses []string
			for i := range 1 + rng.IntN(3) {
				addresses = append(addresses, fmt.Sprintf("192.0.2.%d", 10*i+rng.IntN(9)+1))
				if rng.IntN(2) == 0 {
					addresses = append(addresses, fmt.Sprintf("2001:db8::%x", 16*i+rng.IntN(9)+1))
				}
			}
			wanted = append(wanted, h.record(label, addresses...))
		}
		if rng.IntN(4) == 0 {
			h.Zone = h.Reopen(t)
		}
		h.soon(t, wanted...)
		h.exactly(t, fmt.Sprintf("round %d", round), others, wanted...)
	}
}

func foreign(t *testing.T, h Harness) {
	apex := zonesim.New(h.Apex).Truth()
	name := "media." + h.Apex
	for what, s := range map[string]dns.Set{
		"an address":               {Name: name, Type: "A", TTL: 60e9, Values: []string{"203.0.113.1"}},
		"an address of IPv6":       {Name: name, Type: "AAAA", TTL: 60e9, Values: []string{"2001:db8::80"}},
		"an alias":                 {Name: name, Type: "CNAME", TTL: 60e9, Values: []string{"www.example.net."}},
		"a delegation":             {Name: name, Type: "NS", TTL: 60e9, Values: []string{"ns.example.net."}},
		"another installation":     {Name: "_godwit." + name, Type: "TXT", TTL: 60e9, Values: []string{"godwit-owner=somebody-else"}},
		"a text in place of marks": {Name: "_godwit." + name, Type: "TXT", TTL: 60e9, Values: []string{"hello"}},
	} {
		h.Cloud.Put(s)
		h.Zone = h.Reopen(t)
		media, fine := h.record("media", "192.0.2.1"), h.record("fine", "192.0.2.2")
		_, err := h.Zone.Converge(t.Context(), []dns.Record{media, fine})
		held, ok := errors.AsType[*dns.HeldError](err)
		if !ok || len(held.Names) != 1 || held.Names[0].Name != name || held.Names[0].By == "" {
			t.Errorf("%s: %v", what, err)
		}
		h.exactly(t, what, append([]dns.Set{s}, apex...), fine)
		calls := h.calls()
		if _, err := h.Zone.Converge(t.Context(), []dns.Record{media, fine}); err == nil || h.calls() != calls {
			t.Errorf("%s, again: %v after %d calls", what, err, h.calls()-calls)
		}
		h.Cloud.Remove(s.Name, s.Type)
		h.Pass(time.Minute)
		h.converge(t, media, fine)
		h.exactly(t, what+" left", apex, media, fine)
		h.converge(t)
	}
}

func installations(t *testing.T, h Harness) {
	other := h
	other.Zone = h.Foreign(t)
	other.converge(t, h.record("theirs", "192.0.2.9"))
	h.converge(t, h.record("ours", "192.0.2.1"))
	if m, _ := h.Cloud.Get("_godwit.ours."+h.Apex, "TXT"); len(m.Values) != 1 || m.Values[0] != "godwit-owner=ours;A" {
		t.Errorf("the mark is %q", m.Values)
	}
	other.Pass(time.Hour)
	other.converge(t, h.record("theirs", "192.0.2.9"))
	h.converge(t)
	h.exactly(t, "after ours went", zonesim.New(h.Apex).Truth(), h.record("theirs", "192.0.2.9"))
}

func mended(t *testing.T, h Harness) {
	a := h.record("a", "192.0.2.1", "2001:db8::1")
	h.converge(t, a)
	h.Cloud.Remove(a.Name, "A")
	h.Cloud.Edit(a.Name, "AAAA", 5e9, "2001:db8::bad")
	h.Pass(5 * time.Minute)
	h.converge(t, a)
	h.expect(t, "a", "A", "192.0.2.1")
	h.expect(t, "a", "AAAA", "2001:db8::1")
	// What was changed by hand is noticed at once where it is in the way.
	h.Cloud.Edit(a.Name, "A", 5e9, "203.0.113.1")
	h.converge(t, h.record("a", "192.0.2.2"))
	h.expect(t, "a", "A", "192.0.2.2")
	h.expect(t, "a", "AAAA")
}

func lost(t *testing.T, h Harness) {
	apex := zonesim.New(h.Apex).Truth()
	faults := []zonesim.Fault{zonesim.Lost, zonesim.Broken}
	for i := range 24 {
		wanted := []dns.Record{h.record("a", fmt.Sprintf("192.0.2.%d", i+1)), h.record(fmt.Sprintf("c%d", i%5), "192.0.2.1", fmt.Sprintf("2001:db8::%x", i+1))}
		plan := make([]zonesim.Fault, i%6+1)
		plan[i%6] = faults[i%2]
		h.Cloud.Next(plan...)
		if i%4 == 0 {
			h.Zone = h.Reopen(t)
		}
		h.soon(t, wanted...)
		h.exactly(t, fmt.Sprintf("round %d", i), apex, wanted...)
	}
}

func stale(t *testing.T, h Harness) {
	others := h.neighbours()
	h.converge(t, h.record("a", "192.0.2.1"))
	for i := range 10 {
		wanted := []dns.Record{h.record("a", fmt.Sprintf("192.0.2.%d", i+2)), h.record("c", "192.0.2.1")}
		if i%2 == 0 {
			wanted = wanted[:1]
		}
		h.Zone = h.Reopen(t)
		h.Cloud.Stale(i%3 + 1)
		h.soon(t, wanted...)
		h.Pass(5 * time.Minute) // what an old list seemed to say right is looked at again
		h.soon(t, wanted...)
		h.exactly(t, fmt.Sprintf("round %d", i), others, wanted...)
	}
}

func meanwhile(t *testing.T, h Harness) {
	h.converge(t, h.record("a", "192.0.2.1"))
	theirs := dns.Set{Name: "b." + h.Apex, Type: "A", TTL: 60e9, Values: []string{"203.0.113.1"}}
	// Somebody takes a name after it was seen to be free, before it is written: on
	// services without batches before its mark, or between mark and address.
	for _, before := range []int{1, 2} {
		plan := make([]func(), before)
		for i := range plan {
			plan[i] = func() {}
		}
		plan[before-1] = func() { h.Cloud.Put(theirs) }
		h.Cloud.Meddle(plan...)
		wanted := []dns.Record{h.record("a", "192.0.2.1"), h.record("b", "192.0.2.2")}
		_, err := h.Zone.Converge(t.Context(), wanted)
		if _, there := h.Cloud.Get(theirs.Name, "A"); before == 2 && err == nil {
			h.Cloud.Meddle() // one step did it all
			h.converge(t, wanted[0])
			continue
		} else if !there {
			t.Fatal("nobody meddled")
		}
		if _, held := errors.AsType[*dns.HeldError](err); !held {
			t.Errorf("taken meanwhile: %v", err)
		}
		h.exactly(t, "taken meanwhile", append([]dns.Set{theirs}, zonesim.New(h.Apex).Truth()...), wanted[0])
		h.Cloud.Remove(theirs.Name, "A")
		h.Pass(time.Minute)
		h.converge(t, wanted[0])
	}
}

func throttled(t *testing.T, h Harness) {
	h.converge(t, h.record("a", "192.0.2.1"))
	h.Cloud.Always(zonesim.Throttled)
	_, err := h.Zone.Converge(t.Context(), []dns.Record{h.record("a", "192.0.2.2")})
	if !errors.Is(err, provisioner.Throttled) {
		t.Fatalf("%v", err)
	}
	calls := h.calls()
	for range 10 { // at once again: not a call
		if _, err := h.Zone.Converge(t.Context(), []dns.Record{h.record("a", "192.0.2.2")}); !errors.Is(err, provisioner.Throttled) {
			t.Errorf("%v", err)
		}
	}
	if now := h.calls(); now != calls {
		t.Errorf("%d calls while the service asks for a pause", now-calls)
	}
	for range 600 { // ten minutes, asked each second
		h.Pass(time.Second)
		_, _ = h.Zone.Converge(t.Context(), []dns.Record{h.record("a", "192.0.2.2")})
	}
	if now := h.calls() - calls; now > 150 {
		t.Errorf("%d calls in ten minutes of throttling", now)
	}
	h.expect(t, "a", "A", "192.0.2.1")
	h.Cloud.Always(zonesim.None)
	h.Pass(time.Minute)
	h.converge(t, h.record("a", "192.0.2.2"))
	h.expect(t, "a", "A", "192.0.2.2")
}

func gone(t *testing.T, h Harness) {
	h.converge(t, h.record("a", "192.0.2.1"))
	h.Cloud.Vanish(true)
	_, err := h.Zone.Converge(t.Context(), []dns.Record{h.record("a", "192.0.2.2")})
	if !errors.Is(err, provisioner.NotFound) {
		t.Errorf("%v", err)
	}
	h.Zone = h.Reopen(t)
	if _, err = h.Zone.Converge(t.Context(), []dns.Record{h.record("a", "192.0.2.2")}); !errors.Is(err, provisioner.NotFound) {
		t.Errorf("a manager that takes over: %v", err)
	}
	h.Cloud.Vanish(false)
	h.Pass(time.Minute)
	h.converge(t, h.record("a", "192.0.2.2"))
	h.expect(t, "a", "A", "192.0.2.2")
}
