package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Limits of a schedule preview.
const (
	maxPreviewDays = 31
	// maxFirings is how many starts all schedules together may have in a preview,
	// four of them one a minute for a week: it takes about 0.2 s.
	maxFirings = 4 * 7 * 24 * 60
)

// Preview is what the schedules of a policy will ask for.
type Preview struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
	// Intervals follow each other without gaps from From until Until.
	Intervals []Interval `json:"intervals"`
	// Warnings tell of what is likely not meant, in the order of the schedules.
	Warnings []ScheduleWarning `json:"warnings"`
}

// Interval is a time in which the minima stay the same.
type Interval struct {
	From         time.Time `json:"from"`
	Until        time.Time `json:"until"`
	MinAvailable int       `json:"min_available"`
	MinIdle      int       `json:"min_idle"`
	// Schedules are the names of those in force, in the policy's order; empty
	// where the policy's own minima stand alone.
	Schedules []string `json:"schedules"`
}

// ScheduleWarning is something about one schedule that an operator should see.
type ScheduleWarning struct {
	// Schedule is its place in the policy, from 0.
	Schedule int         `json:"schedule"`
	Kind     WarningKind `json:"kind"`
	Text     string      `json:"text"`
	// At is when it first happens; zero where it always does.
	At time.Time `json:"at,omitzero"`
}

// WarningKind names a warning for programs.
type WarningKind string

// Kinds of warnings.
const (
	WarnInvalid  WarningKind = "invalid"      // the cron line or its duration cannot be used
	WarnZone     WarningKind = "unknown_zone" // the time zone is not known
	WarnNever    WarningKind = "never"        // no such day ever comes
	WarnNotSoon  WarningKind = "not_soon"     // it does not start in the time shown
	WarnNoEffect WarningKind = "no_effect"    // the policy's own minima are as high
	WarnOverlap  WarningKind = "overlap"      // another one is in force at the same time
	WarnEndless  WarningKind = "endless"      // it starts again before it ends, always
	WarnSkipped  WarningKind = "dst_skipped"  // it starts in an hour that the clock skips
	WarnTwice    WarningKind = "dst_twice"    // it starts in an hour that comes twice
	WarnShifted  WarningKind = "dst_shifted"  // the clock changes while it is in force
	WarnOften    WarningKind = "too_often"    // it starts so often that the preview is cut short
)

// Occurrences tells what the schedules of p ask for from a time on, for so many
// days (at most 31), and what is likely not meant. It also takes a policy that
// Validate refuses, and says so of the schedule.
func Occurrences(p Policy, from time.Time, days int) Preview {
	from = from.UTC().Truncate(time.Second)
	o := &occurrences{p: p, from: from, until: from.AddDate(0, 0, min(max(days, 1), maxPreviewDays))}
	for i := range p.Schedules {
		o.spans = append(o.spans, o.look(i))
	}
	o.overlaps()
	slices.SortStableFunc(o.warnings, func(a, b ScheduleWarning) int { return cmp.Compare(a.Schedule, b.Schedule) })
	return Preview{From: o.from, Until: o.until, Intervals: o.intervals(), Warnings: append([]ScheduleWarning{}, o.warnings...)}
}

type occurrences struct {
	p           Policy
	from, until time.Time
	spans       [][]window // of each schedule, merged
	warnings    []ScheduleWarning
}

func (o *occurrences) warn(i int, kind WarningKind, at time.Time, format string, args ...any) {
	if !at.IsZero() {
		at = at.UTC()
	}
	o.warnings = append(o.warnings, ScheduleWarning{Schedule: i, Kind: kind, Text: fmt.Sprintf(format, args...), At: at})
}

// look finds when schedule i is in force.
func (o *occurrences) look(i int) []window {
	s := o.p.Schedules[i]
	c, err := s.compile()
	switch {
	case err != nil && err.field == "time_zone":
		o.warn(i, WarnZone, time.Time{}, "%s is never in force: its time zone %s", s.label(), err.problem)
		return nil
	case err != nil && strings.HasSuffix(err.problem, "never comes"):
		o.warn(i, WarnNever, time.Time{}, "%s is never in force: %s", s.label(), err.problem)
		return nil
	case err != nil:
		o.warn(i, WarnInvalid, time.Time{}, "%s is never in force: %s", s.label(), err.problem)
		return nil
	case s.DurationS <= 0:
		o.warn(i, WarnInvalid, time.Time{}, "%s lasts %d s: it is never in force", s.label(), s.DurationS)
		return nil
	}
	if s.MinAvailable <= o.p.MinAvailable && s.MinIdle <= o.p.MinIdle {
		o.warn(i, WarnNoEffect, time.Time{}, "%s raises nothing: the policy's own minima (%d available, %d idle) are as high",
			s.label(), o.p.MinAvailable, o.p.MinIdle)
	}
	windows := s.firings(c, o.from, o.until, maxFirings/len(o.p.Schedules))
	if len(windows) == maxFirings/len(o.p.Schedules) {
		o.until = windows[len(windows)-1].From
		o.warn(i, WarnOften, o.until, "%s starts so often that the preview ends at %s", s.label(), s.date(o.until))
	}
	if len(windows) == 0 {
		next := c.Next(o.until.Add(-time.Second))
		o.warn(i, WarnNotSoon, next, "%s is not in force in the time shown; it starts next on %s", s.label(), s.date(next))
		return nil
	}
	merged := merge(windows)
	if first := merged[0]; len(merged) == 1 && len(windows) > 1 && !first.Until.Before(o.until) && windows[1].From.Before(windows[0].Until) {
		o.warn(i, WarnEndless, time.Time{}, "%s starts again after %s, before its %s are over: it is always in force", s.label(),
			hours(windows[1].From.Sub(windows[0].From)), hours(seconds(s.DurationS)))
	}
	o.clockChanges(i, c, windows)
	return merged
}

