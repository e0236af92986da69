//go:build linux

// Package beside measures what a session of Godwit and a CUBIC of the kernel leave
// each other on one emulated path: how much of the link either sends to, by round
// trips and by seconds after the second of them came.
package beside

import (
	"slices"
	"time"

	"github.com/godwit/godwit/bench/wan/emulator"
)

// The path of all scenes: the queue is one bandwidth-delay product.
const (
	linkRate = 100e6
	rtt      = 50 * time.Millisecond
)

var model = emulator.Model{Rate: linkRate, Queue: rtt, Delay: rtt / 2}

// never is the start of who does not take part.
const never = time.Duration(-1)

// scene is who comes when, after the beginning.
type scene struct {
	name, about   string
	policy        string
	godwit, cubic time.Duration
	lasts         time.Duration
}

const (
	first  = 10 * time.Second // that the first has the link to itself
	common = 20 * time.Second // that both are watched
)

var scenes = []scene{
	{"cubic-alone", "cubic alone", "", never, 0, 6 * time.Second},
	{"low-alone", "policy low alone", "low", 0, never, first},
	{"low-first", "policy low for ten seconds, then cubic", "low", 0, first, first + 6*time.Second},
	{"low-later", "cubic for ten seconds, then policy low", "low", first, 0, first + common},
	{"fair-together", "policy fair and cubic at once", "fair", 0, 0, common},
	{"fair-later", "cubic for ten seconds, then policy fair", "fair", first, 0, first + common},
}

func sceneNamed(name string) (scene, bool) {
	i := slices.IndexFunc(scenes, func(s scene) bool { return s.name == name })
	if i < 0 {
		return scene{}, false
	}
	return scenes[i], true
}

// sample is what either had sent and brought across by a moment.
type sample struct {
	at            time.Duration
	godwit, cubic emulator.Share
}

// track is the samples of one run, in order.
type track []sample

// arrival is when the one that of tells had sent more than a few packets: its data began.
func (t track) arrival(of func(sample) emulator.Share) (time.Duration, bool) {
	const handshakes = 8000 // bytes: what is said before data
	for _, s := range t {
		if of(s).Sent > handshakes {
			return s.at, true
		}
	}
	return 0, false
}

func godwitOf(s sample) emulator.Share { return s.godwit }
func cubicOf(s sample) emulator.Share  { return s.cubic }
func sent(s emulator.Share) uint64     { return s.Sent }
func crossed(s emulator.Share) uint64  { return s.Crossed }

// mean is the rate between two moments, as a share of the link.
func (t track) mean(of func(sample) emulator.Share, what func(emulator.Share) uint64, from, to time.Duration) float64 {
	a, b := t.by(from), t.by(to)
	if b.at <= a.at {
		return 0
	}
	return float64(what(of(b))-what(of(a))) * 8 / (b.at - a.at).Seconds() / linkRate
}

// by is the last sample that is not later than so.
func (t track) by(at time.Duration) (last sample) {
	for _, s := range t {
		if s.at > at {
			break
		}
		last = s
	}
	return last
}
