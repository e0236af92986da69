package policy

import (
	"fmt"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // managers run in images that hold no zone files

	"github.com/robfig/cron/v3"
)

// compiled is a schedule ready to be asked. Compiling is pure but slow (it reads
// a zone's table), so results are kept: one entry per text of a valid schedule.
var compiled sync.Map // scheduleKey → *wallClock

type scheduleKey struct{ cron, zone string }

type scheduleError struct{ field, problem string }

func (s Schedule) compile() (*wallClock, *scheduleError) {
	key := scheduleKey{s.Cron, s.TimeZone}
	if c, ok := compiled.Load(key); ok {
		return c.(*wallClock), nil //nolint:forcetypeassert // only these are stored
	}
	if strings.Contains(s.Cron, "TZ=") {
		return nil, &scheduleError{"cron", "names a time zone; put it into time_zone"}
	}
	if strings.HasPrefix(strings.TrimSpace(s.Cron), "@every") {
		return nil, &scheduleError{"cron", "@every has no fixed hours; give five fields, e.g. \"0 8 * * 1-5\""}
	}
	// "Local" would make the same document mean another hour on another machine.
	if s.TimeZone == "Local" {
		return nil, &scheduleError{"time_zone", "\"Local\" is no time zone; give an IANA name such as \"Europe/Berlin\""}
	}
	zone, err := time.LoadLocation(s.TimeZone)
	if err != nil {
		return nil, &scheduleError{"time_zone", fmt.Sprintf("%q is unknown; give an IANA name such as \"Europe/Berlin\"", s.TimeZone)}
	}
	parsed, err := cron.ParseStandard(s.Cron)
	if err != nil {
		return nil, &scheduleError{"cron", fmt.Sprintf("%q is no cron line: %v; give five fields, e.g. \"0 8 * * 1-5\"", s.Cron, err)}
	}
	spec, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return nil, &scheduleError{"cron", fmt.Sprintf("%q has no fixed hours; give five fields", s.Cron)}
	}
	spec.Location = zone
	// The library gives up after five years: the 31st of February never comes.
	if spec.Next(time.Unix(0, 0)).IsZero() {
		return nil, &scheduleError{"cron", fmt.Sprintf("%q never comes", s.Cron)}
	}
	clock := &wallClock{spec}
	compiled.Store(key, clock)
	return clock, nil
}

// wallClock is a cron line read off the clock on a zone's wall. A start in an
// hour that the clock skips comes when it does so: cron itself would leave it
// out, and with it a floor, in zones that change at midnight for a whole day.
type wallClock struct{ *cron.SpecSchedule }

// Next returns the first start after t; zero: there is none within five years.
// It looks from one change of the clock to the next, between which an hour is an
// hour: where the clock goes back by half of one, the library misses a day.
func (w *wallClock) Next(t time.Time) time.Time {
	horizon := t.AddDate(5, 0, 0)
	for begin, after := t, t; ; {
		change := nextClockChange(begin, horizon, w.Location)
		next := w.as(begin).Next(after)
		if change.IsZero() || !next.IsZero() && next.Before(change) {
			return next
		}
		if _, skipped := w.skips(change); skipped {
			return change
		}
		begin, after = change, change.Add(-time.Second)
	}
}

// skips returns the first start, by the clock as it was before, that the change
// leaves out.
func (w *wallClock) skips(change time.Time) (time.Time, bool) {
	shift := clockShift(change, w.Location)
	if shift <= 0 {
		return time.Time{}, false
	}
	before := change.Add(-time.Second)
	at := w.as(before).Next(before)
	return at, !at.IsZero() && at.Before(change.Add(shift))
}

// as is the cron line as if the clock stayed what it is at a time.
func (w *wallClock) as(at time.Time) *cron.SpecSchedule {
	_, offset := at.In(w.Location).Zone()
	spec := *w.SpecSchedule
	spec.Location = time.FixedZone("", offset)
	return &spec
}

// clockShift is how far the clock goes forward, or if negative back, at change.
func clockShift(change time.Time, zone *time.Location) time.Duration {
	_, before := change.Add(-time.Second).In(zone).Zone()
	_, after := change.In(zone).Zone()
	return time.Duration(after-before) * time.Second
}

// nextClockChange finds the first change of the offset in (from, until), to the
// second; zero: there is none.
func nextClockChange(from, until time.Time, zone *time.Location) time.Time {
	for at := from; ; {
		_, end := at.In(zone).ZoneBounds()
		if end.IsZero() || !end.Before(until) {
			return time.Time{}
		}
		if clockShift(end, zone) != 0 { // else another name for the same time
			return end
		}
		at = end
	}
}

// window is one time that a schedule is in force.
type window struct {
	From, Until time.Time
}

// activeAt returns the window that is in force at now.
func (s Schedule) activeAt(now time.Time) (window, bool) {
	c, err := s.compile()
	if err != nil {
		return window{}, false
	}
	length := seconds(s.DurationS)
	at := c.Next(now.Add(-length))
	if at.IsZero() || at.After(now) {
		return window{}, false
	}
	return window{From: at, Until: at.Add(length)}, true
}

func (s Schedule) label() string {
	if s.Name != "" {
		return s.Name
	}
	zone := s.TimeZone
	if zone == "" {
		zone = "UTC"
	}
	return s.Cron + " " + zone
}

// floors are the minima in force and, where a schedule raised them, which.
type floors struct {
	available, idle int
	raisedBy        string
	until           time.Time
}

// floorsAt never asks for more than max_nodes: a policy edit may have lowered
// that below a floor in an older snapshot.
func (p Policy) floorsAt(now time.Time) floors {
	f := floors{available: p.MinAvailable, idle: p.MinIdle}
	for _, s := range p.Schedules {
		if s.MinAvailable <= f.available && s.MinIdle <= f.idle {
			continue
		}
		w, ok := s.activeAt(now)
		if !ok {
			continue
		}
		f.available = max(f.available, s.MinAvailable)
		f.idle = max(f.idle, s.MinIdle)
		f.raisedBy = s.label()
		f.until = w.Until
	}
	// Idle nodes are available ones.
	f.available = min(max(f.available, f.idle), p.MaxNodes)
	f.idle = min(f.idle, p.MaxNodes)
	return f
}
