package offering

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/godwit/godwit/provisioner"
)

// How long a refused offering is left alone. Capacity comes and goes within
// minutes (three is what others found right); a quota is raised by people; what
// a zone does not have it will not have today.
const (
	capacityRests   = 3 * time.Minute
	quotaRests      = 5 * time.Minute
	NotOfferedRests = time.Hour
)

// Verdict is what a failure says of the offering that was asked for.
type Verdict struct {
	Class provisioner.Class
	// Rests is how long the offering is left alone; 0: the failure is not its.
	Rests time.Duration
	// Wide: it holds for all zones of the region, as quotas do.
	Wide bool
}

// Judge is the verdict of a class, where a cloud's own words say no more.
func Judge(class provisioner.Class) Verdict {
	switch class {
	case provisioner.Capacity:
		return Verdict{Class: class, Rests: capacityRests}
	case provisioner.Quota:
		return Verdict{Class: class, Rests: quotaRests, Wide: true}
	case provisioner.Throttled, provisioner.Unauthorized, provisioner.InvalidTemplate, provisioner.NotFound,
		provisioner.Transient, provisioner.Unsupported:
	}
	return Verdict{Class: class}
}

// refusal is what a cloud had none of.
type refusal struct {
	offering Offering
	class    provisioner.Class
	until    time.Time
	text     string
}

// refusals remembers them by offering, so that a launch goes at once to what may
// succeed. Its zero value is ready; it is safe for concurrent use.
type refusals struct {
	mutex sync.Mutex
	until map[Offering]refusal
}

// Note remembers that the region's cloud refused an offering with these words.
func (r *refusals) note(now time.Time, region string, o Offering, v Verdict, text string) refusal {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.until == nil {
		r.until = map[Offering]refusal{}
	}
	for known, old := range r.until {
		if !now.Before(old.until) {
			delete(r.until, known)
		}
	}
	what := refusal{o, v.Class, now.Add(v.Rests), text}
	if v.Wide {
		o.Zone = "region " + region
	}
	r.until[o] = what
	return what
}

// Of says that an offering was refused lately.
func (r *refusals) of(now time.Time, region string, o Offering) (refusal, bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for _, at := range []Offering{o, {o.Spot, o.Type, "region " + region}} {
		if what, ok := r.until[at]; ok && now.Before(what.until) {
			return what, true
		}
	}
	return refusal{}, false
}

// exhausted says that all that the template offers was refused: for want of
// quota alone it is Quota, else Capacity. What no zone offers at all is the
// template's fault, which field names.
func exhausted(node, field string, now time.Time, refused []refusal) error {
	class, next := provisioner.InvalidTemplate, time.Time{}
	var texts []string
	for _, what := range refused {
		if rank(what.class) > rank(class) {
			class = what.class
		}
		if next.IsZero() || what.until.Before(next) {
			next = what.until
		}
		text := what.offering.String() + ": " + what.text
		if !slices.Contains(texts, text) && len(texts) < 4 {
			texts = append(texts, text)
		}
	}
	e := &provisioner.Error{
		Class: class, Op: "launch", Subject: node, RetryAfter: max(0, next.Sub(now)), Refused: told(refused),
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

// told puts refusals into the contract's terms.
func told(refused []refusal) []provisioner.Refusal {
	var list []provisioner.Refusal
	for _, what := range refused {
		list = append(list, provisioner.Refusal{Offering: what.offering.String(), Class: what.class, Text: what.text})
	}
	return list
}
