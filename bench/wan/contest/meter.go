//go:build linux

package contest

import (
	"time"

	"github.com/godwit/godwit/bench/wan/emulator"
)

// point is what had crossed the path by then.
type point struct {
	seconds float64
	bytes   uint64
}

// curve is bytes over time.
type curve []point

// secondHalf is the share of all bytes that crossed in the second half of so
// many seconds, per second: times the bytes of files, their rate then.
func (c curve) secondHalf(seconds float64) float64 {
	if len(c) == 0 || seconds <= 0 {
		return 0
	}
	all, half := float64(c.at(seconds)), float64(c.at(seconds/2))
	if all == 0 {
		return 0
	}
	return (all - half) / all / (seconds / 2)
}

// at is how many bytes had crossed by then, between measured points in proportion.
func (c curve) at(seconds float64) float64 {
	before := point{}
	for _, p := range c {
		if p.seconds >= seconds {
			if p.seconds == before.seconds {
				return float64(p.bytes)
			}
			part := (seconds - before.seconds) / (p.seconds - before.seconds)
			return float64(before.bytes) + part*float64(p.bytes-before.bytes)
		}
		before = p
	}
	return float64(before.bytes)
}

// meter reads a path's counter ten times a second.
type meter struct {
	quit chan struct{}
	done chan curve
}

// startMeter reads what crosses from a to b, or back.
func startMeter(p *emulator.Path, back bool) *meter {
	crossed := p.Crossed
	if back {
		crossed = p.CrossedBack
	}
	m := &meter{quit: make(chan struct{}), done: make(chan curve, 1)}
	begun := time.Now()
	go func() {
		var c curve
		ticker := time.NewTicker(100 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				c = append(c, point{time.Since(begun).Seconds(), crossed()})
			case <-m.quit:
				m.done <- append(c, point{time.Since(begun).Seconds(), crossed()})
				return
			}
		}
	}()
	return m
}

func (m *meter) stop() curve {
	close(m.quit)
	return <-m.done
}