// firings are the times in force that touch [from, until), one by one, at most n.
func (s Schedule) firings(c *wallClock, from, until time.Time, n int) []window {
	length := seconds(s.DurationS)
	var out []window
	for at := c.Next(from.Add(-length)); !at.IsZero() && at.Before(until) && len(out) < n; at = c.Next(at) {
		out = append(out, window{From: at, Until: at.Add(length)})
	}
	return out
}

// merge joins windows, in order of their begin, that touch.
func merge(windows []window) []window {
	var out []window
	for _, w := range windows {
		if n := len(out); n > 0 && !w.From.After(out[n-1].Until) {
			out[n-1].Until = latest(out[n-1].Until, w.Until)
			continue
		}
		out = append(out, w)
	}
	return out
}

// overlaps says once for each pair of schedules which of them counts.
func (o *occurrences) overlaps() {
	for i := range o.spans {
		for j := i + 1; j < len(o.spans); j++ {
			at, ok := meet(o.spans[i], o.spans[j], o.from)
			if !ok {
				continue
			}
			a, b := o.p.Schedules[i], o.p.Schedules[j]
			o.warn(i, WarnOverlap, at, "%s and %s are both in force from %s: the larger of each minimum counts, %s",
				a.label(), b.label(), a.date(at), larger(a, b))
		}
	}
}

// larger says whose minima count.
func larger(a, b Schedule) string {
	part := func(noun string, x, y int) string {
		switch {
		case x > y:
			return fmt.Sprintf("%d %s of %s", x, noun, a.label())
		case y > x:
			return fmt.Sprintf("%d %s of %s", y, noun, b.label())
		}
		return fmt.Sprintf("%d %s of either", x, noun)
	}
	text := part("available", a.MinAvailable, b.MinAvailable)
	if a.MinIdle > 0 || b.MinIdle > 0 {
		text += " and " + part("idle", a.MinIdle, b.MinIdle)
	}
	return text
}

// meet finds the first time, not before from, that lies in a window of each.
func meet(a, b []window, from time.Time) (time.Time, bool) {
	for len(a) > 0 && len(b) > 0 {
		begin := latest(latest(a[0].From, b[0].From), from)
		if begin.Before(a[0].Until) && begin.Before(b[0].Until) {
			return begin, true
		}
		if a[0].Until.Before(b[0].Until) {
			a = a[1:]
		} else {
			b = b[1:]
		}
	}
	return time.Time{}, false
}

// intervals cuts the time where the minima change.
func (o *occurrences) intervals() []Interval {
	cuts := []time.Time{o.from}
	for _, windows := range o.spans {
		for _, w := range windows {
			for _, at := range []time.Time{w.From, w.Until} {
				if at.After(o.from) && at.Before(o.until) {
					cuts = append(cuts, at.UTC())
				}
			}
		}
	}
	slices.SortFunc(cuts, time.Time.Compare)
	cuts = slices.CompactFunc(cuts, time.Time.Equal)
	out := make([]Interval, 0, len(cuts))
	for k, at := range cuts {
		until := o.until
		if k+1 < len(cuts) {
			until = cuts[k+1]
		}
		v := Interval{From: at, Until: until, Schedules: o.inForce(at)}
		f := o.p.floorsAt(at) // the same that Decide asks
		v.MinAvailable, v.MinIdle = f.available, f.idle
		if n := len(out); n > 0 && out[n-1].same(v) {
			out[n-1].Until = until
			continue
		}
		out = append(out, v)
	}
	return out
}

func (v Interval) same(w Interval) bool {
	return v.MinAvailable == w.MinAvailable && v.MinIdle == w.MinIdle && slices.Equal(v.Schedules, w.Schedules)
}

func (o *occurrences) inForce(at time.Time) []string {
	names := []string{}
	for i, windows := range o.spans {
		if slices.ContainsFunc(windows, func(w window) bool { return !at.Before(w.From) && at.Before(w.Until) }) {
			names = append(names, o.p.Schedules[i].label())
		}
	}
	return names
}
