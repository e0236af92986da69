package provisioner

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Answer is what a cloud said to a call that failed, in the contract's terms.
type Answer struct {
	Class Class
	// Field of the template at fault, where Class is InvalidTemplate; may be empty.
	Field string
	// Text is the cloud's own words without what its SDK puts around them; empty:
	// the error's.
	Text string
	// RetryAfter is the advice where Class is Throttled.
	RetryAfter time.Duration
}

// Vendor understands the errors of one cloud's SDK. It is given neither the
// contract's own errors nor nil.
type Vendor func(error) Answer

// Class of any error that a call returned; nil has none.
func (v Vendor) Class(err error) Class {
	if err == nil {
		return ""
	}
	if already, ok := errors.AsType[*Error](err); ok {
		return already.Class
	}
	return v(err).Class
}

// Failure makes the contract's error of what a call returned. The end of the
// caller's own context stays what it is, as does an error that is the contract's
// already. Nil stays nil.
func (v Vendor) Failure(op, subject string, err error) error {
	if err == nil {
		return nil
	}
	if Interrupted(err) {
		return fmt.Errorf("%s %s: %w", op, subject, err)
	}
	if already, ok := errors.AsType[*Error](err); ok {
		return already
	}
	a := v(err)
	e := &Error{Class: a.Class, Op: op, Subject: subject, Err: a.plain(err)}
	switch a.Class {
	case Throttled:
		e.RetryAfter = a.RetryAfter
	case InvalidTemplate:
		e.Field = a.Field
	case Capacity, Quota, Unauthorized, NotFound, Transient, Unsupported:
	}
	return e
}

// Text is an error in the cloud's own words, or the contract's cause.
func (v Vendor) Text(err error) string {
	if already, ok := errors.AsType[*Error](err); ok {
		return cmp.Or(already.Err, error(already)).Error()
	}
	return v(err).plain(err).Error()
}

// Templated blames the template for what a launch did not find, for that is
// something that the template names. Other errors stay what they are.
func (v Vendor) Templated(err error) error {
	if v.Class(err) != NotFound {
		return err
	}
	a := v(err)
	return &Error{Class: InvalidTemplate, Op: "launch", Field: a.Field, Err: a.plain(err)}
}

func (a Answer) plain(err error) error {
	if a.Text == "" {
		return err
	}
	return &answered{a.Text, err}
}

// answered is an SDK's error that shows the cloud's words alone.
type answered struct {
	text string
	err  error
}

func (a *answered) Error() string { return a.text }
func (a *answered) Unwrap() error { return a.err }

// Refuse makes an error of one's own; format and values say why.
func Refuse(class Class, op, subject, format string, values ...any) error {
	return &Error{Class: class, Op: op, Subject: subject, Err: fmt.Errorf(format, values...)}
}

// Unknown says that there is no such instance.
func Unknown(op, id string) error { return &Error{Class: NotFound, Op: op, Subject: id} }

// ClassOfStatus is the class of an answer that says no more than its HTTP status.
func ClassOfStatus(status int) Class {
	switch status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
		return InvalidTemplate
	case http.StatusUnauthorized, http.StatusForbidden:
		return Unauthorized
	case http.StatusNotFound, http.StatusGone:
		return NotFound
	case http.StatusTooManyRequests:
		return Throttled
	}
	return Transient
}

// Mention is a word of a cloud's messages, in lower case, and the template's field
// that it is about.
type Mention struct{ Word, Field string }

// Mentioned guesses the field at fault from a message: that of the first of the
// mentions that occurs, in letters of either case.
func Mentioned(message string, list []Mention) string {
	lower := strings.ToLower(message)
	for _, m := range list {
		if strings.Contains(lower, m.Word) {
			return m.Field
		}
	}
	return ""
}

// Advice reads an answer's Retry-After, in seconds; at most as much is believed.
func Advice(header http.Header, most time.Duration) time.Duration {
	seconds, err := strconv.Atoi(header.Get("Retry-After"))
	if err != nil {
		return 0
	}
	return time.Duration(min(max(seconds, 0), int(most.Seconds()))) * time.Second
}
