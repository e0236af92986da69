// Package steady is a clock that no step of the machine's clock moves.
//
// Godwit's timers derive from times in rows, so that they survive the manager. A
// machine's clock that is set by hours would make every one of them run out at
// once, or stand still: nodes declared lost, drains cut short, boots given up. A
// [Clock] goes by the monotonic clock of the process and follows the machine's
// clock only so fast that no timer is off by more than a tenth. What it counted
// before a step and what it counts after fit together.
//
// It starts at the machine's time. Nothing can be known of steps before that.
package steady

import (
	"sync"
	"time"
)

// slew is the most by which the clock goes faster or slower than time: a tenth.
const slew = 10

// Clock is safe for concurrent use. Make it with New.
type Clock struct {
	wall    func() time.Time
	elapsed func() time.Duration

	mutex  sync.Mutex
	offset time.Duration // of the reference over the machine's clock
	at     time.Duration // elapsed when value was made
	value  time.Time
}

// New starts at the machine's time.
func New() *Clock {
	start := time.Now()
	return newClock(time.Now, func() time.Duration { return time.Since(start) })
}

func newClock(wall func() time.Time, elapsed func() time.Duration) *Clock {
	return &Clock{wall: wall, elapsed: elapsed, at: elapsed(), value: plain(wall())}
}

// plain drops the monotonic reading, which would make differences ours and the
// machine's at will.
func plain(t time.Time) time.Time { return t.Round(0).UTC() }

// Now is the time, in UTC. It never goes back.
func (c *Clock) Now() time.Time {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	at := c.elapsed()
	passed := at - c.at
	if passed <= 0 {
		return c.value
	}
	next := c.value.Add(passed)
	off := plain(c.wall()).Add(c.offset).Sub(next)
	c.at, c.value = at, next.Add(min(max(off, -passed/slew), passed/slew))
	return c.value
}

// Refer takes another clock's time for the right one, for instance that of a
// database which several managers share: at once, so call it before the first
// time is used for good.
func (c *Clock) Refer(now time.Time) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.offset = plain(now).Sub(plain(c.wall()))
	c.at, c.value = c.elapsed(), plain(now)
}

// Off is how far the machine's clock, or the one referred to, is ahead of this
// one: what a step has left to follow.
func (c *Clock) Off() time.Duration {
	now := c.Now()
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return plain(c.wall()).Add(c.offset).Sub(now)
}
