package main

import (
	"strings"
	"time"
)

// span is a flag value for how long something lasts: whole seconds, and no
// less than least. The zero value takes none and more.
type span struct {
	time.Duration
	least time.Duration
}

// String writes the span as Set reads it; nothing where it is not given.
func (s *span) String() string {
	if s.Duration == 0 {
		return ""
	}
	text := s.Duration.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// Type names the kind of value in --help.
func (s *span) Type() string { return "duration" }

// Set reads 90s, 30m or 720h.
func (s *span) Set(text string) error {
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return usagef("%q is no span of time; write 90s, 30m or 720h", text)
	case d < 0:
		return usagef("%s is less than nothing", text)
	case d < s.least:
		return usagef("%s is less than %s", text, (&span{Duration: s.least}).String())
	case d%time.Second != 0:
		return usagef("%s is no whole number of seconds", text)
	}
	s.Duration = d
	return nil
}
