// Package zonesim is a zone at a cloud's DNS service, as hostile as one may be,
// for tests. It keeps record sets and what goes wrong; the simulators of the
// clouds put their protocols before it.
//
// What may go wrong on purpose: calls are throttled, fail, have their effect and
// lose their answer; lists show the zone as it was before the last change; others
// write between a list and a change; the zone is gone.
package zonesim

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/godwit/godwit/provisioner/dns"
)

// Fault is what happens to a call.
type Fault int

// The faults of a call.
const (
	None Fault = iota
	// Throttled: refused, with no effect.
	Throttled
	// Broken: a failure of the service, with no effect.
	Broken
	// Lost: the effect is there, the answer is not.
	Lost
)

type key struct{ name, kind string }

// Zone is one zone. Its methods may be called at any time.
type Zone struct {
	apex string

	mutex   sync.Mutex
	sets    map[key]dns.Set
	before  map[key]dns.Set // the zone before its last change
	serial  int
	gone    bool
	faults  []Fault
	forever Fault
	stale   int
	meddle  []func() // done before the next changes, one each
	calls   map[string]int
}

// New makes a zone with its SOA and NS records.
func New(apex string) *Zone {
	z := &Zone{apex: apex, sets: map[key]dns.Set{}, calls: map[string]int{}}
	z.put(dns.Set{Name: apex, Type: "SOA", TTL: 900e9, Values: []string{"ns1.example.net. hostmaster.example.net. 1 7200 900 1209600 86400"}})
	z.put(dns.Set{Name: apex, Type: "NS", TTL: 3600e9, Values: []string{"ns1.example.net.", "ns2.example.net."}})
	z.before = maps.Clone(z.sets)
	return z
}

// Apex is the zone's name.
func (z *Zone) Apex() string { return z.apex }

func (z *Zone) put(s dns.Set) dns.Set {
	z.serial++
	s.Version = "v" + strconv.Itoa(z.serial)
	s.Values = slices.Clone(s.Values)
	z.sets[key{s.Name, s.Type}] = s
	return s
}

// Put is somebody's who is not Godwit.
func (z *Zone) Put(s dns.Set) {
	z.mutex.Lock()
	defer z.mutex.Unlock()
	z.before = maps.Clone(z.sets)
	z.put(s)
}

// Edit is somebody's change of a set that is there: what it says besides stays, as
// with the tools of services that keep an owner.
func (z *Zone) Edit(name, kind string, ttl time.Duration, values ...string) {
	z.mutex.Lock()
	defer z.mutex.Unlock()
	z.before = maps.Clone(z.sets)
	s := z.sets[key{name, kind}]
	s.Name, s.Type, s.TTL, s.Values = name, kind, ttl, values
	z.put(s)
}

// Remove is somebody's too.
func (z *Zone) Remove(name, kind string) {
	z.mutex.Lock()
	defer z.mutex.Unlock()
	z.before = maps.Clone(z.sets)
	delete(z.sets, key{name, kind})
}

// Truth is what the zone has, in order of name and type.
func (z *Zone) Truth() []dns.Set {
	z.mutex.Lock()
	defer z.mutex.Unlock()
	return list(z.sets)
}

// Get is one set of the truth.
func (z *Zone) Get(name, kind string) (dns.Set, bool) {
	z.mutex.Lock()
	defer z.mutex.Unlock()
	s, ok := z.sets[key{name, kind}]
	return s, ok
}

func list(sets map[key]dns.Set) []dns.Set {
	out := slices.Collect(maps.Values(sets))
	slices.SortFunc(out, func(a, b dns.Set) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Type, b.Type)) })
	for i := range out {
		out[i].Values = slices.Clone(out[i].Values)
	}
	return out
}

// Next gives the next calls their faults.
func (z *Zone) Next(faults ...Fault) {
	z.mutex.Lock()
	defer z.mutex.Unlock()
	z.faults = faults
}

// Always gives every call a fault, until it is None.
func (z *Zone) Always(f Fault) {
	z.mutex.Lock()
	defer z.mutex.Unlock()
	z.forever = f
}

