package flow

import (
	"testing"
	"time"
)

// TestABusyHostIsTellingOnlyWhenItStaysBehind: what is taken while a host catches up
// says nothing of the path; once it has, or never does, everything says something.
func TestABusyHostIsTellingOnlyWhenItStaysBehind(t *testing.T) {
	t.Parallel()
	var b backlog
	for _, c := range []struct {
		at, waited time.Duration
		telling    bool
	}{
		{1 * ms, 0, true},
		{30 * ms, 20 * ms, false},
		{31 * ms, 1 * ms, false},
		{32 * ms, 0, true},
		{60 * ms, 10 * ms, false},
		{60*ms + catchUpMost - 1, 10 * ms, false},
		{60*ms + catchUpMost, 10 * ms, true},
		{400 * ms, 30 * ms, true},
		{401 * ms, 0, true},
		{402 * ms, 1 * ms, false},
	} {
		b.waited = c.waited
		if got := b.take(c.at); got != c.telling {
			t.Errorf("at %v, after %v in the socket: telling %v", c.at, c.waited, got)
		}
	}
}

// TestTheClockOfReportsIsThatOfArrivals: it stands where the books do, starts before
// the flow, and never goes back.
func TestTheClockOfReportsIsThatOfArrivals(t *testing.T) {
	t.Parallel()
	var b backlog
	for _, c := range []struct{ now, last, waited, want time.Duration }{
		{0, 0, 300 * ms, -300 * ms}, // of before the flow
		{20 * ms, 20 * ms, 0, 20 * ms},
		{100 * ms, 100 * ms, 60 * ms, 40 * ms},
		{110 * ms, 100 * ms, 60 * ms, 60 * ms}, // of what lay there, ten are over
		{200 * ms, 100 * ms, 60 * ms, 200 * ms},
		{201 * ms, 201 * ms, 50 * ms, 200 * ms},
	} {
		b.waited = c.waited
		b.take(c.last)
		if got := b.report(c.now, c.last) - clockOrigin; got != c.want {
			t.Errorf("at %v, with %v in the socket at %v: %v, want %v", c.now, c.waited, c.last, got, c.want)
		}
	}
}
