package main

import (
	"net/url"
	"time"
)

// when is a flag that names a time: itself, or how long ago it was.
type when struct {
	text string
	ago  time.Duration
	at   time.Time
}

// String is what was typed.
func (w *when) String() string { return w.text }

// Type names the kind of value in --help.
func (w *when) Type() string { return "time" }

// Set reads RFC 3339, a date, a date with hours and minutes, both local, or a duration back from now.
func (w *when) Set(s string) error {
	*w = when{text: s}
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		w.ago = d
		return nil
	}
	if at, err := time.Parse(time.RFC3339, s); err == nil {
		w.at = at
		return nil
	}
	for _, form := range []string{time.DateOnly, "2006-01-02 15:04", "2006-01-02T15:04", time.DateTime} {
		if at, err := time.ParseInLocation(form, s, time.Local); err == nil {
			w.at = at
			return nil
		}
	}
	return usagef("%q is no time; write 2026-03-01, \"2026-03-01 15:04\", 2026-03-01T15:04:05Z, or 90m for that long ago", s)
}

// time is the one that was named.
func (w *when) time() time.Time {
	if w.at.IsZero() {
		return time.Now().Add(-w.ago)
	}
	return w.at
}

// query adds the time to a query, if one was given.
func (w *when) query(q url.Values, name string) {
	if w.text != "" {
		q.Set(name, w.time().UTC().Format(time.RFC3339))
	}
}
