package main

import (
	"testing"
	"time"
)

func TestSpansReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]time.Duration{"1m": time.Minute, "90s": 90 * time.Second, "720h": 720 * time.Hour, "1h30m": 90 * time.Minute} {
		s := span{least: time.Minute}
		if err := s.Set(in); err != nil || s.Duration != want {
			t.Errorf("%s: %s, %v; want %s", in, s.Duration, err, want)
		}
		again := span{least: time.Minute}
		if err := again.Set(s.String()); err != nil || again.Duration != want {
			t.Errorf("%s written as %s reads %s, %v", in, s.String(), again.Duration, err)
		}
	}
	for _, bad := range []string{"", "soon", "0s", "0", "-3h", "-1h", "59s", "1m0.5s", "10000000h"} {
		s := span{least: time.Minute}
		if err := s.Set(bad); err == nil {
			t.Errorf("%q was taken for %s", bad, s.Duration)
		}
	}
	var none span
	if err := none.Set("0s"); err != nil || none.Duration != 0 {
		t.Errorf("none: %v", err)
	}
	if err := none.Set("-1s"); err == nil {
		t.Error("less than nothing was taken")
	}
}
