package steady

import (
	"testing"
	"time"
)

// machine is a computer whose clock can be set.
type machine struct {
	wall    time.Time
	elapsed time.Duration
}

func (m *machine) pass(d time.Duration) { m.wall, m.elapsed = m.wall.Add(d), m.elapsed+d }

func start() (*machine, *Clock) {
	m := &machine{wall: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	return m, newClock(func() time.Time { return m.wall }, func() time.Duration { return m.elapsed })
}

func TestStepOfTheMachinesClockMovesNoTimerByMoreThanATenth(t *testing.T) {
	t.Parallel()
	for _, step := range []time.Duration{-7 * time.Hour, -time.Minute, 0, time.Minute, 5 * time.Hour} {
		m, c := start()
		last := c.Now()
		m.wall = m.wall.Add(step)
		for i := range 1000 {
			m.pass(2 * time.Second)
			now := c.Now()
			if moved := now.Sub(last); moved < 1800*time.Millisecond || moved > 2200*time.Millisecond {
				t.Fatalf("step of %s: two seconds took %s at %d", step, moved, i)
			}
			last = now
		}
		// 2,000 s have taken up 200 s of the step.
		left := max(step.Abs()-200*time.Second, 0)
		if off := c.Off().Abs(); off != left {
			t.Errorf("step of %s: %s are left to follow, want %s", step, off, left)
		}
	}
}

func TestClockStartsAtTheReference(t *testing.T) {
	t.Parallel()
	m, c := start()
	theirs := m.wall.Add(-3 * time.Hour)
	c.Refer(theirs)
	m.pass(time.Minute)
	if now := c.Now(); !now.Equal(theirs.Add(time.Minute)) || c.Off() != 0 {
		t.Errorf("now %s, off by %s", now, c.Off())
	}
}

func TestClockOfThisMachineGoes(t *testing.T) {
	t.Parallel()
	c := New()
	one := c.Now()
	two := c.Now()
	if two.Before(one) || time.Since(two).Abs() > time.Minute {
		t.Errorf("%s, then %s", one, two)
	}
}
