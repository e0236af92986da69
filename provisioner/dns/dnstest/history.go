package dnstest

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godwit/godwit/provisioner/dns"
	"github.com/godwit/godwit/provisioner/dns/zonesim"
)

var (
	histories = flag.Int("histories", 0, "seeded histories of a hosted zone; 0: as many as the test wants")
	oneSeed   = flag.Uint64("history", 0, "the one history to replay")
)

// HistoryApex is the zone of histories.
const HistoryApex = "example.org"

// history is a zone, those who write it, and what is somebody else's.
type history struct {
	t       *testing.T
	rng     *rand.Rand
	cloud   *zonesim.Zone
	clock   *Clock
	reopen  func(*testing.T) dns.Zone
	zone    dns.Zone
	foreign map[string]dns.Set // by name and type
}

func newHistory(t *testing.T, seed uint64, open func(*zonesim.Zone, *Clock) func(*testing.T) dns.Zone) *history {
	t.Helper()
	h := &history{t: t, rng: rand.New(rand.NewPCG(seed, 1)), cloud: zonesim.New(HistoryApex), clock: NewClock(), foreign: map[string]dns.Set{}}
	h.reopen = open(h.cloud, h.clock)
	for _, s := range h.cloud.Truth() {
		h.foreign[s.Name+" "+s.Type] = s
	}
	h.zone = h.reopen(t)
	return h
}

func (h *history) name() string { return fmt.Sprintf("c%d.%s", h.rng.IntN(6), HistoryApex) }

// take puts somebody's record at a name that nobody has.
func (h *history) take(name, kind string) {
	for _, s := range h.cloud.Truth() {
		if s.Name == name || s.Name == "_godwit."+name {
			return
		}
	}
	s := dns.Set{Name: name, Type: kind, TTL: 77e9, Values: []string{"203.0.113.7"}}
	h.cloud.Put(s)
	h.foreign[name+" "+kind] = s
}

func (h *history) trouble() {
	switch h.rng.IntN(9) {
	case 0:
		h.cloud.Next(zonesim.Lost)
	case 1:
		h.cloud.Next(zonesim.None, zonesim.Lost)
	case 2:
		h.cloud.Next(zonesim.Throttled)
	case 3:
		h.cloud.Next(zonesim.None, zonesim.Broken)
	case 4:
		h.cloud.Stale(1 + h.rng.IntN(2))
	case 5:
		name := h.name()
		kind := []string{"A", "AAAA"}[h.rng.IntN(2)] // a CNAME beside addresses no service takes
		h.cloud.Meddle(func() { h.take(name, kind) })
	case 6:
		h.take(h.name(), []string{"A", "AAAA", "CNAME"}[h.rng.IntN(3)])
	case 7:
		h.cloud.Vanish(true)
	case 8:
		h.zone = h.reopen(h.t) // a manager that knows nothing of the one before
	}
}

func (h *history) wanted() []dns.Record {
	var all []dns.Record
	for i := range 6 {
		r := dns.Record{Name: fmt.Sprintf("c%d.%s", i, HistoryApex), TTL: 10 * time.Second}
		for range h.rng.IntN(6) {
			r.Addresses = append(r.Addresses, Addresses(fmt.Sprintf("192.0.2.%d", h.rng.IntN(9)+1), fmt.Sprintf("2001:db8::%x", h.rng.IntN(9)+1))[h.rng.IntN(2)])
		}
		if len(r.Addresses) > 0 {
			all = append(all, r)
		}
	}
	return all
}

// untouched says that what is somebody else's is there as they left it.
func (h *history) untouched(when string) {
	h.t.Helper()
	for at, s := range h.foreign {
		if now, ok := h.cloud.Get(s.Name, s.Type); !ok || now.TTL != s.TTL || !slices.Equal(now.Values, s.Values) {
			h.t.Fatalf("%s: %s of somebody else is %v", when, at, now)
		}
	}
}

// settle lets all trouble end, and returns which names are somebody else's.
func (h *history) settle(wanted []dns.Record) map[string]bool {
	h.t.Helper()
	h.cloud.Next()
	h.cloud.Stale(0)
	h.cloud.Meddle()
	h.cloud.Vanish(false)
	held := map[string]bool{}
	for range 3 {
		h.clock.Pass(5 * time.Minute)
		_, err := h.zone.Converge(h.t.Context(), wanted)
		if taken, ok := errors.AsType[*dns.HeldError](err); ok {
			for _, n := range taken.Names {
				held[n.Name] = true
			}
		} else if err != nil {
			h.t.Fatalf("without any trouble: %v", err)
		}
	}
	return held
}

// Histories runs n of them, in which everything goes wrong that may: nothing of
// ours is left that is not wanted, all that is wanted is there, once the trouble is
// over, and nothing of others is ever touched. open gives managers of a zone, one
// after the other.
func Histories(t *testing.T, n uint64, open func(*zonesim.Zone, *Clock) func(*testing.T) dns.Zone) {
	t.Helper()
	if *histories > 0 {
		n = uint64(*histories) //nolint:gosec // a count
	}
	for seed := uint64(1); seed <= n; seed++ {
		if *oneSeed != 0 && seed != *oneSeed {
			continue
		}
		h := newHistory(t, seed, open)
		var wanted []dns.Record
		for step := range 30 {
			if h.rng.IntN(3) == 0 {
				h.trouble()
			}
			if h.rng.IntN(2) == 0 {
				wanted = h.wanted()
			}
			_, _ = h.zone.Converge(t.Context(), wanted) // its failures are the point
			h.clock.Pass(time.Duration(h.rng.IntN(40)) * time.Second)
			h.cloud.Vanish(h.cloud.Gone() && h.rng.IntN(3) > 0)
			h.untouched(fmt.Sprintf("-history %d, step %d", seed, step))
		}
		held := h.settle(wanted)
		when := fmt.Sprintf("-history %d, at the end", seed)
		h.untouched(when)
		want := map[string]bool{}
		for _, r := range wanted {
			for _, a := range r.Addresses {
				at := r.Name + map[bool]string{true: " A", false: " AAAA"}[a.Is4()]
				if _, theirs := h.foreign[at]; !theirs && !held[r.Name] {
					want[at], want["_godwit."+r.Name+" TXT"] = true, true
				}
			}
		}
		for _, s := range h.cloud.Truth() {
			at := s.Name + " " + s.Type
			_, theirs := h.foreign[at]
			beside := held[strings.TrimPrefix(s.Name, "_godwit.")] // ours beside somebody's, of another type
			if !theirs && !want[at] && !beside {
				t.Fatalf("%s: %s %v is left", when, at, s.Values)
			}
			delete(want, at)
		}
		for at := range want {
			t.Fatalf("%s: %s is missing", when, at)
		}
	}
}
