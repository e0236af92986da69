// Package offering is what providers of clouds with zones share: the ways in
// which a template's node can be had, their order, and what the cloud lately had
// none of.
//
// What is remembered is a hint: a restart that loses it costs a call, never an
// instance.
package offering

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/godwit/godwit/provisioner"
)

// Offering is one way to have a node: how it is paid for, how large it is, where
// it stands.
type Offering struct {
	Spot bool
	Type string
	Zone string
}

// String is for people.
func (o Offering) String() string {
	market := "on demand"
	if o.Spot {
		market = "spot"
	}
	if o.Zone == "" {
		return o.Type + " " + market
	}
	return fmt.Sprintf("%s %s in %s", o.Type, market, o.Zone)
}

// Wanted is a template's choice.
type Wanted struct {
	// Types in order of preference.
	Types []string
	// Zones over which nodes are spread; without any there is one, of no name.
	Zones []string
	// SpotPercent of the nodes are asked for as spot; with Fallback, what spot
	// refuses is launched on demand.
	SpotPercent int
	Fallback    bool
}

// List returns the offerings in the order in which a cloud is asked: spot before
// on demand where this node is among the spot share, types by preference, and for
// each type the zones from the emptiest.
func (w Wanted) List(token string, load map[string]int) []Offering {
	zones := slices.Clone(w.Zones)
	if len(zones) == 0 {
		zones = []string{""}
	}
	slices.SortStableFunc(zones, func(a, b string) int {
		return cmp.Or(cmp.Compare(load[a], load[b]), cmp.Compare(draw(token, a), draw(token, b)))
	})
	var list []Offering
	for _, spot := range w.markets(token) {
		for _, size := range w.Types {
			for _, zone := range zones {
				list = append(list, Offering{spot, size, zone})
			}
		}
	}
	return list
}

// markets says how this node is bought. Which nodes are spot follows from the
// token, so that a repeated launch asks for the same.
func (w Wanted) markets(token string) []bool {
	switch {
	case w.SpotPercent == 0 || int(draw(token, "spot")%100) >= w.SpotPercent:
		return []bool{false}
	case w.Fallback:
		return []bool{true, false}
	}
	return []bool{true}
}

// draw is a number that a token and a word always give.
func draw(token, word string) uint64 {
	sum := sha256.Sum256([]byte(token + "\x00" + word))
	return binary.BigEndian.Uint64(sum[:])
}

// How long a refused offering is left alone. Capacity comes and goes within
// minutes (three is what others found right); a quota is raised by people; what
// a zone does not have it will not have today.
const (
	CapacityRests   = 3 * time.Minute
	QuotaRests      = 5 * time.Minute
	NotOfferedRests = time.Hour
)

// Refusal is what a cloud had none of.
type Refusal struct {
	Offering Offering
	Class    provisioner.Class
	Until    time.Time
	Text     string
}

// Refusals remembers them by offering, so that a launch goes at once to what may
// succeed. Its zero value is ready; it is safe for concurrent use.
type Refusals struct {
	mutex sync.Mutex
	until map[Offering]Refusal
}

// Note remembers one. wide says that it holds for all zones of the region, as
// quotas do.
func (r *Refusals) Note(now time.Time, what Refusal, rests time.Duration, region string, wide bool) Refusal {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.until == nil {
		r.until = map[Offering]Refusal{}
	}
	for known, old := range r.until {
		if !now.Before(old.Until) {
			delete(r.until, known)
		}
	}
	what.Until = now.Add(rests)
	at := what.Offering
	if wide {
		at.Zone = "region " + region
	}
	r.until[at] = what
	return what
}

// Of says that an offering was refused lately.
func (r *Refusals) Of(now time.Time, region string, o Offering) (Refusal, bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for _, at := range []Offering{o, {o.Spot, o.Type, "region " + region}} {
		if what, ok := r.until[at]; ok && now.Before(what.Until) {
			return what, true
		}
	}
	return Refusal{}, false
}

// Exhausted says that all that the template offers was refused: for want of
// quota alone it is Quota, else Capacity. What no zone offers at all is the
// template's fault, which field names.
func Exhausted(node, field string, now time.Time, refused []Refusal) error {
	class, next := provisioner.InvalidTemplate, time.Time{}
	var texts []string
	for _, what := range refused {
		if rank(what.Class) > rank(class) {
			class = what.Class
		}
		if next.IsZero() || what.Until.Before(next) {
			next = what.Until
		}
		text := what.Offering.String() + ": " + what.Text
		if !slices.Contains(texts, text) && len(texts) < 4 {
			texts = append(texts, text)
		}
	}
	e := &provisioner.Error{
		Class: class, Op: "launch", Subject: node, RetryAfter: max(0, next.Sub(now)),
		Err: fmt.Errorf("%d offerings of the template are refused: %s", len(refused), strings.Join(texts, "; ")),
	}
	if len(refused) == 0 {
		e.Err = errors.New("the template offers nothing")
	}
	if class == provisioner.InvalidTemplate {
		e.Field, e.RetryAfter = field, 0
	}
	return e
}

func rank(c provisioner.Class) int {
	return slices.Index([]provisioner.Class{provisioner.InvalidTemplate, provisioner.Quota, provisioner.Capacity}, c)
}

// Because says why it is not the offering that was wanted most; empty if it is.
func Because(o Offering, refused []Refusal) string {
	if len(refused) == 0 {
		return ""
	}
	last := refused[len(refused)-1]
	return fmt.Sprintf("%s, after %d that the cloud refuses: %s: %s", o, len(refused), last.Offering, last.Text)
}

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
	load := map[string]int{}
	for zone, n := range s.count[cluster] {
		load[zone] = n
	}
	return load
}

// Add counts n more, or fewer.
func (s *Spread) Add(cluster, zone string, n int) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.count == nil {
		s.count = map[string]map[string]int{}
	}
	if s.count[cluster] == nil {
		s.count[cluster] = map[string]int{}
	}
	s.count[cluster][zone] += n
}

// Listed replaces the counts of an installation by those of its list.
func (s *Spread) Listed(instances []provisioner.Instance) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.count = map[string]map[string]int{}
	for _, i := range instances {
		if s.count[i.Owner.Cluster] == nil {
			s.count[i.Owner.Cluster] = map[string]int{}
		}
		s.count[i.Owner.Cluster][i.Zone]++
	}
}

// Launches lets one call at a time ask with one token, and knows which tokens
// were asked with. Its zero value is ready.
type Launches struct {
	mutex sync.Mutex
	known map[string]*turn
}

type turn struct {
	free  chan struct{} // holds one value while nobody is inside
	used  time.Time     // of Launches.mutex
	asked bool          // of who is inside
}

// launchesKept is how long a token is remembered after its last call: longer
// than the longest launch timeout of a policy.
const launchesKept = 2 * time.Hour

// Enter waits for other calls with the same token to end. again says that one of
// them may have made something.
func (l *Launches) Enter(ctx context.Context, now time.Time, token string) (leave func(), again bool, err error) {
	l.mutex.Lock()
	if l.known == nil {
		l.known = map[string]*turn{}
	}
	t := l.known[token]
	if t == nil {
		maps.DeleteFunc(l.known, func(_ string, old *turn) bool { return now.Sub(old.used) > launchesKept })
		t = &turn{free: make(chan struct{}, 1)}
		t.free <- struct{}{}
		l.known[token] = t
	}
	t.used = now
	l.mutex.Unlock()
	select {
	case <-t.free:
		again, t.asked = t.asked, true
		return func() { t.free <- struct{}{} }, again, nil
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
}
