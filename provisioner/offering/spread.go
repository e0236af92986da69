package offering

import (
	"maps"
	"slices"
	"sync"

	"github.com/godwit/godwit/provisioner"
)

// Spread counts a cluster's instances by zone: those of the last list, and what
// was launched since. Its zero value is ready; it is safe for concurrent use.
type Spread struct {
	mutex sync.Mutex
	count map[string]map[string]int
}

// Of returns a cluster's counts.
func (s *Spread) Of(cluster string) map[string]int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return maps.Clone(s.count[cluster])
}

// take removes the offering that is next from a list and counts it: of those of
// the first one's market and type the one in the zone that is the emptiest by now,
// since others may have come while this launch went through the list. first takes
// the first whatever its zone.
func (s *Spread) take(cluster string, list []Offering, first bool) (Offering, []Offering) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	next := 0
	for i, o := range list {
		if first || o.Spot != list[0].Spot || o.Type != list[0].Type {
			break
		}
		if s.count[cluster][o.Zone] < s.count[cluster][list[next].Zone] {
			next = i
		}
	}
	o := list[next]
	s.add(cluster, o.Zone, 1)
	return o, slices.Delete(list, next, next+1)
}

// Add counts n more, or fewer.
func (s *Spread) Add(cluster, zone string, n int) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.add(cluster, zone, n)
}

func (s *Spread) add(cluster, zone string, n int) {
	if s.count == nil {
		s.count = map[string]map[string]int{}
	}
	if s.count[cluster] == nil {
		s.count[cluster] = map[string]int{}
	}
	s.count[cluster][zone] += n
}

// Listed replaces the counts of an installation by those of its list, in which
// each instance is in a zone.
func (s *Spread) Listed(instances []provisioner.Instance, zone func(provisioner.Instance) string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.count = map[string]map[string]int{}
	for _, i := range instances {
		if s.count[i.Owner.Cluster] == nil {
			s.count[i.Owner.Cluster] = map[string]int{}
		}
		s.count[i.Owner.Cluster][zone(i)]++
	}
}