// Stale makes the next n lists old.
func (z *Zone) Stale(n int) {
	z.mutex.Lock()
	defer z.mutex.Unlock()
	z.stale = n
}

// Meddle does something just before each of the next changes.
func (z *Zone) Meddle(do ...func()) {
	z.mutex.Lock()
	defer z.mutex.Unlock()
	z.meddle = do
}

// Vanish takes the zone away, or brings it back.
func (z *Zone) Vanish(gone bool) {
	z.mutex.Lock()
	defer z.mutex.Unlock()
	z.gone = gone
}

// Gone says whether it is away.
func (z *Zone) Gone() bool {
	z.mutex.Lock()
	defer z.mutex.Unlock()
	return z.gone
}

// Calls are how often each was made, whatever came of it.
func (z *Zone) Calls() map[string]int {
	z.mutex.Lock()
	defer z.mutex.Unlock()
	return maps.Clone(z.calls)
}

// Called counts a call and says what happens to it.
func (z *Zone) Called(name string) Fault {
	z.mutex.Lock()
	defer z.mutex.Unlock()
	z.calls[name]++
	if z.forever != None {
		return z.forever
	}
	if len(z.faults) == 0 {
		return None
	}
	f := z.faults[0]
	z.faults = z.faults[1:]
	return f
}

// List is what a list shows.
func (z *Zone) List() []dns.Set {
	z.mutex.Lock()
	defer z.mutex.Unlock()
	if z.stale > 0 {
		z.stale--
		return list(z.before)
	}
	return list(z.sets)
}

// Mismatch is a set that is not as the change has it. Exists tells that it is
// there and should not be.
type Mismatch struct {
	Name, Type string
	Exists     bool
}

func (m *Mismatch) Error() string {
	if m.Exists {
		return fmt.Sprintf("the resource record set %s %s already exists", m.Name, m.Type)
	}
	return fmt.Sprintf("the resource record set %s %s was not found, or has other values", m.Name, m.Type)
}

// Change removes sets, which must be there as they are told, and adds others,
// which must not: all or nothing.
func (z *Zone) Change(removed, added []dns.Set) error {
	z.meddles()
	z.mutex.Lock()
	defer z.mutex.Unlock()
	next := maps.Clone(z.sets)
	for _, s := range removed {
		now, ok := next[key{s.Name, s.Type}]
		if !ok || now.TTL != s.TTL || !slices.Equal(sorted(now.Values), sorted(s.Values)) || now.Special {
			return &Mismatch{s.Name, s.Type, false}
		}
		delete(next, key{s.Name, s.Type})
	}
	for _, s := range added {
		if _, ok := next[key{s.Name, s.Type}]; ok {
			return &Mismatch{s.Name, s.Type, true}
		}
		z.serial++
		s.Version = "v" + strconv.Itoa(z.serial)
		next[key{s.Name, s.Type}] = s
	}
	z.before, z.sets = z.sets, next
	return nil
}

// Write puts one set, or removes the named one where s has no values. With
// version the set must be of it, with fresh it must not be there.
func (z *Zone) Write(s dns.Set, version string, fresh bool) (dns.Set, error) {
	z.meddles()
	z.mutex.Lock()
	defer z.mutex.Unlock()
	now, exists := z.sets[key{s.Name, s.Type}]
	if fresh && exists || version != "" && now.Version != version {
		return dns.Set{}, &Mismatch{s.Name, s.Type, exists}
	}
	z.before = maps.Clone(z.sets)
	if len(s.Values) == 0 {
		delete(z.sets, key{s.Name, s.Type})
		return s, nil
	}
	return z.put(s), nil
}

func (z *Zone) meddles() {
	z.mutex.Lock()
	var do func()
	if len(z.meddle) > 0 {
		do, z.meddle = z.meddle[0], z.meddle[1:]
	}
	z.mutex.Unlock()
	if do != nil {
		do()
	}
}

func sorted(in []string) []string { return slices.Sorted(slices.Values(in)) }
