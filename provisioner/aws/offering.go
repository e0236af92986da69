package aws

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/godwit/godwit/provisioner"
	"github.com/godwit/godwit/provisioner/aws/template"
)

// offering is one way to have a node: how it is paid for, how large it is, where
// it stands.
type offering struct {
	spot   bool
	size   string
	subnet string
}

func (o offering) market() string {
	if o.spot {
		return "spot"
	}
	return "on demand"
}

func (o offering) String() string { return fmt.Sprintf("%s %s in %s", o.size, o.market(), o.subnet) }

// token is the client token with which EC2 is asked for this offering.
func (o offering) token(request provisioner.LaunchRequest) string {
	sum := sha256.Sum256([]byte(request.Owner.Installation + "\x00" + request.ClientToken + "\x00" + o.String()))
	return "godwit-" + hex.EncodeToString(sum[:20])
}

// offerings are the template's, in the order in which EC2 is asked: spot before
// on demand where this node is among the spot share, types by preference, and
// for each type the subnets from the emptiest.
func offerings(s template.Spec, request provisioner.LaunchRequest, load map[string]int) []offering {
	subnets := slices.Clone(s.Subnets)
	slices.SortStableFunc(subnets, func(a, b string) int {
		return cmp.Or(cmp.Compare(load[a], load[b]), cmp.Compare(draw(request.ClientToken, a), draw(request.ClientToken, b)))
	})
	var list []offering
	for _, spot := range markets(s, request) {
		for _, size := range s.InstanceTypes {
			for _, subnet := range subnets {
				list = append(list, offering{spot, size, subnet})
			}
		}
	}
	return list
}

// markets says how this node is bought. Which nodes are spot follows from the
// token, so that a repeated launch asks for the same.
func markets(s template.Spec, request provisioner.LaunchRequest) []bool {
	if s.SpotPercent == 0 || int(draw(request.ClientToken, "spot")%100) >= s.SpotPercent {
		return []bool{false}
	}
	if s.SpotFallback != nil && !*s.SpotFallback {
		return []bool{true}
	}
	return []bool{true, false}
}

// draw is a number that a token and a word always give.
func draw(token, word string) uint64 {
	sum := sha256.Sum256([]byte(token + "\x00" + word))
	return binary.BigEndian.Uint64(sum[:])
}

// spread counts a cluster's instances by subnet: those of the last list, and
// what was launched since.
type spread struct {
	mutex sync.Mutex
	count map[string]map[string]int // by cluster, subnet
}

func (s *spread) of(cluster string) map[string]int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	load := map[string]int{}
	for subnet, n := range s.count[cluster] {
		load[subnet] = n
	}
	return load
}

func (s *spread) add(cluster, subnet string, n int) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.count == nil {
		s.count = map[string]map[string]int{}
	}
	if s.count[cluster] == nil {
		s.count[cluster] = map[string]int{}
	}
	s.count[cluster][subnet] += n
}

// listed replaces the counts by those of a list.
func (s *spread) listed(count map[string]map[string]int) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.count = count
}

// How long a refused offering is left alone. Capacity comes and goes within
// minutes (three is what others found right); a quota is raised by people; what
// a zone does not have it will not have today.
const (
	capacityRests   = 3 * time.Minute
	quotaRests      = 5 * time.Minute
	notOfferedRests = time.Hour
)

// refusals remembers what EC2 lately had none of, by offering: so that a
// launch goes at once to what may succeed.
type refusals struct {
	mutex sync.Mutex
	until map[offering]refusal
}

type refusal struct {
	class provisioner.Class
	until time.Time
	text  string
}

func (r *refusals) note(now time.Time, region string, o offering, err error) refusal {
	class := cloud.Class(err)
	rests := capacityRests
	switch {
	case class == provisioner.Quota:
		rests, o.subnet = quotaRests, region // quotas are the region's
	case codeOf(err) == codeNotOffered:
		rests = notOfferedRests
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.until == nil {
		r.until = map[offering]refusal{}
	}
	for known, what := range r.until {
		if !now.Before(what.until) {
			delete(r.until, known)
		}
	}
	what := refusal{class, now.Add(rests), cloud.Text(err)}
	r.until[o] = what
	return what
}

// of says that an offering was refused lately.
func (r *refusals) of(now time.Time, region string, o offering) (refusal, bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for _, key := range []offering{o, {o.spot, o.size, region}} {
		if what, ok := r.until[key]; ok && now.Before(what.until) {
			return what, true
		}
	}
	return refusal{}, false
}
