package policy

import (
	"slices"
	"time"
)

// clockChanges warns of what summer time does to schedule i within the preview:
// a start in an hour that is skipped or comes twice, and an end that moves.
func (o *occurrences) clockChanges(i int, c *wallClock, windows []window) {
	for at := nextClockChange(o.from, o.until, c.Location); !at.IsZero(); at = nextClockChange(at, o.until, c.Location) {
		o.clockChange(i, c, at, windows)
	}
}

func (o *occurrences) clockChange(i int, c *wallClock, change time.Time, windows []window) {
	s, zone, shift := o.p.Schedules[i], c.Location, clockShift(change, c.Location)
	starts := func(at time.Time) bool {
		return slices.ContainsFunc(windows, func(w window) bool { return w.From.Equal(at) })
	}
	old := c.as(change.Add(-time.Second))
	if at, skipped := c.skips(change); skipped {
		if regular := c.SpecSchedule.Next(change.Add(-time.Second)); !regular.Equal(change) {
			o.warn(i, WarnSkipped, change, "%s starts at %s, which does not come on %s, when the clocks in %s go forward: it starts at %s then",
				s.label(), at.In(old.Location).Format("15:04"), day(change.In(zone)), zone, change.In(zone).Format("15:04"))
		}
		return
	}
	if at := old.Next(change.Add(shift - time.Second)); shift < 0 && at.Before(change) && !at.IsZero() && starts(at) && starts(at.Add(-shift)) {
		o.warn(i, WarnTwice, at, "%s starts at %s, which comes twice on %s, when the clocks in %s go back: it starts both times",
			s.label(), at.In(old.Location).Format("15:04"), day(change.In(zone)), zone)
		return
	}
	for k, w := range windows {
		covered := k+1 < len(windows) && !windows[k+1].From.After(w.Until) // the next takes over
		if w.From.Before(change) && w.Until.After(change) && !covered {
			o.warn(i, WarnShifted, w.From, "%s lasts %s by the watch: as the clocks in %s change on %s, it ends at %s there and not at %s", s.label(),
				hours(w.Until.Sub(w.From)), zone, day(change.In(zone)), w.Until.In(zone).Format("15:04"), w.Until.In(old.Location).Format("15:04"))
			return
		}
	}
}

// hours tells whole hours as such.
func hours(d time.Duration) string {
	if d%time.Hour == 0 {
		return textf("%d h", int(d/time.Hour))
	}
	return duration(d)
}

func day(at time.Time) string { return at.Format("Monday 2 January") }

// date is a time as the schedule's own zone tells it.
func (s Schedule) date(at time.Time) string {
	zone, err := time.LoadLocation(s.TimeZone)
	if err != nil {
		zone = time.UTC
	}
	return at.In(zone).Format("Monday 2 January 2006, 15:04")
}
