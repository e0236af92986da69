package cluster

import (
	"errors"
	"testing"
	"time"

	"github.com/godwit/godwit/provisioner"
)

func TestEffectRunsOnceAtATimeAndBacksOff(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var waiting []func()
	e := newEffects(&Config{
		Now: func() time.Time { return now }, Parallel: 1,
		Spawn: func(f func()) { waiting = append(waiting, f) },
	})
	ran := 0
	var answer error
	try := func() int {
		e.try("k", func() error { ran++; return answer })
		for len(waiting) > 0 {
			f := waiting[0]
			waiting = waiting[1:]
			f()
		}
		return ran
	}
	e.try("k", func() error { ran++; return nil })
	e.try("k", func() error { t.Error("a second one ran beside the first"); return nil })
	if !e.busy("k") || try() != 1 {
		t.Fatalf("ran %d times", ran)
	}
	answer = errors.New("no")
	pauses := []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second}
	for i, pause := range pauses {
		if got := try(); got != 2+i {
			t.Fatalf("try %d: ran %d times", i, got)
		}
		now = now.Add(pause - time.Millisecond)
		if got := try(); got != 2+i {
			t.Fatalf("ran before its pause of %s was over", pause)
		}
		now = now.Add(time.Millisecond)
	}
	answer = &provisioner.Error{Class: provisioner.Throttled, RetryAfter: 10 * time.Minute}
	try()
	now = now.Add(9 * time.Minute)
	if got := try(); got != 2+len(pauses) {
		t.Errorf("the provider's advice is not kept: ran %d times", got)
	}
	answer = nil
	now = now.Add(2 * time.Minute)
	try()
	if got := try(); got != 4+len(pauses) {
		t.Errorf("a success is not forgotten: ran %d times", got)
	}
}

func TestReservationsLastUntilReportsShowThem(t *testing.T) {
	t.Parallel()
	r := newReservations()
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	r.add("n", at)
	r.add("n", at.Add(3*time.Second))
	for _, row := range []struct {
		reported, now time.Duration
		want          int
		why           string
	}{
		{2 * time.Second, 4 * time.Second, 2, "a report of before they connected shows neither"},
		{6 * time.Second, 7 * time.Second, 1, "a report of six seconds later shows the first"},
		{6 * time.Second, 40 * time.Second, 0, "a client that never came is given up"},
	} {
		if got := r.expected("n", at.Add(row.reported), at.Add(row.now)); got != row.want {
			t.Errorf("%s: expected %d, want %d", row.why, got, row.want)
		}
	}
}
