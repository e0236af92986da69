package provisioner

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Class is the kind of a provider's failure: a closed set, on which callers
// act. A class is itself an error, so that errors.Is(err, Capacity) asks.
type Class string

// The classes, and what a caller does about each.
const (
	// Capacity: the provider has none of this offering now. Try another
	// offering at once, this one later.
	Capacity Class = "capacity"
	// Quota: the account's limit is reached. Same, and tell the operator.
	Quota Class = "quota"
	// Throttled: too many calls. Repeat after RetryAfter.
	Throttled Class = "throttled"
	// Unauthorized: credentials are missing, wrong or not allowed to do this.
	Unauthorized Class = "unauthorized"
	// InvalidTemplate: the request can never succeed as it is; Field says why.
	InvalidTemplate Class = "invalid template"
	// NotFound: there is no such instance, or no longer.
	NotFound Class = "not found"
	// Transient: it failed and may work when repeated.
	Transient Class = "transient"
	// Unsupported: the provider's Capabilities exclude this.
	Unsupported Class = "unsupported"
)

// Error makes a class usable as the target of errors.Is.
func (c Class) Error() string { return string(c) }

// Error is a provider's failure.
type Error struct {
	Class Class
	// Op is the contract's method, in lower case: "launch".
	Op string
	// Subject is what it was about: an instance id, a zone and type.
	Subject string
	// Field of the template at fault, when Class is InvalidTemplate.
	Field string
	// RetryAfter is the provider's own advice; zero when it gave none.
	RetryAfter time.Duration
	// Refused is what a launch that came to nothing was refused, in the order in
	// which it was asked; may be empty.
	Refused []Refusal
	// Err is the cause; may be nil.
	Err error
}

// Error says what was tried, on what, and what happened.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Subject != "" {
		b.WriteString(" " + e.Subject)
	}
	b.WriteString(": " + string(e.Class))
	if e.Field != "" {
		b.WriteString(" (" + e.Field + ")")
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.RetryAfter > 0 {
		fmt.Fprintf(&b, " (retry after %s)", e.RetryAfter)
	}
	return b.String()
}

// Unwrap yields the class and the cause, for errors.Is and errors.As.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Class}
	}
	return []error{e.Class, e.Err}
}

// ClassOf returns the class of an error. What carries no class is Transient:
// not knowing better, a caller repeats. Nil has no class.
func ClassOf(err error) Class {
	if err == nil {
		return ""
	}
	var failure *Error
	if errors.As(err, &failure) {
		return failure.Class
	}
	var class Class
	if errors.As(err, &class) {
		return class
	}
	return Transient
}

// RetryAfter returns the provider's advice on when to repeat, or zero.
func RetryAfter(err error) time.Duration {
	var failure *Error
	if errors.As(err, &failure) {
		return failure.RetryAfter
	}
	return 0
}

// Field returns the template field that an InvalidTemplate error blames.
func Field(err error) string {
	var failure *Error
	if errors.As(err, &failure) {
		return failure.Field
	}
	return ""
}

// Refusal is a way to have an instance that a provider passed over in a launch,
// because it has none of it now or had none a moment ago.
type Refusal struct {
	// Offering is for people: "c7i.large on demand in eu-central-1a".
	Offering string `json:"offering"`
	Class    Class  `json:"class"`
	// Text is the vendor's own.
	Text string `json:"text"`
}

// String says what could not be had and why, with the vendor's code where its
// text begins with one: "c7i.large in eu-central-1a: no capacity (StockOut)".
func (r Refusal) String() string {
	what := string(r.Class)
	switch r.Class {
	case Capacity:
		what = "no capacity"
	case Quota:
		what = "quota reached"
	case InvalidTemplate:
		what = "not to be had"
	case Throttled, Unauthorized, NotFound, Transient, Unsupported:
	}
	if code, _, ok := strings.Cut(r.Text, ":"); ok && code != "" && !strings.ContainsAny(code, " \t") {
		what += " (" + code + ")"
	} else if r.Text != "" {
		what += " (" + r.Text + ")"
	}
	if r.Offering == "" {
		return what
	}
	return r.Offering + ": " + what
}

// Refused returns what a launch was refused, as its error tells.
func Refused(err error) []Refusal {
	var failure *Error
	if errors.As(err, &failure) {
		return failure.Refused
	}
	return nil
}

// Interrupted reports whether an error is only the caller's own context that
// ended: the outcome of the call is then unknown, not bad.
func Interrupted(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// Retryable reports whether the same request may succeed later, unchanged.
func Retryable(err error) bool {
	switch ClassOf(err) {
	case Capacity, Quota, Throttled, Transient:
		return true
	case Unauthorized, InvalidTemplate, NotFound, Unsupported:
	}
	return false
}
