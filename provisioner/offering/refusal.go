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
	CapacityRests   = 3 * time.Minute
	QuotaRests      = 5 * time.Minute
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
		return Verdict{Class: class, Rests: CapacityRests}
	case provisioner.Quota:
		return Verdict{Class: class, Rests: QuotaRests, Wide: true}
	case provisioner.Throttled, provisioner.Unauthorized, provisioner.InvalidTemplate, provisioner.NotFound,
		provisioner.Transient, provisioner.Unsupported:
	}
	return Verdict{Class: class}
}

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

// Note remembers that the region's cloud refused an offering with these words.
func (r *Refusals) Note(now time.Time, region string, o Offering, v Verdict, text string) Refusal {
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
	what := Refusal{Offering: o, Class: v.Class, Until: now.Add(v.Rests), Text: text}
	if v.Wide {
		o.Zone = "region " + region
	}
	r.until[o] = what
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
func told(refused []Refusal) []provisioner.Refusal {
	var list []provisioner.Refusal
	for _, what := range refused {
		list = append(list, provisioner.Refusal{Offering: what.Offering.String(), Class: what.Class, Text: what.Text})
	}
	return list
}
